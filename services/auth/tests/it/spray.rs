//! One password tried on very many addresses is noticed, although no address has to wait.

use auth::Auth;
use chrono::TimeDelta;
use shinkofa_testing::TestApp;

use crate::people::{self, address};

/// How often it is looked for.
const LOOKED_FOR_EVERY: TimeDelta = TimeDelta::seconds(30);

const TOLD: &str = "SELECT details FROM audit_events WHERE action = 'realm.spray_suspected'";

async fn spray(app: &TestApp<Auth>, addresses: std::ops::Range<u32>) {
    for number in addresses {
        let email = address(app, &format!("victim{number}"));
        people::sign_in(app, &email, "Summer2026!Summer").await.expect_problem(401, "invalid_credentials");
    }
}

#[actix_web::test]
async fn a_spray_is_told_within_a_minute_and_once_in_ten() {
    let app = TestApp::<Auth>::start().await;
    spray(&app, 0..99).await;
    app.advance(LOOKED_FOR_EVERY);
    app.run_jobs().await;
    assert!(app.sql(TOLD).await.is_empty(), "people mistype");

    spray(&app, 99..104).await;
    for _ in 0..3 {
        app.advance(LOOKED_FOR_EVERY);
        app.run_jobs().await;
    }
    let told = app.sql(TOLD).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["details"]["addresses"], 104);

    // What is past is not told again.
    app.advance(TimeDelta::minutes(11));
    app.run_jobs().await;
    assert_eq!(app.sql(TOLD).await.len(), 1);
}

/// Somebody's session, by whose copies others sign in.
async fn somebody(app: &TestApp<Auth>) {
    people::signed_in(app, &address(app, "somebody")).await;
}

/// So many sessions whose owners show now who they are, by `methods`, and that were opened so long `before`.
async fn open(app: &TestApp<Auth>, sessions: u32, methods: &str, before: &str) {
    let copies = format!(
        "WITH ids AS MATERIALIZED (SELECT gen_random_uuid() AS id FROM generate_series(1, {sessions})),
        opened AS (
            INSERT INTO sessions SELECT twin.*
            FROM (SELECT s FROM sessions s ORDER BY s.id LIMIT 1) one, ids,
                LATERAL jsonb_populate_record(one.s, jsonb_build_object('id', ids.id, 'amr', '{methods}')) AS twin
            RETURNING realm_id, id, authenticated_at
        )
        INSERT INTO session_places (realm_id, session_id, opened_at, ip_prefix)
        SELECT realm_id, id, authenticated_at - interval '{before}', '192.0.2.0/24' FROM opened"
    );
    app.superuser().await.run(&copies).await;
}

/// One failed attempt on each of so many addresses.
async fn fail(app: &TestApp<Auth>, addresses: u32) {
    let now = app.clock.now().to_rfc3339();
    let failures = format!(
        "INSERT INTO auth_failures (realm_id, subject, failures, counting_since, locked_until)
        SELECT realms.id, sha256(convert_to(n::text, 'UTF8')), 1, '{now}', '{now}'
        FROM realms, generate_series(1, {addresses}) n"
    );
    app.superuser().await.run(&failures).await;
}

/// What is told within a minute.
async fn told_soon(app: &TestApp<Auth>) -> Vec<serde_json::Value> {
    for _ in 0..2 {
        app.advance(LOOKED_FOR_EVERY);
        app.run_jobs().await;
    }
    app.sql(TOLD).await
}

#[actix_web::test]
async fn a_spray_is_told_beside_as_many_sign_ins_as_the_platform_can_do() {
    let app = TestApp::<Auth>::start().await;
    somebody(&app).await;
    open(&app, 42_000, "pwd", "0").await;
    fail(&app, 10_000).await;
    let told = told_soon(&app).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["details"]["addresses"], 10_000);
}

#[actix_web::test]
async fn of_a_crowd_that_mistypes_now_and_then_nothing_is_told() {
    let app = TestApp::<Auth>::start().await;
    somebody(&app).await;
    open(&app, 42_000, "pwd otp", "0").await;
    // One in twenty, and none of them has tried again yet.
    fail(&app, 2_100).await;
    assert!(told_soon(&app).await.is_empty());
}

#[actix_web::test]
async fn who_mistypes_and_then_comes_in_has_failed_at_nothing() {
    let app = TestApp::<Auth>::start().await;
    let email = address(&app, "anna");
    people::confirmed(&app, &email).await;
    people::sign_in(&app, &email, "Summer2026!Summer").await.expect_problem(401, "invalid_credentials");
    app.advance(TimeDelta::seconds(5));
    people::sign_in(&app, &email, people::PASSWORD).await.expect(200);
    // One fewer than is told where nobody comes in.
    fail(&app, 99).await;
    assert!(told_soon(&app).await.is_empty());
}

/// Guests, programs, providers, step-ups and switched studios say nothing of passwords, however many there are.
#[actix_web::test]
async fn a_spray_is_not_hidden_by_what_no_password_was_guessed_for() {
    let app = TestApp::<Auth>::start().await;
    somebody(&app).await;
    for (methods, before) in
        [("guest", "0"), ("api_key", "0"), ("fed", "0"), ("email pwd", "0"), ("pwd", "1 hour")]
    {
        open(&app, 200, methods, before).await;
    }
    open(&app, 200, "pwd otp", "0").await;
    let switched = "INSERT INTO session_descents (realm_id, session_id, opened_from, family)
        SELECT realm_id, id, id, id FROM sessions WHERE amr = 'pwd otp'";
    app.superuser().await.run(switched).await;
    fail(&app, 104).await;
    assert_eq!(told_soon(&app).await.len(), 1);
}
