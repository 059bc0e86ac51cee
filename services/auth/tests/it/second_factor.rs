//! The second step of signing in with an authenticator app.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use shinkofa_testing::TestApp;

use crate::account_letters::link;
use crate::factors::{self, half_way, person_with_app, reauthenticate, second_step, sign_in_with};
use crate::passwords::{NEW_PASSWORD, forgot, reset};
use crate::people::{self, PASSWORD, address};

#[actix_web::test]
async fn somebody_with_a_second_factor_is_asked_for_it_and_both_together_open_a_session() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!((&body["mfaRequired"], &body["methods"]), (&json!(true), &json!(["totp", "recovery_code"])));
    assert!(body.get("accessToken").is_none());
    let token = people::text(&body, "mfaToken");
    second_step(&app, token, &with.wrong(&app)).await.expect_problem(401, "second_factor_refused");
    app.advance(TimeDelta::seconds(1));
    let answer = second_step(&app, token, &with.shown(&app)).await.expect(200);
    people::profile(&app, &answer.text("accessToken")).await.expect(200);
    people::refresh(&app, &answer.text("refreshToken")).await.expect(200);
    let newest = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(newest[0], json!({ "amr": "pwd otp", "acr": "aal2" }));
}

/// V14: one code opens one session, and a token between the steps takes five codes, right or wrong.
#[actix_web::test]
async fn v14_a_code_works_once_and_a_token_takes_few_codes() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let (first, second) = (half_way(&app, &anna).await, half_way(&app, &anna).await);
    let code = with.shown(&app);
    second_step(&app, &first, &code).await.expect(200);
    second_step(&app, &first, &code).await.expect_problem(401, "second_factor_refused");
    second_step(&app, &second, &code).await.expect_problem(401, "second_factor_refused");
    for _ in 0..4 {
        app.advance(TimeDelta::seconds(30));
        second_step(&app, &second, &with.wrong(&app)).await.expect(401);
    }
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &second, &with.shown(&app)).await.expect_problem(401, "second_factor_refused");
    sign_in_with(&app, &anna, &with).await;
}

/// V14: many tokens between the steps do not give many guesses. Three are looked at in a time step, also of the right code.
#[actix_web::test]
async fn v14_of_200_parallel_guesses_three_are_looked_at() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(half_way(&app, &anna).await);
    }
    let right: u32 = with.shown(&app).parse().unwrap();
    let guesses = join_all((0..200).map(|n| {
        let (app, token) = (&app, &tokens[n % tokens.len()]);
        let guess = format!("{:06}", (right + 1 + u32::try_from(n).unwrap()) % 1_000_000);
        async move { second_step(app, token, &guess).await }
    }))
    .await;
    let looked_at = guesses.iter().filter(|answer| answer.status == 401).count();
    assert!((1..=3).contains(&looked_at), "{looked_at} guesses of 200 were looked at");
    assert!(guesses.iter().all(|answer| [401, 429].contains(&answer.status)));
    // Every one that was looked at is in the database, whatever became of its request.
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted[0]["failures"], looked_at);
    let counted = app.sql("SELECT guesses FROM factor_guesses").await;
    assert!(counted[0]["guesses"].as_i64().unwrap() <= 3);
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &tokens[49], &with.shown(&app)).await.expect(200);
}

/// V14: the same with the right code among the guesses, on every twentieth of the steps: it is let in once at most, and counts
/// as one of the three.
#[actix_web::test]
async fn v14_of_200_parallel_guesses_with_the_right_code_at_most_one_is_let_in_and_three_are_looked_at() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let (mut for_wrong, mut for_right) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        for_wrong.push(half_way(&app, &anna).await);
    }
    // A step that was taken is over: what is presented with it later would be refused without being looked at.
    for _ in 0..11 {
        for_right.push(half_way(&app, &anna).await);
    }
    let right = with.shown(&app);
    let number: u32 = right.parse().unwrap();
    let guesses = join_all((0..200_usize).map(|n| {
        let (app, is_right) = (&app, n.is_multiple_of(20));
        let token = if is_right { &for_right[n / 20] } else { &for_wrong[n % for_wrong.len()] };
        let wrong = format!("{:06}", (number + 1 + u32::try_from(n).unwrap()) % 1_000_000);
        let code = if is_right { right.clone() } else { wrong };
        async move { second_step(app, token, &code).await.status }
    }))
    .await;
    assert!(guesses.iter().all(|status| [200, 401, 429].contains(status)), "{guesses:?}");
    let let_in = guesses.iter().filter(|status| **status == 200).count();
    assert!(let_in <= 1, "the code let in {let_in}");
    let looked_at = guesses.iter().filter(|status| **status != 429).count();
    assert!((1..=3).contains(&looked_at), "{looked_at} guesses of 200 were looked at");
    let counted = app.sql("SELECT guesses FROM factor_guesses").await;
    assert!(counted[0]["guesses"].as_i64().unwrap() <= 3);
    // The session that the app was enrolled from, and the one of the right code.
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 1 + let_in);
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &for_right[10], &with.shown(&app)).await.expect(200);
}

