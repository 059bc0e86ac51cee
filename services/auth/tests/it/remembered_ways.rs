//! A remembered device at every way of signing in, and which second factor it stands for.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::authenticator::{Authenticator, register, sign_in_options, step_options};
use crate::browser::Browser;
use crate::factors::{self, App, enrolled, sign_in_with};
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::remembered_devices::{PHONE, is_signed_in, remember, sign_in};
use crate::staff::token;
use crate::{letters, oauth};

/// Somebody with a linked provider, an authenticator app, and a key that does not recognise them.
struct Anna {
    email: String,
    with: App,
    key: Authenticator,
}

impl Anna {
    async fn new(app: &TestApp<Auth>, providers: &Providers) -> Self {
        let email = address(app, "anna");
        people::confirmed(app, &email).await;
        providers.vouch_for(Person::new(71, &email));
        let body = oauth::through(app, "google").await.expect(200).body;
        let with = enrolled(app, token(&body)).await;
        let body = sign_in_with(app, &email, &with).await;
        let mut key = Authenticator::touched();
        register(app, token(&body), &mut key).await.expect(201);
        Self { email, with, key }
    }
}

/// Signs in on the phone by a link.
async fn by_link(app: &TestApp<Auth>, email: &str, remembered: &str) -> Answer {
    let asked = json!({ "email": email, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256" });
    app.post("/api/auth/magic-link").json(&asked).send().await.expect(202);
    app.run_jobs().await;
    let secret = letters::secrets(app, email, "magic_link").await.pop().expect("a link");
    let body = json!({
        "token": secret.link_token, "codeVerifier": VERIFIER, "deviceId": PHONE, "deviceToken": remembered,
    });
    app.post("/api/auth/magic-link/consume").json(&body).send().await
}

async fn mailed(app: &TestApp<Auth>, email: &str) -> Option<String> {
    app.post("/api/auth/otp/send").json(&json!({ "email": email })).send().await.expect(202);
    app.run_jobs().await;
    letters::secrets(app, email, "sign_in_code").await.pop().expect("a code").code
}

/// Signs in on the phone by a mailed code.
async fn by_code(app: &TestApp<Auth>, email: &str, remembered: &str) -> Answer {
    let code = mailed(app, email).await;
    let body = json!({ "email": email, "code": code, "deviceId": PHONE, "deviceToken": remembered });
    app.post("/api/auth/otp/verify").json(&body).send().await
}

/// Signs in through a provider, from the device of this name.
async fn by_provider(app: &TestApp<Auth>, device: &str, remembered: &str) -> Answer {
    let body = json!({ "redirectUri": oauth::REDIRECT, "codeChallenge": CHALLENGE, "deviceId": device });
    let started = app.post("/api/auth/oauth/google/start").json(&body).send().await.expect(200);
    let callback = oauth::consent(app, &started.text("authorizationUrl")).await;
    let code = oauth::code_of(&app.get(&callback).send().await.expect(303));
    let body = json!({ "code": code, "codeVerifier": VERIFIER, "deviceToken": remembered });
    app.post("/api/auth/oauth/exchange").json(&body).send().await
}

/// Signs in on the phone by touching a key.
async fn by_key(app: &TestApp<Auth>, key: &mut Authenticator, remembered: &str) -> Answer {
    let credential = key.get(&sign_in_options(app).await);
    let body = json!({ "credential": credential, "deviceId": PHONE, "deviceToken": remembered });
    app.post("/api/auth/passkeys/login/verify").json(&body).send().await
}

/// The token between the steps, after a password on the phone.
async fn half_way(app: &TestApp<Auth>, email: &str) -> String {
    text(&sign_in(app, email, PHONE, None).await, "mfaToken").to_owned()
}

async fn newest_session(app: &TestApp<Auth>) -> Value {
    app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await.remove(0)
}

#[actix_web::test]
async fn a_remembered_device_leaves_out_the_second_factor_whichever_way_one_signs_in() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let mut anna = Anna::new(&app, &providers).await;
    let body = remember(&app, &anna.email, &anna.with).await;
    let proof = text(&body, "deviceToken");
    for wrong in ["guessed", proof] {
        let right = wrong == proof;
        for (way, methods) in [("link", "email"), ("code", "email"), ("provider", "fed"), ("key", "hwk user")]
        {
            app.advance(TimeDelta::seconds(1));
            let answer = match way {
                "link" => by_link(&app, &anna.email, wrong).await,
                "code" => by_code(&app, &anna.email, wrong).await,
                "provider" => by_provider(&app, PHONE, wrong).await,
                _ => by_key(&app, &mut anna.key, wrong).await,
            };
            let answer = answer.expect(200);
            assert_eq!(is_signed_in(&answer.body), right, "{way}: {:#}", answer.body);
            if right {
                // One factor was shown, and one it counts as.
                assert_eq!(newest_session(&app).await, json!({ "amr": methods, "acr": "aal1" }), "{way}");
            }
        }
    }
    assert!(!is_signed_in(&by_provider(&app, "another-device", proof).await.expect(200).body));
}

#[actix_web::test]
async fn a_remembered_browser_is_known_by_its_own_cookie_whichever_way_one_signs_in() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let mut anna = Anna::new(&app, &providers).await;
    app.advance(TimeDelta::seconds(30));
    let browser = Browser::default();
    let body = json!({ "email": anna.email, "password": PASSWORD });
    let half = browser.post(&app, "/api/auth/signin", &body).await.expect(200);
    let step =
        json!({ "mfaToken": half.text("mfaToken"), "code": anna.with.shown(&app), "rememberDevice": true });
    let proof = browser.post(&app, "/api/auth/signin/mfa", &step).await.expect(200).text("deviceToken");
    for (browser, known) in [(Browser::default(), false), (browser, true)] {
        app.advance(TimeDelta::seconds(1));
        let code = mailed(&app, &anna.email).await;
        let by_code = json!({ "email": anna.email, "code": code, "deviceToken": proof });
        let code = oauth::code_of(&oauth::returned(&app, "google").await.expect(303));
        let by_provider = json!({ "code": code, "codeVerifier": VERIFIER, "deviceToken": proof });
        let credential = anna.key.get(&sign_in_options(&app).await);
        let by_key = json!({ "credential": credential, "deviceToken": proof });
        for (path, body) in [
            ("/api/auth/otp/verify", by_code),
            ("/api/auth/oauth/exchange", by_provider),
            ("/api/auth/passkeys/login/verify", by_key),
        ] {
            let answer = browser.post(&app, path, &body).await.expect(200);
            assert_eq!(is_signed_in(&answer.body), known, "{path}: {:#}", answer.body);
        }
    }
}

