//! Traces: what is told to a collector holds no secret and nobody's address.
//!
//! The stack exports none. So an understudy of auth, with a database of its own, tells all it does to a collector of the test's.

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::SealingKey;
use suite::{Answer, Call, Stack, TraceSink, Understudy, invariants, until};

use crate::codes::holds;

/// A parent that was sampled: else one request in ten is traced.
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ADDRESS: &str = "198.51.100.178";
/// How many the test makes.
const REQUESTS: usize = 13;
/// The password at first.
const PASSWORD: &str = "a canary of a private sentence";

struct Traced<'a> {
    auth: Understudy<'a>,
}

impl Traced<'_> {
    fn call(&self, method: Method, path: &str) -> Call {
        self.auth.call(method, path).header("traceparent", SAMPLED).header("x-real-ip", ADDRESS)
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    /// What the reader of a letter of this kind is to have, as notify would open it.
    async fn mailed(&self, stack: &Stack, kind: &str, member: &str) -> String {
        let key = SealingKey::parse(&stack.secret("delivery-key")).expect("the stack's key");
        let letters = format!(
            "SELECT data ->> 'sealedSecret' AS sealed FROM auth.events
             WHERE type = 'account_letter.requested' AND data #>> '{{letter,kind}}' = '{kind}'"
        );
        let sealed = until(&format!("a letter is asked for: {kind}"), async || {
            let rows = self.auth.superuser().await.rows(&letters).await;
            rows.last().and_then(|row| row["sealed"].as_str()).map(str::to_owned)
        })
        .await;
        let secret = key.open("account_letter", &sealed).expect("sealed for notify");
        let secret: Value = serde_json::from_slice(&secret).expect("a secret");
        secret[member].as_str().unwrap_or_else(|| panic!("no {member} in a letter: {kind}")).to_owned()
    }
}

#[tokio::test]
async fn what_is_traced_holds_no_secret() {
    let stack = Stack::attach().await;
    let sink = TraceSink::listen().await;
    let mut auth = Understudy::of(&stack, "auth").await;
    let email = format!("{}@{}", stack.fresh("canary"), stack.domain);
    let name = stack.fresh("Nom");
    let password_file = stack.home.join(stack.fresh("suite"));
    std::fs::write(&password_file, PASSWORD).expect("the file is written");
    let file = password_file.to_str().expect("a plain path");
    auth.run(&[
        "create-user",
        "--email",
        &email,
        "--name",
        &name,
        "--role",
        "member",
        "--password-file",
        file,
    ])
    .await;
    std::fs::remove_file(&password_file).expect("the file is removed");
    let endpoint = format!("http://127.0.0.1:{}", sink.port);
    auth.serve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "200")])
        .await;
    let traced = Traced { auth };

    let mut secrets = vec![PASSWORD.to_owned(), email.clone(), name.clone(), ADDRESS.to_owned()];
    let answer =
        traced.post("/api/auth/signin", &json!({ "email": email, "password": PASSWORD })).await.expect(200);
    secrets.extend(["accessToken", "refreshToken"].map(|member| answer.text(member)));
    let profile = traced.call(Method::GET, "/api/user/profile").bearer(answer.text("accessToken"));
    profile.query(&[("email", email.as_str()), ("password", PASSWORD)]).send().await.expect(200);
    let refreshed =
        traced.post("/api/auth/refresh", &json!({ "refreshToken": answer.text("refreshToken") })).await;
    secrets.extend(["accessToken", "refreshToken"].map(|member| refreshed.text(member)));
    let stolen = stack.fresh("a-stolen-token-that-is-none");
    for path in
        ["/api/auth/refresh", "/api/auth/password/reset", "/api/auth/email/verify", "/api/auth/logout"]
    {
        let body = json!({ "refreshToken": stolen, "token": stolen, "newPassword": PASSWORD });
        let answer = traced.post(path, &body).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
    // Tokens and codes of letters, on their way in and on their way back.
    let asked = json!({ "email": email });
    traced.post("/api/auth/otp/send", &asked).await.expect(202);
    let code = traced.mailed(&stack, "sign_in_code", "code").await;
    let answer =
        traced.post("/api/auth/otp/verify", &json!({ "email": email, "code": code })).await.expect(200);
    secrets.extend(["accessToken", "refreshToken"].map(|member| answer.text(member)));
    traced.post("/api/auth/password/forgot", &asked).await.expect(202);
    let token = traced.mailed(&stack, "password_reset", "linkToken").await;
    secrets.push(token.clone());
    let enrolled = traced.call(Method::POST, "/api/auth/mfa/totp").bearer(refreshed.text("accessToken"));
    let enrolled = enrolled.json(&json!({})).send().await;
    secrets.push(enrolled.text("secret"));
    secrets.push(stolen);
    let password = stack.fresh("another canary");
    let body = json!({ "token": token, "newPassword": password });
    traced.post("/api/auth/password/reset", &body).await.expect(204);
    secrets.push(password);
    traced
        .post("/api/auth/signin", &json!({ "email": email, "password": stack.fresh("wrong") }))
        .await
        .expect(401);

    until("the collector was told of every request", async || {
        (sink.text().matches("request_id").count() >= REQUESTS).then_some(())
    })
    .await;
    traced.auth.stop().await;
    let told = sink.text();
    assert!(!holds(&told, &code), "a mailed code is traced");
    for secret in &secrets {
        assert!(!told.contains(secret.as_str()), "{secret} is traced");
        let signature = secret.rsplit('.').next().unwrap_or_default();
        assert!(signature.len() < 40 || !told.contains(signature), "the signature of {secret} is traced");
    }
    invariants::check(&stack).await;
}
