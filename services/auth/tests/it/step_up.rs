//! Showing again who one is, for what is sensitive.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_testing::{Answer, TestApp};

use crate::factors::{self, enrol, person_with_app, reauthenticate, sign_in_with};
use crate::people::{self, PASSWORD, address};

fn challenge(answer: &Answer) -> &str {
    answer.headers["www-authenticate"].to_str().expect("text")
}

#[actix_web::test]
async fn a_password_that_was_shown_long_ago_has_to_be_shown_again() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let token = people::text(&body, "accessToken");
    app.advance(TimeDelta::minutes(10));
    enrol(&app, token).await.expect(201);
    app.advance(TimeDelta::seconds(1));
    let refused = enrol(&app, token).await.expect_problem(403, "step_up_required");
    assert_eq!(
        challenge(&refused),
        "Bearer error=\"insufficient_user_authentication\", acr_values=\"aal1\", max_age=600"
    );
    // A refresh brings new tokens and no newer proof.
    let renewed = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    enrol(&app, &renewed.text("accessToken")).await.expect_problem(403, "step_up_required");

    reauthenticate(&app, token, json!({ "password": "not the password" }))
        .await
        .expect_problem(403, "reauthentication_refused");
    reauthenticate(&app, token, json!({ "password": PASSWORD }))
        .await
        .expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::seconds(1));
    let answer = reauthenticate(&app, token, json!({ "password": PASSWORD })).await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    enrol(&app, &answer.text("accessToken")).await.expect(201);
    // It is the session that showed it, so the tokens it has already are good for it too, where auth itself looks.
    let sessions = app.sql("SELECT generation, amr, acr FROM sessions").await;
    assert_eq!(sessions, [json!({ "generation": 3, "amr": "pwd", "acr": "aal1" })]);
    people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
}

#[actix_web::test]
async fn whoever_has_a_second_factor_shows_that() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = sign_in_with(&app, &anna, &with).await;
    let token = people::text(&body, "accessToken");
    app.advance(TimeDelta::minutes(11));
    let path = "/api/auth/mfa/recovery-codes";
    let refused = app.post(path).token(token).send().await.expect_problem(403, "step_up_required");
    assert!(challenge(&refused).contains("acr_values=\"aal2\""));
    let refused = reauthenticate(&app, token, json!({ "password": PASSWORD })).await;
    assert!(challenge(&refused.expect_problem(403, "step_up_required")).contains("acr_values=\"aal2\""));
    let wrong = with.wrong(&app);
    reauthenticate(&app, token, json!({ "code": wrong }))
        .await
        .expect_problem(403, "reauthentication_refused");
    app.advance(TimeDelta::seconds(1));
    let code = with.shown(&app);
    let answer = reauthenticate(&app, token, json!({ "code": code })).await.expect(200);
    app.post(path).token(&answer.text("accessToken")).send().await.expect(200);
    // V14 holds here as well: the code is used up.
    let last = factors::half_way(&app, &anna).await;
    factors::second_step(&app, &last, &code).await.expect_problem(401, "second_factor_refused");
}

#[actix_web::test]
async fn guesses_at_showing_again_are_as_few_as_at_signing_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = sign_in_with(&app, &anna, &with).await;
    let token = people::text(&body, "accessToken");
    app.advance(TimeDelta::seconds(30));
    let wrong = json!({ "code": with.wrong(&app) });
    let answers =
        futures_util::future::join_all((0..100).map(|_| reauthenticate(&app, token, wrong.clone()))).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 403).count();
    assert!((1..=3).contains(&looked_at), "{looked_at} guesses of 100 were looked at");
    assert!(answers.iter().all(|answer| [403, 429].contains(&answer.status)));
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted[0]["failures"], looked_at);
}

#[actix_web::test]
async fn a_password_or_a_code_is_asked_for_and_not_both() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "accessToken");
    for body in [json!({}), json!({ "password": PASSWORD, "code": "123456" })] {
        reauthenticate(&app, token, body).await.expect_problem(422, "invalid_fields");
    }
    // There is no code of an account without a second factor.
    reauthenticate(&app, token, json!({ "code": "123456" }))
        .await
        .expect_problem(403, "reauthentication_refused");
}

/// A stranger's guesses at the address do not keep its owner from changing what protects them.
#[actix_web::test]
async fn strangers_cannot_keep_the_owner_of_a_known_device_from_showing_who_they_are() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let credentials = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-7f3a" });
    let body = app.post("/api/auth/signin").json(&credentials).send().await.expect(200);
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(429);
    reauthenticate(&app, &body.text("accessToken"), json!({ "password": PASSWORD })).await.expect(200);
}