/// V14: the right code, presented 200 times at once, opens one session.
#[actix_web::test]
async fn v14_of_200_presentations_of_the_right_code_at_once_one_is_let_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(half_way(&app, &anna).await);
    }
    let code = with.shown(&app);
    let answers = join_all((0..200).map(|n| second_step(&app, &tokens[n % tokens.len()], &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 401, 429].contains(&answer.status)));
    // The session that the app was enrolled from, and this one.
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 2);
}

/// V14: ten wrong codes are ten failures in the database, and the wait grows with them.
#[actix_web::test]
async fn v14_wrong_codes_are_counted_like_wrong_passwords() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    for count in 1..=10 {
        let token = half_way(&app, &anna).await;
        second_step(&app, &token, &with.wrong(&app)).await.expect_problem(401, "second_factor_refused");
        let counted = app.sql("SELECT failures FROM auth_failures").await;
        assert_eq!(counted[0]["failures"], count);
        let locked = people::sign_in(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
        let wait = match count {
            1 | 2 => "1",
            3..=8 => "3",
            _ => "5",
        };
        assert_eq!(locked.headers["retry-after"], wait);
        app.advance(TimeDelta::seconds(30));
    }
}

/// V14: whoever reads the mailbox chooses another password as often as they like, and takes back no guess at the second factor. On a
/// device that its owner signed in on they are let in all the while.
#[actix_web::test]
async fn v14_another_password_by_letter_takes_no_wrong_code_back() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let on_device = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-1" });
    let half_way_here =
        async || app.post("/api/auth/signin").json(&on_device).send().await.expect(200).text("mfaToken");
    second_step(&app, &half_way_here().await, &with.shown(&app)).await.expect(200);
    app.advance(TimeDelta::seconds(30));

    second_step(&app, &half_way(&app, &anna).await, &with.wrong(&app)).await.expect(401);
    app.superuser().await.run("UPDATE auth_failures SET failures = 99").await;
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &half_way(&app, &anna).await, &with.wrong(&app)).await.expect(401);
    app.advance(TimeDelta::seconds(30));
    second_step(&app, &half_way_here().await, &with.shown(&app)).await.expect(200);

    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    app.advance(TimeDelta::seconds(30));
    // The wait for the address is over, and that for the codes is not.
    let sign_in = async || people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).text("mfaToken");
    let token = sign_in().await;
    second_step(&app, &token, &with.shown(&app)).await.expect_problem(429, "too_many_attempts");
    app.advance(TimeDelta::days(1));
    second_step(&app, &sign_in().await, &with.shown(&app)).await.expect(200);
}

/// V14: only the code of the present step is right (ASVS 5.0, 6.5.5).
#[actix_web::test]
async fn v14_the_codes_of_the_steps_before_and_after_are_refused() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let now = app.clock.now();
    for (step, away) in [(-1_i64, 30_i64), (1, 30), (2, 0)] {
        app.advance(TimeDelta::seconds(away));
        let present = shinkofa_identity::totp::step_at(app.clock.now());
        let code = shinkofa_identity::totp::code(&with.secret, present + step);
        let token = half_way(&app, &anna).await;
        second_step(&app, &token, &code).await.expect_problem(401, "second_factor_refused");
        app.advance(TimeDelta::seconds(5));
    }
    assert!(app.clock.now() > now);
}

/// V15: the token between the two steps opens nothing else.
#[actix_web::test]
async fn v15_the_token_between_the_steps_is_good_for_nothing_else_and_not_for_long() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let token = half_way(&app, &anna).await;
    people::verify(&app, &token).await.expect(410);
    people::refresh(&app, &token).await.expect(401);
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"].as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "01920000-0000-7000-8000-00000000ffff" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let call = app.call(method.to_ascii_uppercase().parse().unwrap(), &path);
            let answer = call.token(&token).json(&json!({})).send().await;
            people::expect_refusal(answer, &path, 401, "unauthenticated");
            asked += 1;
        }
    }
    assert!(asked >= 11, "{asked} routes");
    app.advance(TimeDelta::minutes(5));
    second_step(&app, &token, &with.shown(&app)).await.expect_problem(401, "second_factor_refused");
}

