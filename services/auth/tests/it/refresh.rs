//! Refresh tokens: each works once, tabs may race, and theft ends the session.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address};

async fn refresh_on(app: &TestApp<Auth>, token: &str, device: &str) -> Answer {
    let body = json!({ "refreshToken": token, "deviceId": device });
    app.post("/api/auth/refresh").json(&body).send().await
}

async fn signed_in_on(app: &TestApp<Auth>, device: &str) -> Value {
    people::confirmed(app, &address(app, "anna")).await;
    let body = json!({ "email": address(app, "anna"), "password": PASSWORD, "deviceId": device });
    app.post("/api/auth/signin").json(&body).send().await.expect(200).body
}

/// V11: fifty tabs wake at once; one rotates, all get the same next token, nobody is signed out.
#[actix_web::test]
async fn v11_parallel_refreshes_rotate_once_and_all_get_the_same_generation() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "refreshToken");
    let answers = join_all((0..50).map(|_| people::refresh(&app, token))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    let next: BTreeSet<_> = answers.iter().map(|answer| answer.text("refreshToken")).collect();
    assert_eq!(next.len(), 1);
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 2);
    let count = "SELECT count(*) FILTER (WHERE action = 'session.rotated') AS rotated,
        count(*) FILTER (WHERE action = 'session.repeated') AS repeated FROM audit_events";
    assert_eq!(app.sql(count).await[0], json!({ "rotated": 1, "repeated": 49 }));
    people::refresh(&app, next.first().unwrap()).await.expect(200);
}

/// V11: two tabs wake together a thousand times, on twenty devices: each race rotates once, both go on with one token.
#[actix_web::test]
async fn v11_of_a_thousand_races_of_two_tabs_each_rotates_once() {
    const DEVICES: usize = 20;
    const RACES: usize = 50;
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut tokens = Vec::new();
    for _ in 0..DEVICES {
        tokens.push(people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("refreshToken"));
    }
    for race in 1..=RACES {
        let tabs =
            tokens.iter().map(|token| join(people::refresh(&app, token), people::refresh(&app, token)));
        let mut next = Vec::new();
        for (one, other) in join_all(tabs).await {
            let (one, other) = (one.expect(200), other.expect(200));
            assert_eq!(one.text("refreshToken"), other.text("refreshToken"), "race {race}");
            next.push(one.text("refreshToken"));
        }
        assert!(next.iter().zip(&tokens).all(|(next, last)| next != last), "race {race} rotates");
        tokens = next;
    }
    let sessions =
        "SELECT count(*) AS sessions, min(generation) AS least, max(generation) AS most FROM sessions";
    let generation = 1 + RACES;
    assert_eq!(
        app.sql(sessions).await[0],
        json!({ "sessions": DEVICES, "least": generation, "most": generation })
    );
    let count = "SELECT count(*) FILTER (WHERE action = 'session.rotated') AS rotated,
        count(*) FILTER (WHERE action = 'session.repeated') AS repeated FROM audit_events";
    let races = DEVICES * RACES;
    assert_eq!(app.sql(count).await[0], json!({ "rotated": races, "repeated": races }));
}

#[actix_web::test]
async fn the_previous_token_gets_the_current_one_for_ten_seconds_on_its_device() {
    let app = TestApp::<Auth>::start().await;
    let first = signed_in_on(&app, "phone-7f3a").await;
    let first = people::text(&first, "refreshToken");
    let second = refresh_on(&app, first, "phone-7f3a").await.expect(200).text("refreshToken");
    app.advance(TimeDelta::seconds(9));
    let again = refresh_on(&app, first, "phone-7f3a").await.expect(200).text("refreshToken");
    assert_eq!(again, second);
    app.advance(TimeDelta::seconds(2));
    refresh_on(&app, first, "phone-7f3a").await.expect_problem(401, "refresh_refused");
    refresh_on(&app, &second, "phone-7f3a").await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn the_previous_token_from_another_device_ends_the_session_at_once() {
    let app = TestApp::<Auth>::start().await;
    let first = signed_in_on(&app, "phone-7f3a").await;
    let first = people::text(&first, "refreshToken");
    let second = refresh_on(&app, first, "phone-7f3a").await.expect(200);
    refresh_on(&app, first, "thief").await.expect_problem(401, "refresh_refused");
    refresh_on(&app, &second.text("refreshToken"), "phone-7f3a").await.expect(401);
    people::profile(&app, &second.text("accessToken")).await.expect(401);
    let revocations = app.sql("SELECT session_id FROM revocations").await;
    assert_eq!(revocations.len(), 1);
}

/// V12: what was rotated away stays so, whatever was restarted or restored in between: the fence is the generation in
/// PostgreSQL.
#[actix_web::test]
async fn v12_an_older_token_ends_the_session_for_whoever_holds_one() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let first = people::text(&body, "refreshToken");
    let second = people::refresh(&app, first).await.expect(200).text("refreshToken");
    let third = people::refresh(&app, &second).await.expect(200);
    people::refresh(&app, first).await.expect_problem(401, "refresh_refused");
    people::refresh(&app, &third.text("refreshToken")).await.expect_problem(401, "refresh_refused");
    people::profile(&app, &third.text("accessToken")).await.expect_problem(401, "unauthenticated");
    // Another device of the same person stays signed in.
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn a_forged_token_ends_nothing() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "refreshToken");
    let mut forged: Vec<char> = token.chars().collect();
    // The last digits belong to the authentication code, the ones before to the generation.
    for place in [25, 40, forged.len() - 2] {
        let kept = forged[place];
        forged[place] = if kept == 'A' { 'B' } else { 'A' };
        people::refresh(&app, &forged.iter().collect::<String>())
            .await
            .expect_problem(401, "refresh_refused");
        forged[place] = kept;
    }
    for hostile in ["", "A", "not base64 at all", &"A".repeat(71), &"A".repeat(5_000)] {
        people::refresh(&app, hostile).await.expect_problem(401, "refresh_refused");
    }
    people::refresh(&app, token).await.expect(200);
}

#[actix_web::test]
async fn a_session_ends_when_it_is_idle_for_a_week_and_in_any_case_after_a_month() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let idle = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).text("refreshToken");
    let mut token = people::text(&body, "refreshToken").to_owned();
    for _ in 0..4 {
        app.advance(TimeDelta::days(6));
        token = people::refresh(&app, &token).await.expect(200).text("refreshToken");
    }
    people::refresh(&app, &idle).await.expect_problem(401, "refresh_refused");
    app.advance(TimeDelta::days(6));
    people::refresh(&app, &token).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn nothing_that_could_be_replayed_is_stored() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let (access, refresh) = (people::text(&body, "accessToken"), people::text(&body, "refreshToken"));
    let mailed = people::mailed_token(&app, &address(&app, "anna")).await;
    for table in [
        "sessions",
        "session_places",
        "one_time_tokens",
        "users",
        "events",
        "jobs",
        "audit_events",
        "signups",
    ] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        for secret in [access, refresh, &mailed, PASSWORD] {
            assert!(!rows.contains(secret), "{table} holds a secret");
        }
    }
}
