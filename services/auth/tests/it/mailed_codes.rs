//! Mailed codes as a second factor: by choice, and never of a sign-in by mail.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::link;
use crate::factors::{self, half_way, reauthenticate, second_step, signed_in_as};
use crate::passwords::{NEW_PASSWORD, forgot, reset};
use crate::people::{self, PASSWORD, address};

pub async fn mail(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/signin/mfa/email").json(&json!({ "mfaToken": token })).send().await
}

/// Somebody who chose mailed codes: their access token.
pub async fn chooser(app: &TestApp<Auth>, email: &str) -> String {
    let body = people::signed_in(app, email).await;
    let token = people::text(&body, "accessToken").to_owned();
    let answer = app.post("/api/auth/mfa/email").token(&token).send().await.expect(201);
    assert_eq!(answer.body["recoveryCodes"].as_array().map(Vec::len), Some(10));
    token
}

fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

#[actix_web::test]
async fn a_mailed_code_is_the_second_step_of_whoever_chose_it() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    chooser(&app, &anna).await;
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["email_code", "recovery_code"]));
    let token = people::text(&body, "mfaToken");
    let answer = mail(&app, token).await.expect(202);
    assert_eq!(answer.text("expiresAt"), "2026-12-01T09:10:00Z");
    let code = factors::mailed_code(&app, &anna).await;
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));
    let kept = serde_json::to_string(&app.sql("SELECT about FROM one_time_tokens").await).unwrap();
    assert!(!kept.contains(&code) && !serde_json::to_string(&app.events().await).unwrap().contains(&code));
    second_step(&app, token, &other_than(&code)).await.expect_problem(401, "second_factor_refused");
    // The step lives as long as its code.
    app.advance(TimeDelta::minutes(9));
    second_step(&app, token, &code).await.expect(200);
    second_step(&app, token, &code).await.expect(401);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest[0], json!({ "amr": "pwd email", "acr": "aal2" }));
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added", "second_factor_code"]);
}

#[actix_web::test]
async fn a_new_code_voids_the_old_one_and_one_belongs_to_its_own_step() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    chooser(&app, &anna).await;
    let first = half_way(&app, &anna).await;
    mail(&app, &first).await.expect(202);
    let old = factors::mailed_code(&app, &anna).await;
    let second = half_way(&app, &anna).await;
    second_step(&app, &second, &old).await.expect(401);
    app.advance(TimeDelta::seconds(1));
    mail(&app, &second).await.expect(202);
    let new = factors::mailed_code(&app, &anna).await;
    if new != old {
        second_step(&app, &first, &old).await.expect(401);
        app.advance(TimeDelta::seconds(1));
    }
    second_step(&app, &second, &new).await.expect(200);
}

#[actix_web::test]
async fn a_mailed_code_is_good_for_ten_minutes_and_a_step_for_a_quarter_of_an_hour() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    chooser(&app, &anna).await;
    let token = half_way(&app, &anna).await;
    mail(&app, &token).await.expect(202);
    let code = factors::mailed_code(&app, &anna).await;
    app.advance(TimeDelta::minutes(10));
    second_step(&app, &token, &code).await.expect(401);
    app.advance(TimeDelta::seconds(1));
    let token = half_way(&app, &anna).await;
    for minutes in [4, 9] {
        app.advance(TimeDelta::minutes(minutes));
        mail(&app, &token).await.expect(202);
    }
    let code = factors::mailed_code(&app, &anna).await;
    app.advance(TimeDelta::minutes(2));
    second_step(&app, &token, &code).await.expect(401);
}

#[actix_web::test]
async fn codes_are_mailed_to_those_alone_who_chose_them_and_not_without_end() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let anna = address(&app, "anna");
    let bob = address(&app, "bob");
    chooser(&app, &anna).await;
    factors::person_with_app(&app, &bob).await;
    let token = half_way(&app, &bob).await;
    mail(&app, &token).await.expect_problem(403, "mailed_code_not_available");
    mail(&app, "nonsense").await.expect_problem(401, "second_factor_refused");
    let token = half_way(&app, &anna).await;
    for _ in 0..5 {
        mail(&app, &token).await.expect(202);
    }
    mail(&app, &token).await.expect_problem(429, "too_many_requests");
}

/// V15: whoever has the mailbox has one factor, not two.
#[actix_web::test]
async fn v15_a_first_step_by_mail_is_never_followed_by_a_mailed_code() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    chooser(&app, &anna).await;
    let token = half_way(&app, &anna).await;
    mail(&app, &token).await.expect(202);
    let code = factors::mailed_code(&app, &anna).await;
    // As a sign-in by mail notes its first step.
    for methods in ["\"email\"", "\"magic_link\"", "\"otp\""] {
        let by_mail = format!(
            "UPDATE one_time_tokens SET about = jsonb_set(about, '{{methods}}', '{methods}')
             WHERE purpose = 'second_factor'"
        );
        app.superuser().await.run(&by_mail).await;
        mail(&app, &token).await.expect_problem(403, "mailed_code_not_available");
        second_step(&app, &token, &code).await.expect_problem(401, "second_factor_refused");
        app.advance(TimeDelta::seconds(30));
    }
    // A step that says nothing of itself is none that a mailed code may follow.
    app.superuser()
        .await
        .run("UPDATE one_time_tokens SET about = NULL WHERE purpose = 'second_factor'")
        .await;
    mail(&app, &token).await.expect_problem(403, "mailed_code_not_available");
}

