//! People with second factors, as tests need them.

use auth::Auth;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{AccountLetterRequested, LetterSecret};
use shinkofa_identity::totp;
use shinkofa_runtime::Service as _;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD};

/// An authenticator app that was enrolled.
pub struct App {
    pub factor_id: String,
    pub secret: Vec<u8>,
    /// Those that came with the first factor.
    pub recovery_codes: Vec<String>,
}

impl App {
    /// What it shows now.
    pub fn shown(&self, app: &TestApp<Auth>) -> String {
        totp::code(&self.secret, totp::step_at(app.clock.now()))
    }

    /// Six digits that it does not show now.
    pub fn wrong(&self, app: &TestApp<Auth>) -> String {
        let right: u32 = self.shown(app).parse().expect("digits");
        format!("{:06}", (right + 1) % 1_000_000)
    }
}

/// Begins the enrolment of an app.
pub async fn enrol(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/mfa/totp").token(token).send().await
}

pub async fn confirm(app: &TestApp<Auth>, token: &str, factor: &str, code: &str) -> Answer {
    let path = format!("/api/auth/mfa/totp/{factor}/confirm");
    app.post(&path).token(token).json(&json!({ "code": code })).send().await
}

/// Enrols an app and confirms it with what it shows. The code of the present step is used up by that.
pub async fn enrolled(app: &TestApp<Auth>, token: &str) -> App {
    let answer = enrol(app, token).await.expect(201);
    let secret = BASE32_NOPAD.decode(answer.text("secret").as_bytes()).expect("base 32");
    let mut enrolled = App { factor_id: answer.text("factorId"), secret, recovery_codes: Vec::new() };
    let answer = confirm(app, token, &enrolled.factor_id, &enrolled.shown(app)).await.expect(200);
    if answer.body["recoveryCodes"].is_array() {
        enrolled.recovery_codes =
            serde_json::from_value(answer.body["recoveryCodes"].clone()).expect("texts");
    }
    enrolled
}

/// Somebody with an account and an app, signed out everywhere but where they enrolled it; the next step has begun.
pub async fn person_with_app(app: &TestApp<Auth>, email: &str) -> App {
    let body = people::signed_in(app, email).await;
    let enrolled = enrolled(app, people::text(&body, "accessToken")).await;
    app.advance(chrono::TimeDelta::seconds(30));
    enrolled
}

const EVERYBODYS_SECRET: &[u8] = b"12345678901234567890";

/// Gives everybody a confirmed authenticator app with one secret, without a session to enrol it from.
pub async fn everybody_enrols(app: &TestApp<Auth>) {
    let id = "01920000-0000-7000-8000-00000000abcd";
    let sealed = app.service().sealing.seal(&format!("user_factor:{id}"), EVERYBODYS_SECRET).expect("sealed");
    let enrol = format!(
        "INSERT INTO user_factors (realm_id, user_id, id, kind, secret_sealed, confirmed_at, created_at)
         SELECT realm_id, id, '{id}', 'totp', '{sealed}', created_at, created_at FROM users"
    );
    app.superuser().await.run(&enrol).await;
}

/// What everybody's app shows now.
pub fn everybodys_code(app: &TestApp<Auth>) -> String {
    totp::code(EVERYBODYS_SECRET, totp::step_at(app.clock.now()))
}

/// The token between the steps.
pub async fn half_way(app: &TestApp<Auth>, email: &str) -> String {
    people::sign_in(app, email, PASSWORD).await.expect(200).text("mfaToken")
}

pub async fn second_step(app: &TestApp<Auth>, token: &str, code: &str) -> Answer {
    app.post("/api/auth/signin/mfa").json(&json!({ "mfaToken": token, "code": code })).send().await
}

/// Signs in by both steps, once the next time step has begun.
pub async fn sign_in_with(app: &TestApp<Auth>, email: &str, with: &App) -> Value {
    app.advance(chrono::TimeDelta::seconds(30));
    let token = half_way(app, email).await;
    second_step(app, &token, &with.shown(app)).await.expect(200).body
}

pub async fn factors(app: &TestApp<Auth>, token: &str) -> Value {
    app.get("/api/auth/mfa/factors").token(token).send().await.expect(200).body
}

pub async fn remove(app: &TestApp<Auth>, token: &str, factor: &str) -> Answer {
    app.call(Method::DELETE, &format!("/api/auth/mfa/factors/{factor}")).token(token).send().await
}

pub async fn reauthenticate(app: &TestApp<Auth>, token: &str, body: Value) -> Answer {
    app.post("/api/auth/reauthenticate").token(token).json(&body).send().await
}

/// The kinds of the letters about this account, oldest first.
pub async fn letters(app: &TestApp<Auth>, email: &str) -> Vec<String> {
    letter_events(app, email)
        .await
        .iter()
        .map(|event| event["data"]["letter"]["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

/// The code of the newest letter to this address that holds one, as notify would open it.
pub async fn mailed_code(app: &TestApp<Auth>, email: &str) -> String {
    let events = letter_events(app, email).await;
    let sealed = events.iter().rev().find_map(|event| event["data"]["sealedSecret"].as_str());
    let opened = app.service().sealing.open(AccountLetterRequested::SEALED_FOR, sealed.expect("a secret"));
    let secret: LetterSecret = serde_json::from_slice(&opened.expect("sealed for notify")).expect("a secret");
    secret.code.expect("a code")
}

async fn letter_events(app: &TestApp<Auth>, email: &str) -> Vec<Value> {
    let mut events = app.events().await;
    events.retain(|event| event["type"] == "account_letter.requested" && event["personal"]["email"] == email);
    events
}

/// A file that is gone when the test is over.
struct SecretFile(std::path::PathBuf);

impl SecretFile {
    fn new(app: &TestApp<Auth>, name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{}-{name}", app.database.name));
        std::fs::write(&path, format!("{content}\n")).expect("the file is written");
        Self(path)
    }

    fn path(&self) -> String {
        self.0.to_str().expect("a plain path").to_owned()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes an account with this role, as the operator does; with an app that has this secret, where one is given.
pub async fn create_account(app: &TestApp<Auth>, email: &str, role: &str, secret: Option<&[u8]>) {
    let password = SecretFile::new(app, &format!("{role}-password"), PASSWORD);
    let secret_file =
        secret.map(|secret| SecretFile::new(app, &format!("{role}-totp"), &BASE32_NOPAD.encode(secret)));
    let mut arguments: Vec<String> =
        ["--email", email, "--name", "Somebody", "--role", role, "--password-file"].map(str::to_owned).into();
    arguments.push(password.path());
    if let Some(file) = &secret_file {
        arguments.extend(["--totp-secret-file".to_owned(), file.path()]);
    }
    app.service().command("create-user", &arguments).await.expect("the account is made");
}

pub const SECRET: &[u8] = b"12345678901234567890";

/// Somebody with this role who has an app, signed in by both steps: the answer to their sign-in. For the tests of what those
/// may do who need a second factor.
pub async fn signed_in_as(app: &TestApp<Auth>, email: &str, role: &str) -> (Value, App) {
    create_account(app, email, role, Some(SECRET)).await;
    let with = App { factor_id: String::new(), secret: SECRET.to_vec(), recovery_codes: Vec::new() };
    (sign_in_with(app, email, &with).await, with)
}

/// Somebody of [`signed_in_as`] signs in by both steps once more.
pub async fn signs_in_again(app: &TestApp<Auth>, email: &str) -> Value {
    let with = App { factor_id: String::new(), secret: SECRET.to_vec(), recovery_codes: Vec::new() };
    sign_in_with(app, email, &with).await
}
