//! What is opened by switching studios: told where it is news, and ended with what it was opened from.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join_all, join3};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{link, links, open};
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};
use crate::studios::{Studio, accept, claims, plain_person, profile_at, refresh_at, studio, switch};

/// A studio, and the session of Mia of the default tenant, who was let in to it as well.
async fn scene() -> (TestApp<Auth>, Studio, Value) {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let code = elan.code(&app, &["member"], 1).await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    (app, elan, mia)
}

async fn switch_as(
    app: &TestApp<Auth>,
    by: &Value,
    tenant: &str,
    (user_agent, device): (&str, Option<&str>),
) -> Answer {
    let body = json!({ "tenantId": tenant, "refreshToken": text(by, "refreshToken"), "deviceId": device });
    app.post("/api/tenants/switch").header("user-agent", user_agent).token(token(by)).json(&body).send().await
}

/// From the studio back to the default tenant.
async fn switch_back(app: &TestApp<Auth>, elan: &Studio, by: &Value) -> Answer {
    let body = json!({ "tenantId": TenantId::DEFAULT, "refreshToken": text(by, "refreshToken") });
    elan.post(app, "/api/tenants/switch", by, body).await
}

fn session(body: &Value) -> String {
    text(&claims(token(body)), "sid").to_owned()
}

async fn expect_over(app: &TestApp<Auth>, host: &str, body: &Value) {
    profile_at(app, host, body).await.expect_problem(401, "unauthenticated");
    refresh_at(app, host, body).await.expect_problem(401, "refresh_refused");
}

const HOME: &str = "app.shinkofa.localhost";

/// Whoever has a copy of both tokens opens a session of their own with them, and uses none of them up.
#[actix_web::test]
async fn a_switch_from_elsewhere_is_told_by_letter_and_one_from_the_same_device_is_not() {
    let (app, elan, _) = scene().await;
    let email = address(&app, "mia");
    let body = json!({ "email": email, "password": PASSWORD, "deviceId": "phone-7f3a" });
    let home = app.post("/api/auth/signin").json(&body).send().await.expect(200).body;
    let told = async || links(&app, &email, "new_sign_in").await.len();
    switch(&app, &home, &elan.id).await.expect(200);
    switch_as(&app, &home, &elan.id, ("Phone/2.0", Some("phone-7f3a"))).await.expect(200);
    assert_eq!(told().await, 0, "the same program, and the same device with another");

    app.advance(TimeDelta::seconds(1));
    let thiefs = switch_as(&app, &home, &elan.id, ("Thief/1.0", None)).await.expect(200).body;
    assert_eq!(told().await, 1);
    switch_as(&app, &home, &elan.id, ("Thief/2.0", Some("thief-1"))).await.expect(200);
    assert_eq!(told().await, 2);
    open(&app, "/api/auth/signin/not-me", &link(&app, &email, "new_sign_in").await).await.expect(204);
    expect_over(&app, &elan.host(), &thiefs).await;
    expect_over(&app, HOME, &home).await;
}

#[actix_web::test]
async fn signing_out_ends_what_was_opened_from_the_session_and_not_what_that_was_opened_from() {
    let (app, elan, home) = scene().await;
    let there = switch(&app, &home, &elan.id).await.expect(200).body;
    let beside = switch(&app, &home, &elan.id).await.expect(200).body;
    let back = switch_back(&app, &elan, &there).await.expect(200).body;
    let before = app.sql("SELECT session_id FROM revocations").await.len();
    elan.call(&app, Method::POST, "/api/auth/logout", &there).send().await.expect(204);
    expect_over(&app, &elan.host(), &there).await;
    expect_over(&app, HOME, &back).await;
    profile_at(&app, HOME, &home).await.expect(200);
    profile_at(&app, &elan.host(), &beside).await.expect(200);
    let revoked = app.sql("SELECT session_id FROM revocations ORDER BY number").await;
    let gone = [json!({ "session_id": session(&there) }), json!({ "session_id": session(&back) })];
    assert_eq!(revoked[before..], gone, "every service is told of both");
    let trail = "SELECT tenant_id, details->>'reason' AS reason FROM audit_events WHERE action = 'session.ended' ORDER BY number";
    assert_eq!(
        app.sql(trail).await,
        [
            json!({ "tenant_id": elan.id, "reason": "signed_out" }),
            json!({ "tenant_id": TenantId::DEFAULT, "reason": "origin_ended" }),
        ],
        "each in the trail of its own studio"
    );

    app.post("/api/auth/logout").token(token(&home)).send().await.expect(204);
    expect_over(&app, HOME, &home).await;
    expect_over(&app, &elan.host(), &beside).await;
}

#[actix_web::test]
async fn a_session_that_is_ended_from_another_takes_what_was_opened_from_it() {
    let (app, elan, home) = scene().await;
    let there = switch(&app, &home, &elan.id).await.expect(200).body;
    let back = switch_back(&app, &elan, &there).await.expect(200).body;
    let other = people::sign_in(&app, &address(&app, "mia"), PASSWORD).await.expect(200).body;
    let path = format!("/api/auth/sessions/{}", session(&home));
    app.call(Method::DELETE, &path).token(token(&other)).send().await.expect(204);
    expect_over(&app, HOME, &home).await;
    expect_over(&app, &elan.host(), &there).await;
    expect_over(&app, HOME, &back).await;
    profile_at(&app, HOME, &other).await.expect(200);
}