/// Somebody who chose mailed codes: the recovery codes that they were given.
async fn with_recovery_codes(app: &TestApp<Auth>, email: &str) -> Vec<String> {
    let body = people::signed_in(app, email).await;
    let answer = app.post("/api/auth/mfa/email").token(people::text(&body, "accessToken")).send().await;
    serde_json::from_value(answer.expect(201).body["recoveryCodes"].clone()).expect("texts")
}

/// What whoever reads their mailbox can do.
async fn choose_another_password(app: &TestApp<Auth>, email: &str, password: &str) {
    forgot(app, email).await.expect(202);
    reset(app, &link(app, email, "password_reset").await, password).await.expect(204);
}

/// V15: by way of another password too the mailbox is one factor.
#[actix_web::test]
async fn v15_a_password_that_came_by_letter_is_never_followed_by_a_mailed_code() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let codes = with_recovery_codes(&app, &anna).await;
    choose_another_password(&app, &anna, NEW_PASSWORD).await;
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["recovery_code"]));
    let token = people::text(&body, "mfaToken");
    mail(&app, token).await.expect_problem(403, "mailed_code_not_available");
    second_step(&app, token, &codes[0]).await.expect(200);
    // Who had both is the owner, and knows the password now.
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["email_code", "recovery_code"]));

    choose_another_password(&app, &anna, "a third sentence, only mine").await;
    app.superuser().await.run("DELETE FROM recovery_codes").await;
    let refused = people::sign_in(&app, &anna, "a third sentence, only mine").await;
    refused.expect_problem(403, "same_channel_twice");
}

#[actix_web::test]
async fn whoever_chooses_mailed_codes_with_a_password_that_came_by_letter_is_asked_for_them() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    choose_another_password(&app, &anna, NEW_PASSWORD).await;
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    let call = app.post("/api/auth/mfa/email").token(people::text(&body, "accessToken"));
    call.send().await.expect(201);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["email_code", "recovery_code"]));
}

/// A password that somebody chose by letter is not known to who comes another way.
#[actix_web::test]
async fn what_another_way_in_shows_says_nothing_of_a_password_that_came_by_letter() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let codes = with_recovery_codes(&app, &anna).await;
    choose_another_password(&app, &anna, NEW_PASSWORD).await;
    let token = half_way_with(&app, &anna, NEW_PASSWORD).await;
    let by_provider = "UPDATE one_time_tokens SET about = jsonb_set(about, '{methods}', '\"fed\"')
         WHERE purpose = 'second_factor'";
    app.superuser().await.run(by_provider).await;
    second_step(&app, &token, &codes[0]).await.expect(200);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(body["methods"], json!(["recovery_code"]));
}

async fn half_way_with(app: &TestApp<Auth>, email: &str, password: &str) -> String {
    people::sign_in(app, email, password).await.expect(200).text("mfaToken")
}

/// Those for whom a second factor is mandatory show the strong one.
#[actix_web::test]
async fn an_admin_has_no_use_for_mailed_codes() {
    let app = TestApp::<Auth>::start().await;
    let boss = address(&app, "boss");
    let (body, _) = signed_in_as(&app, &boss, "admin").await;
    app.post("/api/auth/mfa/email").token(people::text(&body, "accessToken")).send().await.expect(201);
    let half = people::sign_in(&app, &boss, PASSWORD).await.expect(200).body;
    assert_eq!(half["methods"], json!(["totp", "recovery_code"]));
    mail(&app, people::text(&half, "mfaToken")).await.expect_problem(403, "mailed_code_not_available");

    // Whoever becomes an admin with mailed codes alone shows them, and then enrols.
    let anna = address(&app, "anna");
    chooser(&app, &anna).await;
    let promote = "UPDATE membership_roles SET role = 'admin' WHERE role = 'member'";
    app.superuser().await.run(promote).await;
    let token = half_way(&app, &anna).await;
    mail(&app, &token).await.expect(202);
    let code = factors::mailed_code(&app, &anna).await;
    let body = second_step(&app, &token, &code).await.expect(200).body;
    assert_eq!(body["secondFactorEnrolmentRequired"], true);
}

#[actix_web::test]
async fn mailed_codes_are_chosen_once_show_again_who_one_is_and_can_be_given_up() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let token = chooser(&app, &anna).await;
    // The session showed a password alone, and now the account has more than that.
    app.post("/api/auth/mfa/email").token(&token).send().await.expect_problem(403, "step_up_required");
    reauthenticate(&app, &token, json!({ "password": PASSWORD }))
        .await
        .expect_problem(403, "step_up_required");
    app.post("/api/auth/reauthenticate/email").token(&token).send().await.expect(202);
    let code = factors::mailed_code(&app, &anna).await;
    reauthenticate(&app, &token, json!({ "code": other_than(&code) }))
        .await
        .expect_problem(403, "reauthentication_refused");
    app.advance(TimeDelta::seconds(1));
    let renewed = reauthenticate(&app, &token, json!({ "code": code })).await.expect(200);
    let token = renewed.text("accessToken");
    app.post("/api/auth/mfa/email").token(&token).send().await.expect_problem(409, "factor_exists");
    let list = factors::factors(&app, &token).await;
    let id = list["items"][0]["factorId"].as_str().unwrap();
    factors::remove(&app, &token, id).await.expect(204);
    assert!(people::sign_in(&app, &anna, PASSWORD).await.expect(200).body["accessToken"].is_string());
}

/// Whoever has nothing but their mailbox would lock themselves out of it.
#[actix_web::test]
async fn whoever_signs_in_by_mail_cannot_choose_mailed_codes() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.superuser().await.run("UPDATE sessions SET amr = 'email'").await;
    let call = app.post("/api/auth/mfa/email").token(people::text(&body, "accessToken"));
    call.send().await.expect_problem(403, "same_channel_twice");
}
