//! Somebody who uses every way that auth has, rightly and wrongly, and the secrets that pass on it.

mod given_out;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shinkofa_identity::totp;
use suite::{Answer, Person, Stack};

/// A secret, and what it is.
pub type Secret = (&'static str, String);

/// Who went all these ways, and what they kept to themselves.
pub struct Walk {
    pub person: Person,
    pub secrets: Vec<Secret>,
}

/// Addresses as a gateway would hand them on, that no test comes from (RFC 5737, RFC 3849). Counting attempts by them is what
/// they are for; nothing is to be told of them.
const CLIENTS: [(&str, &str); 2] =
    [("an IPv4 address", "198.51.100.177"), ("an IPv6 address", "2001:db8:77:77:1234:5678:9abc:def0")];

impl Walk {
    pub async fn all(stack: &Stack) -> Self {
        let person = stack.sign_up("en").await;
        let mut walk = Self { secrets: Vec::new(), person };
        for secret in [walk.person.password.clone(), walk.person.refresh_token.clone()] {
            walk.keep("a password or a refresh token", secret);
        }
        walk.by_link(stack).await;
        walk.by_code(stack).await;
        walk.by_provider(stack).await;
        walk.sign_in_from_addresses(stack).await;
        walk.with_another_password(stack).await;
        walk.in_a_browser(stack).await;
        walk.given_out_by_staff(stack).await;
        walk.for_a_day(stack).await;
        let access = walk.with_a_second_factor(stack).await;
        walk.move_to_another_address_and_back(stack, &access).await;
        walk.not_me(stack).await;
        walk
    }

    fn keep(&mut self, what: &'static str, secret: impl Into<String>) {
        self.secrets.push((what, secret.into()));
    }

    fn keep_tokens(&mut self, answer: &Answer) {
        self.keep("an access token", answer.text("accessToken"));
        self.keep("a refresh token", answer.text("refreshToken"));
    }

    /// The token of the newest link of this kind that was mailed.
    async fn mailed(&mut self, stack: &Stack, page: &str) -> String {
        let token = stack.link_token(&self.person.email, page).await;
        self.keep("the token of a mailed link", token.clone());
        token
    }

    async fn by_link(&mut self, stack: &Stack) {
        let random = [stack.clock.new_uuid(), stack.clock.new_uuid()].map(|id| id.into_bytes()).concat();
        let verifier = URL_SAFE_NO_PAD.encode(random);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        self.keep("a PKCE verifier", verifier.clone());
        let body = json!({ "email": self.person.email, "codeChallenge": challenge });
        stack.post("/api/auth/magic-link").json(&body).send().await.expect(202);
        let token = self.mailed(stack, "magic-link").await;
        let wrong = json!({ "token": token, "codeVerifier": challenge });
        let refused = stack.post("/api/auth/magic-link/consume").json(&wrong).send().await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        let right = json!({ "token": token, "codeVerifier": verifier, "deviceId": self.device(stack) });
        let answer = until_not_locked(stack, "/api/auth/magic-link/consume", &right).await.expect(200);
        self.keep_tokens(&answer);
        stack.post("/api/auth/magic-link/consume").json(&right).send().await.expect(410);
    }

    fn device(&mut self, stack: &Stack) -> String {
        let device = stack.fresh("device");
        self.keep("what a client calls its device", device.clone());
        device
    }

    async fn by_code(&mut self, stack: &Stack) {
        let body = json!({ "email": self.person.email });
        stack.post("/api/auth/otp/send").json(&body).send().await.expect(202);
        let code = suite::until("a code is mailed", async || {
            let mails = stack.mails_to(&self.person.email).await;
            let texts = mails.iter().filter_map(|mail| mail["text"].as_str());
            // Letters with a link have codes too, for another purpose.
            texts.filter(|text| !text.contains("#token=")).find_map(six_digits)
        })
        .await;
        let body = json!({ "email": self.person.email, "code": code });
        let answer = until_not_locked(stack, "/api/auth/otp/verify", &body).await.expect(200);
        self.keep_tokens(&answer);
        self.keep("a mailed code", code);
    }

    /// No provider is configured in the stack. What comes back from one is a secret all the same.
    async fn by_provider(&mut self, stack: &Stack) {
        let (code, state) = (stack.fresh("authorization-code"), stack.fresh("oauth-state"));
        for provider in ["google", "github", "discord"] {
            let call = stack.get(&format!("/api/auth/oauth/{provider}/callback"));
            let answer = call.query(&[("code", code.as_str()), ("state", state.as_str())]).send().await;
            assert!(answer.status < 500, "{answer:?}");
        }
        let body = json!({ "code": code, "codeVerifier": state });
        let answer = stack.post("/api/auth/oauth/exchange").json(&body).send().await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        self.keep("an authorization code", code);
        self.keep("the state of a way through a provider", state);
    }

    async fn sign_in_from_addresses(&mut self, stack: &Stack) {
        let auth = stack.processes_of("auth").await;
        let listener = format!("http://127.0.0.1:{}/api/auth/signin", auth[0].ports[0]);
        for (what, address) in CLIENTS {
            for password in [self.person.password.as_str(), "not this one at all"] {
                let body = json!({ "email": self.person.email, "password": password });
                let call = stack.call(Method::POST, listener.clone());
                let call = call.header("host", &format!("app.{}", stack.domain)).header("x-real-ip", address);
                let answer = call.json(&body).send().await;
                assert!(matches!(answer.status, 200 | 401 | 429), "{answer:?}");
            }
            self.keep(what, address);
        }
    }

    async fn with_another_password(&mut self, stack: &Stack) {
        let body = json!({ "email": self.person.email });
        stack.post("/api/auth/password/forgot").json(&body).send().await.expect(202);
        let token = self.mailed(stack, "reset-password").await;
        let password = stack.fresh("Another-1");
        self.keep("a password", password.clone());
        let short = json!({ "token": token, "newPassword": "short" });
        stack.post("/api/auth/password/reset").json(&short).send().await.expect(422);
        let body = json!({ "token": token, "newPassword": password });
        stack.post("/api/auth/password/reset").json(&body).send().await.expect(204);
        stack.post("/api/auth/password/reset").json(&body).send().await.expect(410);
        self.person.password = password;
    }

    /// Returns the access token that both factors brought.
    async fn with_a_second_factor(&mut self, stack: &Stack) -> String {
        let device = self.device(stack);
        let credentials =
            json!({ "email": self.person.email, "password": self.person.password, "deviceId": device });
        let answer = until_not_locked(stack, "/api/auth/signin", &credentials).await.expect(200);
        self.keep_tokens(&answer);
        let access = answer.text("accessToken");
        let call = stack.post("/api/auth/mfa/totp").bearer(&access).json(&json!({}));
        let enrolled = call.send().await;
        assert!(matches!(enrolled.status, 200 | 201), "{enrolled:?}");
        let secret = enrolled.text("secret");
        self.keep("the secret of an authenticator app", secret.clone());
        let key = BASE32_NOPAD.decode(secret.as_bytes()).expect("base 32");
        let code = totp::code(&key, totp::step_at(stack.clock.now()));
        let path = format!("/api/auth/mfa/totp/{}/confirm", enrolled.text("factorId"));
        let call = stack.post(&path).bearer(&access).json(&json!({ "code": code }));
        let confirmed = call.send().await.expect(200);
        let codes: Vec<String> = confirmed.body["recoveryCodes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        assert_eq!(codes.len(), 10, "{:#}", confirmed.body);
        for code in &codes {
            self.keep("a recovery code", code.clone());
            self.keep("a recovery code", code.replace('-', ""));
        }
        let first = until_not_locked(stack, "/api/auth/signin", &credentials).await.expect(200);
        let token = first.text("mfaToken");
        self.keep("the token between the steps", token.clone());
        let wrong = json!({ "mfaToken": token, "code": "AAAA-AAAA-AAAA-AAAA" });
        let refused = stack.post("/api/auth/signin/mfa").json(&wrong).send().await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        let body = json!({ "mfaToken": token, "code": codes[0], "rememberDevice": true });
        let answer = until_not_locked(stack, "/api/auth/signin/mfa", &body).await.expect(200);
        self.keep_tokens(&answer);
        self.keep("the proof of a remembered device", answer.text("deviceToken"));
        answer.text("accessToken")
    }

    /// What undoes it takes the password away.
    async fn move_to_another_address_and_back(&mut self, stack: &Stack, access: &str) {
        let email = format!("{}@{}", stack.fresh("elsewhere"), stack.domain);
        let body = json!({ "newEmail": email, "currentPassword": self.person.password });
        stack.post("/api/auth/email/change").bearer(access).json(&body).send().await.expect(202);
        let proof = stack.link_token(&email, "confirm-email-change").await;
        self.keep("the token of a mailed link", proof.clone());
        spend(stack, "/api/auth/email/change/confirm", &proof).await;
        let back = self.mailed(stack, "undo-email-change").await;
        spend(stack, "/api/auth/email/change/undo", &back).await;
    }

    /// The link of a letter about a sign-in from another device.
    async fn not_me(&mut self, stack: &Stack) {
        let body = json!({ "token": self.mailed(stack, "not-me").await });
        let answer = stack.post("/api/auth/signin/not-me").json(&body).send().await;
        // A letter that is still under way may have taken its place.
        assert!(matches!(answer.status, 204 | 410), "{answer:?}");
    }
}

/// Uses the token of a link, once with success and once more.
async fn spend(stack: &Stack, path: &str, token: &str) {
    let body = json!({ "token": token });
    stack.post(path).json(&body).send().await.expect(204);
    stack.post(path).json(&body).send().await.expect(410);
}

/// Wrong attempts make the next ones wait.
pub async fn until_not_locked(stack: &Stack, path: &str, body: &Value) -> Answer {
    suite::until(&format!("{path} is looked at"), async || {
        let answer = stack.post(path).json(body).send().await;
        (answer.status != 429).then_some(answer)
    })
    .await
}

/// The first six digits of a text that stand by themselves.
fn six_digits(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.into_iter().find(|word| word.len() == 6).map(str::to_owned)
}
