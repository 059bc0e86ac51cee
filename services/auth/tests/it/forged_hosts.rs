//! V4: whatever a request says of the host that it was sent to, its letter comes from the studio that it was sent to, and a link
//! is nothing but a token, which notify puts behind its own configured address.

use auth::Auth;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{AccountLetterRequested, LetterSecret};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Call, TestApp};

use crate::factors::half_way;
use crate::people::{self, PASSWORD, address};
use crate::staff::{staff, token};
use crate::studios::studio;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Everything that proxies say of the host that they were asked for.
fn forged(call: Call, host: &str) -> Call {
    let names = ["x-forwarded-host", "x-forwarded-server", "x-original-host", "x-host"];
    let call = names.iter().fold(call, |call, name| call.header(name, host));
    call.header("x-forwarded-proto", "http").header("forwarded", &format!("host={host};proto=http"))
}

/// Those who are written to.
struct Cast {
    /// Has mailed codes as a second factor: the access token.
    anna: String,
    bob: Value,
    admin: Value,
}

impl Cast {
    async fn new(app: &TestApp<Auth>) -> Self {
        let bob = people::signed_in(app, &address(app, "bob")).await;
        let admin = staff(app, "ada", "admin").await;
        let anna = people::signed_in(app, &address(app, "anna")).await;
        app.post("/api/auth/mfa/email").token(token(&anna)).send().await.expect(201);
        Self { anna: token(&anna).to_owned(), bob, admin }
    }

    /// Asks for a letter at each endpoint that is there to send one, by nobody, half way, signed in and as an admin, the `round`th time.
    async fn ask_for_letters(&self, app: &TestApp<Auth>, (at, claimed): (&str, &str), round: usize) {
        let [bobs, new, guest] = [
            address(app, "bob"),
            address(app, &format!("new{round}")),
            address(app, &format!("guest{round}")),
        ];
        let step = half_way(app, &address(app, "anna")).await;
        let signup = json!({ "email": new, "password": PASSWORD, "name": "New" });
        let link = json!({ "email": bobs, "codeChallenge": CHALLENGE });
        let change = json!({ "newEmail": address(app, &format!("bob{round}")), "currentPassword": PASSWORD });
        let invitation = json!({ "kind": "email", "email": guest, "roles": ["member"] });
        let (anna, bob, admin) = (self.anna.as_str(), token(&self.bob), token(&self.admin));
        for (path, by, body, status) in [
            ("/api/auth/signup", None, signup, 202),
            ("/api/auth/email/resend", None, json!({ "email": new }), 202),
            ("/api/auth/magic-link", None, link, 202),
            ("/api/auth/otp/send", None, json!({ "email": bobs }), 202),
            ("/api/auth/password/forgot", None, json!({ "email": bobs }), 202),
            ("/api/auth/signin/mfa/email", None, json!({ "mfaToken": step }), 202),
            ("/api/auth/reauthenticate/email", Some(anna), json!({}), 202),
            ("/api/auth/email/change", Some(bob), change, 202),
            ("/api/tenants/invitations", Some(admin), invitation, 201),
        ] {
            let call = forged(app.post(path).at_host(at), claimed);
            let call = by.into_iter().fold(call, |call, by| call.token(by));
            let answer = call.json(&body).send().await;
            assert_eq!(answer.status, status, "{path} at {at} for {claimed}: {:#}", answer.body);
            // Each letter is on its way before the next one is asked for.
            app.run_jobs().await;
        }
    }
}

#[actix_web::test]
async fn v04_of_a_forged_host_nothing_reaches_any_letter() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "eve", "elan").await;
    let cast = Cast::new(&app).await;
    let (ours, theirs) = ("app.shinkofa.localhost", elan.host());
    // A host of nobody's, and one of another studio, whose name would stand above the letter.
    for (round, (at, claimed)) in
        [("evil.test", "evil.test"), (ours, theirs.as_str())].into_iter().enumerate()
    {
        let before = app.events().await.len();
        cast.ask_for_letters(&app, (at, claimed), round).await;
        let events = app.events().await.split_off(before);
        assert!(!json!(events).to_string().contains("evil.test"), "{events:#?}");
        let letters: Vec<&Value> = events.iter().filter(|event| is_letter(event)).collect();
        assert!(letters.len() >= 9, "{} letters for nine requests: {letters:#?}", letters.len());
        for letter in letters {
            assert_eq!(letter["for_tenant"], TenantId::DEFAULT.to_string(), "{claimed}: {letter:#}");
            let link = link_of(&app, letter).unwrap_or_default();
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            assert!(link.bytes().all(is_token), "{link} is more than a token");
        }
    }
}

fn is_letter(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    ["account_letter.requested", "email_verification.requested", "signup.known_address"].contains(&kind)
}

/// What the link of a letter will hold, as notify would open it.
fn link_of(app: &TestApp<Auth>, letter: &Value) -> Option<String> {
    let sealed = letter["data"]["sealedSecret"].as_str()?;
    let json = app.service().sealing.open(AccountLetterRequested::SEALED_FOR, sealed).expect("for notify");
    serde_json::from_slice::<LetterSecret>(&json).expect("a secret").link_token
}
