//! Passkeys as a second factor, and shown again for what is sensitive.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::authenticator::{
    Authenticator, VERIFIED, creation_options, passkeys, register, second_step, sign_in, sign_in_options,
    spoil, step_options, step_up, step_up_options, verify_creation, verify_step, verify_step_up,
};
use crate::factors::{self, create_account, half_way, person_with_app, reauthenticate};
use crate::people::{self, PASSWORD, address, text};
use crate::staff::token;

async fn somebody(app: &TestApp<Auth>, who: &str, mut passkey: Authenticator) -> (Value, Authenticator) {
    let body = people::signed_in(app, &address(app, who)).await;
    register(app, token(&body), &mut passkey).await.expect(201);
    (body, passkey)
}

async fn newest_session(app: &TestApp<Auth>) -> Value {
    app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await.remove(0)
}

#[actix_web::test]
async fn touching_a_passkey_is_the_second_factor_after_a_password() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let (_, mut key) = somebody(&app, "anna", Authenticator::touched()).await;
    let half = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(
        (&half["mfaRequired"], &half["methods"]),
        (&json!(true), &json!(["passkey", "recovery_code"]))
    );
    let options = step_options(&app, text(&half, "mfaToken")).await.expect(200);
    assert_eq!(options.headers["cache-control"], "no-store");
    let asked = &options.body["publicKey"];
    assert_eq!(asked["userVerification"], "discouraged");
    assert_eq!(
        asked["allowCredentials"],
        json!([{ "type": "public-key", "id": key.name(), "transports": ["internal", "hybrid"] }])
    );
    // A key that keeps no account says nobody's handle.
    key.user_handle = None;
    let answer = verify_step(&app, text(&half, "mfaToken"), &key.get(&options)).await.expect(200);
    people::profile(&app, &answer.text("accessToken")).await.expect(200);
    assert_eq!(newest_session(&app).await, json!({ "amr": "pwd hwk user", "acr": "aal2" }));
    step_options(&app, text(&half, "mfaToken")).await.expect_problem(401, "second_factor_refused");
}

#[actix_web::test]
async fn somebody_elses_passkey_and_a_removed_one_are_no_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let (body, mut annas) = somebody(&app, "anna", Authenticator::new()).await;
    let (_, mut bobs) = somebody(&app, "bob", Authenticator::new()).await;
    let half = half_way(&app, &address(&app, "anna")).await;
    let options = step_options(&app, &half).await.expect(200);
    verify_step(&app, &half, &bobs.get(&options)).await.expect_problem(401, "second_factor_refused");
    app.advance(TimeDelta::seconds(1));
    let options = step_options(&app, &half).await.expect(200);
    let mut wrong = annas.get(&options);
    spoil(&mut wrong, "signature", 12);
    verify_step(&app, &half, &wrong).await.expect_problem(401, "second_factor_refused");
    // Of the address, and of the person's second factor.
    let twice = json!({ "failures": 2 });
    assert_eq!(app.sql("SELECT failures FROM auth_failures").await, [twice.clone(), twice]);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));

    let mut lost = Authenticator::new();
    let lost_id = register(&app, token(&body), &mut lost).await.expect(201).text("passkeyId");
    crate::authenticator::remove(&app, token(&body), &lost_id).await.expect(204);
    let half = half_way(&app, &address(&app, "anna")).await;
    second_step(&app, &half, &mut lost).await.expect_problem(401, "second_factor_refused");
    app.advance(TimeDelta::seconds(3));
    second_step(&app, &half, &mut annas).await.expect(200);
}

/// V25: a challenge belongs to the step that asked for it.
#[actix_web::test]
async fn v25_a_challenge_of_another_step_or_purpose_is_no_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let (body, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let (here, there) =
        (half_way(&app, &address(&app, "anna")).await, half_way(&app, &address(&app, "anna")).await);
    for other in [
        step_options(&app, &there).await.expect(200),
        sign_in_options(&app).await,
        step_up_options(&app, token(&body)).await.expect(200),
    ] {
        verify_step(&app, &here, &key.get(&other)).await.expect_problem(410, "challenge_gone");
    }
    let late = step_options(&app, &here).await.expect(200);
    let used = key.get(&late);
    verify_step(&app, &here, &used).await.expect(200);
    verify_step(&app, &here, &used).await.expect_problem(401, "second_factor_refused");
}