/// V17: the lock is one for every way of showing who one is, and a refresh, which guesses nothing, goes on.
#[actix_web::test]
async fn v17_the_lock_holds_for_every_way_of_showing_who_one_is() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    let with = factors::enrolled(&app, access).await;
    let renewed = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    let access = renewed.text("accessToken");
    app.post("/api/auth/mfa/email").token(&access).send().await.expect(201);
    app.advance(TimeDelta::seconds(30));
    let half_way = half_way(&app, &anna).await;
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);

    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(429, "too_many_attempts");
    second_step(&app, &half_way, &with.shown(&app)).await.expect_problem(429, "too_many_attempts");
    second_step(&app, &half_way, &with.recovery_codes[0]).await.expect_problem(429, "too_many_attempts");
    app.post("/api/auth/signin/mfa/email")
        .json(&json!({ "mfaToken": half_way }))
        .send()
        .await
        .expect_problem(429, "too_many_attempts");
    // Inside it is one for every way as well, on a count of its own: neither side makes the other wait.
    reauthenticate(&app, &access, json!({ "code": with.wrong(&app) }))
        .await
        .expect_problem(403, "reauthentication_refused");
    reauthenticate(&app, &access, json!({ "code": with.shown(&app) }))
        .await
        .expect_problem(429, "too_many_attempts");
    app.post("/api/auth/reauthenticate/email")
        .token(&access)
        .send()
        .await
        .expect_problem(429, "too_many_attempts");
    people::refresh(&app, &renewed.text("refreshToken")).await.expect(200);

    // None of the refused ones was looked at, so none was counted.
    app.advance(TimeDelta::seconds(1));
    second_step(&app, &half_way, &with.shown(&app)).await.expect(200);
}

/// V17: an account that is locked for good has no way in left.
#[actix_web::test]
async fn v17_a_suspended_account_has_no_way_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    let with = factors::enrolled(&app, access).await;
    app.advance(TimeDelta::seconds(30));
    let half_way = half_way(&app, &anna).await;
    app.superuser().await.run("UPDATE users SET status = 'suspended'").await;
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(403, "account_suspended");
    second_step(&app, &half_way, &with.shown(&app)).await.expect(401);
    second_step(&app, &half_way, &with.recovery_codes[0]).await.expect(401);
    app.post("/api/auth/signin/mfa/email").json(&json!({ "mfaToken": half_way })).send().await.expect(401);
    reauthenticate(&app, access, json!({ "code": with.shown(&app) })).await.expect(401);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(401);
}

/// V13: what a stolen session was opened with is no longer enough, so it ends.
#[actix_web::test]
async fn v13_a_change_of_factors_ends_every_other_session() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let other = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let with = factors::enrolled(&app, people::text(&body, "accessToken")).await;
    people::profile(&app, people::text(&other, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&other, "refreshToken")).await.expect(401);
    assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), 1);

    let mine = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    let other = sign_in_with(&app, &anna, &with).await;
    factors::remove(&app, &mine.text("accessToken"), &with.factor_id).await.expect(204);
    people::profile(&app, people::text(&other, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&other, "refreshToken")).await.expect(401);
    people::profile(&app, &mine.text("accessToken")).await.expect(200);
    assert_eq!(factors::letters(&app, &anna).await, ["factor_added", "factor_removed"]);
    // The recovery codes went with the factor that they stood in for.
    assert!(app.sql("SELECT code_hash FROM recovery_codes").await.is_empty());
    assert!(people::sign_in(&app, &anna, PASSWORD).await.expect(200).body["accessToken"].is_string());
}

#[actix_web::test]
async fn a_secret_is_sealed_again_with_the_key_that_seals_now() {
    use base64::Engine as _;
    let key = |kid: &str, start: u8| {
        let bytes: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(37).wrapping_add(start)).collect();
        format!("{kid}:{}", base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    let (new, old) = (key("2027-01", 1), key("2026-11", 2));
    let both = format!("{new}\n{old}");
    let app = TestApp::<Auth>::builder().env("SHINKOFA_DELIVERY_KEY", &both).start::<Auth>().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    // As it stood before the new key was put first.
    let old = shinkofa_identity::SealingKey::parse(&old).unwrap();
    let sealed = old.seal(&format!("user_factor:{}", with.factor_id), &with.secret).unwrap();
    app.superuser().await.run(&format!("UPDATE user_factors SET secret_sealed = '{sealed}'")).await;
    sign_in_with(&app, &anna, &with).await;
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    let kept = app.sql("SELECT secret_sealed FROM user_factors").await;
    assert!(kept[0]["secret_sealed"].as_str().unwrap().starts_with("2027-01."));
    sign_in_with(&app, &anna, &with).await;
}