/// The row of a session that idled away is removed long before those that were opened from it are over.
#[actix_web::test]
async fn what_was_opened_from_a_session_that_is_forgotten_is_not() {
    let (app, elan, home) = scene().await;
    let there = switch(&app, &home, &elan.id).await.expect(200).body;
    let back = switch_back(&app, &elan, &there).await.expect(200).body;
    let further = switch(&app, &back, &elan.id).await.expect(200).body;
    let forget = format!("DELETE FROM sessions WHERE id = '{}'", session(&back));
    app.superuser().await.run(&forget).await;
    elan.call(&app, Method::POST, "/api/auth/logout", &there).send().await.expect(204);
    expect_over(&app, &elan.host(), &further).await;
    profile_at(&app, HOME, &home).await.expect(200);
}

/// Nobody knows of which one there is a copy.
#[actix_web::test]
async fn a_token_that_is_used_again_ends_everything_that_was_opened_from_one_another() {
    for copied_at_home in [true, false] {
        let (app, elan, home) = scene().await;
        let there = switch(&app, &home, &elan.id).await.expect(200).body;
        let back = switch_back(&app, &elan, &there).await.expect(200).body;
        let other = people::sign_in(&app, &address(&app, "mia"), PASSWORD).await.expect(200).body;
        let host = elan.host();
        let (copied, at) = if copied_at_home { (&home, HOME) } else { (&there, host.as_str()) };
        refresh_at(&app, at, copied).await.expect(200);
        app.advance(TimeDelta::seconds(11));
        refresh_at(&app, at, copied).await.expect_problem(401, "refresh_refused");
        expect_over(&app, HOME, &home).await;
        expect_over(&app, &host, &there).await;
        expect_over(&app, HOME, &back).await;
        profile_at(&app, HOME, &other).await.expect(200);
        assert_eq!(links(&app, &address(&app, "mia"), "token_reused").await.len(), 1);
    }
}

/// Held up when its session is written and not committed, so that whoever signs out cannot see it yet.
#[actix_web::test]
async fn what_is_opened_while_its_origin_signs_out_ends_with_it() {
    let (app, elan, home) = scene().await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE session_places IN SHARE MODE").await;
    let switching = switch(&app, &home, &elan.id);
    let sign_out = async {
        app.until_waiting(1).await;
        app.post("/api/auth/logout").token(token(&home)).send().await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (switched, signed_out, ()) = join3(switching, sign_out, let_go).await;
    let there = switched.expect(200).body;
    signed_out.expect(204);
    expect_over(&app, &elan.host(), &there).await;
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// How many sessions of somebody live.
async fn live(app: &TestApp<Auth>, whose: &Value) -> usize {
    let live = format!("SELECT id FROM sessions WHERE ended_at IS NULL AND user_id = '{}'", user_id(whose));
    app.sql(&live).await.len()
}

/// V12: whoever has a copy gets no more by switching than by a refresh.
#[actix_web::test]
async fn v12_a_switch_with_an_older_token_ends_the_family_and_its_owner_is_told_once() {
    let (app, elan, home) = scene().await;
    let there = switch(&app, &home, &elan.id).await.expect(200).body;
    let next = refresh_at(&app, HOME, &home).await.expect(200).body;
    app.advance(TimeDelta::seconds(11));
    let answers = join_all((0..50).map(|_| switch(&app, &home, &elan.id))).await;
    assert_eq!(count(&answers, 401), 50);
    expect_over(&app, HOME, &next).await;
    expect_over(&app, &elan.host(), &there).await;
    assert_eq!(live(&app, &home).await, 0);
    assert_eq!(links(&app, &address(&app, "mia"), "token_reused").await.len(), 1);
}

#[actix_web::test]
async fn the_previous_token_from_another_device_ends_the_family_at_once() {
    let (app, elan, home) = scene().await;
    let next = refresh_at(&app, HOME, &home).await.expect(200).body;
    let thiefs = switch_as(&app, &home, &elan.id, ("Thief/1.0", None)).await;
    thiefs.expect_problem(401, "refresh_refused");
    expect_over(&app, HOME, &next).await;
}

/// After the race of tabs the previous token is good for ten uses, however it is used.
#[actix_web::test]
async fn the_previous_token_opens_ten_sessions_and_the_next_use_ends_them_all() {
    let (app, elan, home) = scene().await;
    refresh_at(&app, HOME, &home).await.expect(200);
    app.advance(TimeDelta::seconds(4));
    let answers = join_all((0..50).map(|_| switch(&app, &home, &elan.id))).await;
    assert_eq!((count(&answers, 200), count(&answers, 401)), (10, 40));
    assert_eq!(live(&app, &home).await, 0);
    assert_eq!(links(&app, &address(&app, "mia"), "token_reused").await.len(), 1);
}

#[actix_web::test]
async fn fifty_switches_at_once_with_the_current_token_use_nothing_up() {
    let (app, elan, home) = scene().await;
    let answers = join_all((0..50).map(|_| switch(&app, &home, &elan.id))).await;
    assert_eq!(count(&answers, 200), 50);
    assert_eq!(live(&app, &home).await, 51);
    refresh_at(&app, HOME, &home).await.expect(200);
    // A token of somebody else's, or of nobody's, ends nothing.
    let others = json!({ "tenantId": elan.id, "refreshToken": text(&elan.elsewhere, "refreshToken") });
    let call = app.post("/api/tenants/switch").token(token(&home)).json(&others);
    call.send().await.expect_problem(401, "refresh_refused");
    assert_eq!(live(&app, &home).await, 51);
}