/// The mailbox is not shown twice by way of a device, nor is a key that was touched twice.
#[actix_web::test]
async fn a_remembered_device_stands_for_the_factor_that_was_shown_on_it_and_for_no_other() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let mut anna = Anna::new(&app, &providers).await;
    let body = sign_in_with(&app, &anna.email, &anna.with).await;
    app.post("/api/auth/mfa/email").token(token(&body)).send().await.expect(201);

    let half = half_way(&app, &anna.email).await;
    app.post("/api/auth/signin/mfa/email").json(&json!({ "mfaToken": half })).send().await.expect(202);
    let code = factors::mailed_code(&app, &anna.email).await;
    let step = json!({ "mfaToken": half, "code": code, "rememberDevice": true });
    let by_mail = app.post("/api/auth/signin/mfa").json(&step).send().await.expect(200).text("deviceToken");
    assert!(is_signed_in(&sign_in(&app, &anna.email, PHONE, Some(&by_mail)).await));
    assert!(is_signed_in(&by_provider(&app, PHONE, &by_mail).await.expect(200).body));
    assert!(is_signed_in(&by_key(&app, &mut anna.key, &by_mail).await.expect(200).body));
    let asked = by_code(&app, &anna.email, &by_mail).await.expect(200).body;
    assert_eq!(asked["methods"], json!(["passkey", "totp", "recovery_code"]));
    assert!(!is_signed_in(&by_link(&app, &anna.email, &by_mail).await.expect(200).body));

    let half = half_way(&app, &anna.email).await;
    let credential = anna.key.get(&step_options(&app, &half).await.expect(200));
    let step = json!({ "mfaToken": half, "credential": credential, "rememberDevice": true });
    let answer = app.post("/api/auth/signin/mfa/passkey/verify").json(&step).send().await.expect(200);
    let by_touch = answer.text("deviceToken");
    assert!(is_signed_in(&by_code(&app, &anna.email, &by_touch).await.expect(200).body));
    assert!(!is_signed_in(&by_key(&app, &mut anna.key, &by_touch).await.expect(200).body));

    // Of a device that was remembered before this was kept nobody knows: it serves as it did then.
    app.superuser().await.run("UPDATE remembered_devices SET factor = 'unknown'").await;
    assert!(is_signed_in(&sign_in(&app, &anna.email, PHONE, Some(&by_touch)).await));
    assert!(!is_signed_in(&by_code(&app, &anna.email, &by_touch).await.expect(200).body));
    assert!(!is_signed_in(&by_provider(&app, PHONE, &by_touch).await.expect(200).body));
}

/// Where the mailbox is the only factor, whoever signs in by it is refused as ever, on whatever device.
#[actix_web::test]
async fn a_remembered_device_makes_no_second_factor_of_the_mailbox() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    app.post("/api/auth/mfa/email").token(token(&body)).send().await.expect(201);
    app.superuser().await.run("DELETE FROM recovery_codes").await;
    let half = half_way(&app, &anna).await;
    app.post("/api/auth/signin/mfa/email").json(&json!({ "mfaToken": half })).send().await.expect(202);
    let code = factors::mailed_code(&app, &anna).await;
    let step = json!({ "mfaToken": half, "code": code, "rememberDevice": true });
    let proof = app.post("/api/auth/signin/mfa").json(&step).send().await.expect(200).text("deviceToken");
    by_code(&app, &anna, &proof).await.expect_problem(403, "same_channel_twice");
}
