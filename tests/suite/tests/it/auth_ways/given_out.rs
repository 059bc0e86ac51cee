//! What staff give out, what a bot is told and what a browser keeps: keys, codes, secrets of webhooks, tokens in somebody's place,
//! passwords for a day, cookies.

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::{Keyring, ServiceTokens};
use shinkofa_kernel::{Role, TenantId};
use suite::{Answer, App, Stack, until};

use super::Walk;

/// An admin who was just hired.
struct Admin<'a> {
    stack: &'a Stack,
    token: String,
}

impl Admin<'_> {
    async fn order(&self, path: &str, body: Value) -> Answer {
        self.stack.post(path).bearer(&self.token).json(&body).send().await
    }

    async fn remove(&self, path: &str) {
        let call = self.stack.call(Method::DELETE, self.stack.url(path)).bearer(&self.token);
        call.send().await.expect(204);
    }
}

impl Walk {
    pub(super) async fn given_out_by_staff(&mut self, stack: &Stack) {
        let account = stack.hire(Role::Admin, App::Enrolled).await;
        let session = stack.sign_in_with_app(&account).await;
        self.keep("a password or a refresh token", account.password);
        self.keep("the secret of an authenticator app", account.totp_secret.expect("an app is enrolled"));
        let token = session["accessToken"].as_str().expect("a token").to_owned();
        self.keep("an access token", token.clone());
        let admin = Admin { stack, token };
        self.keys(&admin).await;
        self.invitations(&admin).await;
        self.webhook(&admin).await;

        let path = format!("/api/admin/users/{}/impersonate", self.person.user_id());
        let seen = admin.order(&path, json!({ "reason": "A look at what leaks" })).await.expect(200);
        let token = seen.text("accessToken");
        stack.get("/api/user/profile").bearer(&token).send().await.expect(200);
        self.keep("the token of an impersonation", token);
    }

    async fn keys(&mut self, admin: &Admin<'_>) {
        let stack = admin.stack;
        let accounts = "/api/tenants/service-accounts";
        let body = json!({ "name": "Import", "scopes": ["booking.classes.manage"] });
        let account = admin.order(accounts, body).await.expect(201).text("id");
        let keys = format!("{accounts}/{account}/keys");
        let key = admin.order(&keys, json!({ "name": "Import job" })).await.expect(201).text("apiKey");
        let (_, secret) = key.rsplit_once('_').expect("a prefix and a secret");
        self.keep("the secret of an API key", secret);
        let body = json!({ "grantType": "client_credentials", "apiKey": key });
        let token = stack.post("/api/auth/token").json(&body).send().await.expect(200).text("accessToken");
        self.keep("the token of a program", token);
        // Where it does not belong.
        stack.get("/api/classes").header("x-api-key", &key).query(&[("apiKey", key.as_str())]).send().await;
        stack.get("/api/user/profile").bearer(&key).send().await.expect(401);
        let wrong = json!({ "grantType": "client_credentials", "apiKey": format!("{key}x") });
        let refused = stack.post("/api/auth/token").json(&wrong).send().await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        self.keep("an API key", key);
        admin.remove(&format!("{accounts}/{account}")).await;
    }

    async fn invitations(&mut self, admin: &Admin<'_>) {
        let (stack, path) = (admin.stack, "/api/tenants/invitations");
        let code = admin.order(path, json!({ "kind": "code", "roles": ["member"] })).await.expect(201);
        let code = code.text("code");
        // The person is a member already.
        let body = json!({ "code": code });
        let refused =
            stack.post("/api/tenants/invitations/accept").bearer(&admin.token).json(&body).send().await;
        assert!(refused.status < 500, "{refused:?}");
        self.keep("the code of an invitation", code.replace('-', ""));
        self.keep("the code of an invitation", code);

        let invited = format!("{}@{}", stack.fresh("invited"), stack.domain);
        let body = json!({ "kind": "email", "email": invited, "roles": ["member"] });
        admin.order(path, body).await.expect(201);
        let token = stack.link_token(&invited, "invitation").await;
        let body = json!({ "token": token });
        let refused =
            stack.post("/api/tenants/invitations/accept").bearer(&admin.token).json(&body).send().await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        self.keep("the token of a mailed link", token);
    }

