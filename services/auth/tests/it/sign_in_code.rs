//! Signing in by a code that is mailed.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address};
use crate::{factors, letters};

pub async fn sent(app: &TestApp<Auth>, email: &str) -> String {
    let answer = app.post("/api/auth/otp/send").json(&json!({ "email": email })).send().await.expect(202);
    assert_eq!(answer.body, json!({ "status": "code_sent" }));
    app.run_jobs().await;
    let secret = letters::secrets(app, email, "sign_in_code").await.pop().expect("a code");
    assert!(secret.link_token.is_none());
    secret.code.expect("a code")
}

pub async fn verify(app: &TestApp<Auth>, email: &str, code: &str) -> Answer {
    app.post("/api/auth/otp/verify").json(&json!({ "email": email, "code": code })).send().await
}

/// Six digits that are not `code`.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[actix_web::test]
async fn a_code_signs_in_once_within_ten_minutes_until_the_next() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let first = sent(&app, &anna).await;
    assert!(first.len() == 6 && first.bytes().all(|byte| byte.is_ascii_digit()), "{first}");
    let second = sent(&app, &anna).await;
    if first != second {
        verify(&app, &anna, &first).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(1));
    }
    let body = verify(&app, &anna, &second).await.expect(200).body;
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    verify(&app, &anna, &second).await.expect_problem(401, "code_refused");
    let late = sent(&app, &anna).await;
    app.advance(TimeDelta::minutes(10));
    verify(&app, &anna, &late).await.expect_problem(401, "code_refused");
}

/// V3 and V14: exactly one of many, and five guesses at most.
#[actix_web::test]
async fn v14_of_fifty_at_once_one_signs_in_and_a_code_takes_five_guesses() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let code = sent(&app, &anna).await;
    let answers = join_all((0..50).map(|_| verify(&app, &anna, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 401, 429].contains(&answer.status)));
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1);

    app.advance(TimeDelta::days(1));
    let code = sent(&app, &anna).await;
    for _ in 0..5 {
        verify(&app, &anna, wrong(&code)).await.expect_problem(401, "code_refused");
        app.advance(TimeDelta::seconds(3));
    }
    verify(&app, &anna, &code).await.expect_problem(401, "code_refused");
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1);
}

/// V6: as with a link.
#[actix_web::test]
async fn v06_a_code_takes_an_unconfirmed_account_from_whoever_made_it() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::sign_up(&app, &anna, PASSWORD).await.expect(202);
    let code = sent(&app, &anna).await;
    verify(&app, &anna, &code).await.expect(200);
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(401, "invalid_credentials");
}

/// V15: a code is one factor.
#[actix_web::test]
async fn v15_a_code_does_not_skip_the_second_factor_and_is_not_both() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    factors::everybody_enrols(&app).await;
    let code = sent(&app, &anna).await;
    let answer = verify(&app, &anna, &code).await.expect(200);
    assert_eq!(answer.body["mfaRequired"], true);
    let kept = app.sql("SELECT about FROM one_time_tokens WHERE purpose = 'second_factor'").await;
    assert_eq!(kept[0]["about"]["methods"], "email");
    app.superuser().await.run("UPDATE user_factors SET kind = 'email_code'").await;
    let code = sent(&app, &anna).await;
    verify(&app, &anna, &code).await.expect_problem(403, "same_channel_twice");
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
}

/// V16: nothing that was known before a step is worth anything after it.
#[actix_web::test]
async fn v16_what_was_shown_before_a_step_does_not_survive_it() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    factors::everybody_enrols(&app).await;
    let code = sent(&app, &anna).await;
    let planted = "01920000-0000-7000-8000-00000000beef";
    let body = json!({ "email": anna, "code": code });
    let first =
        app.post("/api/auth/otp/verify").header("cookie", &format!("__Host-rt={planted}; sid={planted}"));
    let token = first.json(&body).send().await.expect(200).text("mfaToken");
    let shown = factors::everybodys_code(&app);
    let session = factors::second_step(&app, &token, &shown).await.expect(200).body;
    let sid = app.sql("SELECT id FROM sessions").await[0]["id"].clone();
    assert_ne!(sid, planted);
    assert!(!serde_json::to_string(&session).unwrap().contains(&token));
    factors::second_step(&app, &token, &shown).await.expect(401);
    // Nor with a code that nobody has shown yet.
    app.advance(TimeDelta::seconds(30));
    factors::second_step(&app, &token, &factors::everybodys_code(&app)).await.expect(401);
    people::refresh(&app, &token).await.expect(401);
    people::profile(&app, &token).await.expect(401);
}

#[actix_web::test]
async fn the_database_alone_gives_no_code_away() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let code = sent(&app, &anna).await;
    for table in ["one_time_tokens", "events", "jobs", "audit_events"] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        assert!(!rows.contains(&format!("\"{code}\"")), "{table}");
    }
}