/// What asks for the present password: who answers a wrong one, and a right one where a second factor is missing.
async fn sensitive(app: &TestApp<Auth>, token: &str, password: &str) -> Vec<Answer> {
    let changes = [
        (
            "/api/auth/password/change",
            json!({ "currentPassword": password, "newPassword": "another private sentence" }),
        ),
        ("/api/auth/email/change", json!({ "currentPassword": password, "newEmail": address(app, "new") })),
        ("/api/me/delete", json!({ "password": password })),
    ];
    let mut answers = Vec::new();
    for (path, body) in changes {
        answers.push(app.post(path).token(token).json(&body).send().await);
    }
    answers
}

/// V14: whoever holds a stolen token guesses no faster by going from door to door, and slows nobody who signs in.
#[actix_web::test]
async fn v14_the_password_is_asked_for_inside_on_one_count_that_no_sign_in_waits_for() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let token = people::text(&body, "accessToken");
    app.post("/api/me/delete")
        .token(token)
        .json(&json!({ "password": "a thief guesses" }))
        .send()
        .await
        .expect_problem(403, "wrong_password");
    for answer in sensitive(&app, token, PASSWORD).await {
        answer.expect_problem(429, "too_many_attempts");
    }
    reauthenticate(&app, token, json!({ "password": PASSWORD }))
        .await
        .expect_problem(429, "too_many_attempts");
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    assert_eq!(app.sql("SELECT failures FROM auth_failures").await, [json!({ "failures": 1 })]);

    app.advance(TimeDelta::seconds(1));
    reauthenticate(&app, token, json!({ "password": "a thief guesses" }))
        .await
        .expect_problem(403, "reauthentication_refused");
    for answer in sensitive(&app, token, PASSWORD).await {
        answer.expect_problem(429, "too_many_attempts");
    }
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    assert_eq!(app.sql("SELECT failures FROM auth_failures").await, [json!({ "failures": 2 })]);
    app.advance(TimeDelta::seconds(1));
    reauthenticate(&app, token, json!({ "password": PASSWORD })).await.expect(200);
    assert!(app.sql("SELECT failures FROM auth_failures").await.is_empty());
}

/// The codes of a second factor count there as well.
#[actix_web::test]
async fn v14_a_wrong_code_inside_slows_no_sign_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = sign_in_with(&app, &anna, &with).await;
    app.advance(TimeDelta::seconds(30));
    let wrong = json!({ "code": with.wrong(&app) });
    reauthenticate(&app, people::text(&body, "accessToken"), wrong).await.expect(403);
    let half = factors::half_way(&app, &anna).await;
    factors::second_step(&app, &half, &with.shown(&app)).await.expect(200);
}

#[actix_web::test]
async fn the_password_alone_changes_nothing_where_there_is_a_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = sign_in_with(&app, &anna, &with).await;
    let token = people::text(&body, "accessToken");
    app.advance(TimeDelta::minutes(11));
    for answer in sensitive(&app, token, PASSWORD).await {
        let refused = answer.expect_problem(403, "step_up_required");
        assert!(challenge(&refused).contains("acr_values=\"aal2\""));
    }
    assert_eq!(app.sql("SELECT id FROM email_changes").await.len(), 0);
    let answer = reauthenticate(&app, token, json!({ "code": with.shown(&app) })).await.expect(200);
    let token = answer.text("accessToken");
    for answer in sensitive(&app, &token, "not the password").await.into_iter().take(1) {
        answer.expect_problem(403, "wrong_password");
    }
    app.advance(TimeDelta::seconds(1));
    let statuses: Vec<_> =
        sensitive(&app, &token, PASSWORD).await.iter().map(|answer| answer.status).collect();
    // The change of password took this access token with all others.
    assert_eq!(statuses, [204, 401, 401]);
    let next = people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
    let delete = app.post("/api/me/delete").token(&next.text("accessToken"));
    delete.json(&json!({ "password": "another private sentence" })).send().await.expect(202);
}

#[actix_web::test]
async fn where_there_is_no_second_factor_the_password_is_enough_however_old_the_session() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(TimeDelta::days(3));
    let body = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    let change = json!({ "currentPassword": PASSWORD, "newEmail": address(&app, "new") });
    let token = body.text("accessToken");
    app.post("/api/auth/email/change").token(&token).json(&change).send().await.expect(202);
    let delete = app.post("/api/me/delete").token(&token).json(&json!({ "password": PASSWORD }));
    delete.send().await.expect(202);
}