    async fn webhook(&mut self, admin: &Admin<'_>) {
        let path = "/api/tenants/webhooks";
        let body = json!({ "url": "https://hooks.example.org/in", "eventTypes": ["membership.locked"] });
        let made = admin.order(path, body).await.expect(201);
        let webhook = format!("{path}/{}", made.text("id"));
        let rotated = admin.order(&format!("{webhook}/secret"), json!({})).await.expect(200);
        for answer in [&made, &rotated] {
            self.keep("the secret of a webhook", answer.text("secret"));
        }
        admin.remove(&webhook).await;
    }

    /// What a bot is told for somebody on a Discord server.
    pub(super) async fn for_a_day(&mut self, stack: &Stack) {
        let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
        let bot = ServiceTokens::new(keyring, "bot", stack.clock.clone());
        let caller = bot.sign("auth", "discord", Some(TenantId::DEFAULT), None).expect("signed");
        let auth = stack.processes_of("auth").await;
        let url = format!("http://127.0.0.1:{}/internal/v1/discord/accounts", auth[0].ports[1]);
        let id = stack.clock.new_uuid().as_u128() % 1_000_000_000_000_000_000;
        let body = json!({ "discordId": format!("{id:018}"), "username": "marin" });
        let made = stack.call(Method::POST, url).bearer(&caller).json(&body).send().await.expect(201);
        self.keep("a token between services", caller);
        let (email, password) = (made.text("email"), made.text("password"));
        let session = stack.sign_in(&email, &password).await;
        self.keep("a password for a day", password);
        for member in ["accessToken", "refreshToken"] {
            self.keep("a token of a temporary account", session[member].as_str().expect("a token"));
        }
    }

    /// In cookie mode the browser keeps the refresh token, and a page shows what it was told beside it.
    pub(super) async fn in_a_browser(&mut self, stack: &Stack) {
        let origin = format!("https://app.{}:{}", stack.domain, stack.gateway_port);
        let credentials = json!({ "email": self.person.email, "password": self.person.password });
        let answer = until("a browser signs in", async || {
            let call = stack.post("/api/auth/signin").header("session-mode", "cookie");
            // Nobody signed in with it before, so the owner is written to.
            let call = call.header("user-agent", "Another browser");
            let answer = call.header("origin", &origin).json(&credentials).send().await;
            (answer.status != 429).then_some(answer)
        })
        .await
        .expect(200);
        let cookies = self.keep_cookies(&answer);
        let csrf = answer.text("csrfToken");
        self.keep("an access token", answer.text("accessToken"));
        self.keep("a CSRF token", csrf.clone());
        for shown in ["0".repeat(csrf.len()), csrf] {
            let call = stack.post("/api/auth/refresh").header("origin", &origin).header("cookie", &cookies);
            let call = call.header("sec-fetch-site", "same-origin").header("x-csrf-token", &shown);
            let answer = call.json(&json!({})).send().await;
            assert!(matches!(answer.status, 200 | 401 | 403), "{answer:?}");
            if answer.status == 200 {
                self.keep_cookies(&answer);
                self.keep("an access token", answer.text("accessToken"));
            }
        }
    }

    /// Those that an answer sets, as they are sent back.
    fn keep_cookies(&mut self, answer: &Answer) -> String {
        let set = answer.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let pairs: Vec<&str> = set.filter_map(|cookie| cookie.split(';').next()).collect();
        assert!(!pairs.is_empty(), "{answer:?}");
        let values = pairs.iter().filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
        for value in values.filter(|value| !value.is_empty()) {
            self.keep("a cookie", value);
        }
        pairs.join("; ")
    }
}