#[actix_web::test]
async fn a_second_step_presented_fifty_times_at_once_opens_one_session() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let before = app.sql("SELECT id FROM sessions").await.len();
    let half = half_way(&app, &address(&app, "anna")).await;
    let credential = key.get(&step_options(&app, &half).await.expect(200));
    let answers = join_all((0..50).map(|_| verify_step(&app, &half, &credential))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 401, 410].contains(&answer.status)));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), before + 1);
}

#[actix_web::test]
async fn a_token_between_the_steps_takes_five_answers() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let half = half_way(&app, &address(&app, "anna")).await;
    for _ in 0..5 {
        let mut wrong = key.get(&step_options(&app, &half).await.expect(200));
        spoil(&mut wrong, "signature", 12);
        verify_step(&app, &half, &wrong).await.expect_problem(401, "second_factor_refused");
        app.advance(TimeDelta::seconds(5));
    }
    second_step(&app, &half, &mut key).await.expect_problem(401, "second_factor_refused");
}

#[actix_web::test]
async fn a_copied_passkey_is_no_second_factor_and_no_step_up() {
    let app = TestApp::<Auth>::start().await;
    let (body, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    key.counter = 0;
    key.step = 0;
    let half = half_way(&app, &address(&app, "anna")).await;
    second_step(&app, &half, &mut key).await.expect_problem(403, "passkey_cloned");
    app.advance(TimeDelta::seconds(1));
    step_up(&app, token(&body), &mut key).await.expect_problem(403, "passkey_cloned");
    let trail = "SELECT 1 AS one FROM audit_events WHERE action = 'passkey.cloned'";
    assert_eq!(app.sql(trail).await.len(), 2);
}

#[actix_web::test]
async fn whoever_has_no_passkey_is_told_so() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let half = half_way(&app, &anna).await;
    step_options(&app, &half).await.expect_problem(403, "passkey_not_available");
    step_options(&app, "not a token").await.expect_problem(401, "second_factor_refused");
    let body = factors::sign_in_with(&app, &anna, &with).await;
    step_up_options(&app, token(&body)).await.expect_problem(403, "passkey_not_available");
}

#[actix_web::test]
async fn a_device_can_be_remembered_after_a_passkey() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::touched()).await;
    let mut first = json!({ "email": address(&app, "anna"), "password": PASSWORD, "deviceId": "phone-7f3a" });
    let half = app.post("/api/auth/signin").json(&first).send().await.expect(200).text("mfaToken");
    let credential = key.get(&step_options(&app, &half).await.expect(200));
    let step = json!({ "mfaToken": half, "credential": credential, "rememberDevice": true });
    let answer = app.post("/api/auth/signin/mfa/passkey/verify").json(&step).send().await.expect(200);
    first["deviceToken"] = json!(answer.text("deviceToken"));
    let again = app.post("/api/auth/signin").json(&first).send().await.expect(200);
    assert!(again.body["accessToken"].is_string());
    // Without a name nothing can be remembered.
    let half = half_way(&app, &address(&app, "anna")).await;
    let credential = key.get(&step_options(&app, &half).await.expect(200));
    let step = json!({ "mfaToken": half, "credential": credential, "rememberDevice": true });
    let refused = app.post("/api/auth/signin/mfa/passkey/verify").json(&step).send().await;
    refused.expect_problem(422, "invalid_fields");
}

#[actix_web::test]
async fn a_passkey_shown_again_opens_what_is_sensitive() {
    let app = TestApp::<Auth>::start().await;
    let (body, mut key) = somebody(&app, "anna", Authenticator::touched()).await;
    app.advance(TimeDelta::minutes(11));
    creation_options(&app, token(&body)).await.expect_problem(403, "step_up_required");
    let refused = reauthenticate(&app, token(&body), json!({ "password": PASSWORD })).await;
    refused.expect_problem(403, "step_up_required");
    let options = step_up_options(&app, token(&body)).await.expect(200);
    assert_eq!(options.body["publicKey"]["userVerification"], "discouraged");
    assert_eq!(options.body["publicKey"]["allowCredentials"][0]["id"], key.name());
    let mut wrong = key.get(&options);
    spoil(&mut wrong, "signature", 12);
    let refused = verify_step_up(&app, token(&body), &wrong).await;
    refused.expect_problem(403, "reauthentication_refused");
    step_up_options(&app, token(&body)).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));

    let credential = key.get(&step_up_options(&app, token(&body)).await.expect(200));
    let answer = verify_step_up(&app, token(&body), &credential).await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    creation_options(&app, &answer.text("accessToken")).await.expect(200);
    verify_step_up(&app, token(&body), &credential).await.expect_problem(410, "challenge_gone");
    people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
    let trail = "SELECT details FROM audit_events WHERE action = 'session.reauthenticated'";
    assert_eq!(app.sql(trail).await, [json!({ "details": { "methods": "pwd hwk user" } })]);
}

