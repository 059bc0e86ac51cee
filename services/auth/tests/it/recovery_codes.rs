//! Recovery codes: for the day on which the other factors are lost.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shinkofa_testing::TestApp;

use crate::factors::{self, half_way, person_with_app, second_step, sign_in_with};
use crate::people::{self, address};
use crate::trail;

#[actix_web::test]
async fn a_recovery_code_opens_one_session_is_told_of_and_stands_nowhere() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let stored = serde_json::to_string(&app.sql("SELECT * FROM recovery_codes").await).unwrap();
    let events = serde_json::to_string(&app.events().await).unwrap();
    for code in &with.recovery_codes {
        assert_eq!(code.len(), 29, "six groups of four");
        assert!(!stored.contains(code.as_str()) && !events.contains(code.as_str()));
    }
    let code = &with.recovery_codes[3];
    let token = half_way(&app, &anna).await;
    let body = second_step(&app, &token, &code.to_lowercase().replace('-', " ")).await.expect(200).body;
    let list = factors::factors(&app, people::text(&body, "accessToken")).await;
    assert_eq!(list["recoveryCodesLeft"], 9);
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added", "recovery_code_used"]);
    let token = half_way(&app, &anna).await;
    second_step(&app, &token, code).await.expect_problem(401, "second_factor_refused");
    app.advance(TimeDelta::seconds(1));
    second_step(&app, &token, &with.recovery_codes[4]).await.expect(200);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest[0], json!({ "amr": "pwd recovery", "acr": "aal2" }));
    let id = people::text(&body["user"], "userId");
    let used = trail::entry(trail::by_user(id), "user", id);
    assert_eq!(trail::told(&app, "recovery_codes.used").await, [used.clone(), used]);
}

#[actix_web::test]
async fn of_fifty_uses_of_one_recovery_code_at_once_one_counts() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(half_way(&app, &anna).await);
    }
    let code = &with.recovery_codes[0];
    let answers = join_all(tokens.iter().map(|token| second_step(&app, token, code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 401, 429].contains(&answer.status)));
    let used = app.sql("SELECT used_at FROM recovery_codes WHERE used_at IS NOT NULL").await;
    assert_eq!(used.len(), 1);
    let letters = factors::letters(&app, &anna).await;
    assert_eq!(letters.iter().filter(|kind| *kind == "recovery_code_used").count(), 1);
}

#[actix_web::test]
async fn new_recovery_codes_take_the_place_of_the_old_ones() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = sign_in_with(&app, &anna, &with).await;
    let token = people::text(&body, "accessToken");
    let path = "/api/auth/mfa/recovery-codes";
    let answer = app.post(path).token(token).send().await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let codes: Vec<String> = serde_json::from_value(answer.body["recoveryCodes"].clone()).unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added", "recovery_codes_replaced"]);
    let half = half_way(&app, &anna).await;
    second_step(&app, &half, &with.recovery_codes[0]).await.expect(401);
    app.advance(TimeDelta::seconds(1));
    second_step(&app, &half, &codes[0]).await.expect(200);
    app.advance(TimeDelta::minutes(10));
    app.post(path).token(token).send().await.expect_problem(403, "step_up_required");
}

#[actix_web::test]
async fn recovery_codes_stand_in_for_a_factor_and_are_none() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let call = app.post("/api/auth/mfa/recovery-codes").token(people::text(&body, "accessToken"));
    call.send().await.expect_problem(409, "no_second_factor");
}