/// V15: where the session showed nothing but a passkey, the passkey has to recognise its user again.
#[actix_web::test]
async fn v15_a_session_of_a_passkey_alone_is_not_stepped_up_by_a_touch() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut key) = somebody(&app, "anna", Authenticator::new()).await;
    let body = sign_in(&app, &mut key).await.expect(200).body;
    app.advance(TimeDelta::minutes(11));
    let options = step_up_options(&app, token(&body)).await.expect(200);
    assert_eq!(options.body["publicKey"]["userVerification"], "required");
    key.flags ^= VERIFIED;
    let refused = verify_step_up(&app, token(&body), &key.get(&options)).await;
    refused.expect_problem(403, "reauthentication_refused");
    app.advance(TimeDelta::seconds(1));
    key.flags ^= VERIFIED;
    let answer = step_up(&app, token(&body), &mut key).await.expect(200);
    creation_options(&app, &answer.text("accessToken")).await.expect(200);
}

/// V25, V24: what another session or another person was asked for steps nobody up, and neither does what this one was asked in order
/// to register a key.
#[actix_web::test]
async fn v25_a_challenge_of_another_session_steps_nobody_up() {
    let app = TestApp::<Auth>::start().await;
    let (_, mut annas) = somebody(&app, "anna", Authenticator::new()).await;
    let (bob, mut bobs) = somebody(&app, "bob", Authenticator::new()).await;
    let here = sign_in(&app, &mut annas).await.expect(200).body;
    let there = sign_in(&app, &mut annas).await.expect(200).body;
    for other in [
        step_up_options(&app, token(&there)).await.expect(200),
        step_up_options(&app, token(&bob)).await.expect(200),
        sign_in_options(&app).await,
    ] {
        let answer = verify_step_up(&app, token(&here), &annas.get(&other)).await;
        answer.expect_problem(410, "challenge_gone");
    }
    let registering = creation_options(&app, token(&here)).await.expect(200);
    let mut options = step_up_options(&app, token(&here)).await.expect(200);
    options.body["publicKey"]["challenge"] = registering.body["publicKey"]["challenge"].clone();
    let answer = verify_step_up(&app, token(&here), &annas.get(&options)).await;
    answer.expect_problem(410, "challenge_gone");
    let options = step_up_options(&app, token(&here)).await.expect(200);
    let refused = verify_step_up(&app, token(&here), &bobs.get(&options)).await;
    refused.expect_problem(403, "reauthentication_refused");
}

/// Those for whom a second factor is mandatory need nothing but a passkey.
#[actix_web::test]
async fn an_admin_enrols_by_a_passkey_alone() {
    let app = TestApp::<Auth>::start().await;
    let boss = address(&app, "boss");
    create_account(&app, &boss, "admin", None).await;
    let body = people::sign_in(&app, &boss, PASSWORD).await.expect(200).body;
    assert_eq!(body["secondFactorEnrolmentRequired"], true);
    let mut key = Authenticator::touched();
    let options = creation_options(&app, token(&body)).await.expect(200);
    let answer = verify_creation(&app, token(&body), &key.create(&options)).await.expect(201);
    assert_eq!(answer.body["recoveryCodes"].as_array().unwrap().len(), 10);
    let renewed = people::refresh(&app, text(&body, "refreshToken")).await.expect(200);
    assert!(renewed.body.get("secondFactorEnrolmentRequired").is_none());
    assert_eq!(passkeys(&app, &renewed.text("accessToken")).await.len(), 1);

    // By password and a touch.
    let half = half_way(&app, &boss).await;
    let signed_in = second_step(&app, &half, &mut key).await.expect(200);
    assert!(signed_in.body.get("secondFactorEnrolmentRequired").is_none());
    // By the passkey, which recognises them.
    key.flags |= VERIFIED;
    let signed_in = sign_in(&app, &mut key).await.expect(200);
    assert!(signed_in.body.get("secondFactorEnrolmentRequired").is_none());
    let page = app.get("/api/admin/users").token(&signed_in.text("accessToken")).send().await;
    page.expect(200);
}
