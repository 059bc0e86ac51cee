//! Guests, and how one becomes a member.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::bans::ban;
use crate::people::{self, PASSWORD, address};
use crate::staff::{staff, token, user_id};

pub async fn guest(app: &TestApp<Auth>) -> Value {
    app.post("/api/auth/anonymous").json(&json!({ "locale": "fr" })).send().await.expect(201).body
}

pub async fn upgrade(app: &TestApp<Auth>, guest: &Value, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Anna Martin" });
    let call = app.post("/api/auth/anonymous/upgrade").token(people::text(guest, "accessToken"));
    let answer = call.json(&body).send().await;
    app.run_jobs().await;
    answer
}

#[actix_web::test]
async fn a_guest_has_a_session_and_no_rights() {
    let app = TestApp::<Auth>::start().await;
    let body = guest(&app).await;
    assert_eq!(body["user"]["roles"], json!([]));
    let profile = people::profile(&app, people::text(&body, "accessToken")).await.expect(200).body;
    assert_eq!((&profile["emailVerified"], &profile["name"]), (&json!(false), &json!("")));
    let session = app.sql("SELECT amr, acr FROM sessions").await;
    assert_eq!(session[0], json!({ "amr": "guest", "acr": "aal1" }));
    // The other services have nobody to write to.
    assert_eq!(people::event_types(&app).await, ["tenant.changed"]);
    let next = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200).body;
    assert_eq!(next["user"]["userId"], body["user"]["userId"]);
}

#[actix_web::test]
async fn a_guest_becomes_a_member_with_the_same_id_once_the_address_is_confirmed() {
    let app = TestApp::<Auth>::start().await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    let answer = upgrade(&app, &body, &anna).await.expect(202);
    assert_eq!(answer.body, json!({ "status": "verification_sent" }));
    people::sign_in(&app, &anna, PASSWORD).await.expect(401);
    app.advance(TimeDelta::seconds(1));
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
    let token = people::mailed_token(&app, &anna).await;
    people::verify(&app, &token).await.expect(204);
    people::verify(&app, &token).await.expect_problem(410, "link_gone");

    // V16: the guest's session does not become the member's.
    people::profile(&app, people::text(&body, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(401);
    let member = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(member["user"]["userId"], body["user"]["userId"]);
    assert_eq!(member["user"]["roles"], json!(["member"]));
    let events = people::event_types(&app).await;
    assert!(events.ends_with(&["user.changed".to_owned(), "membership.changed".to_owned()]), "{events:?}");
    upgrade(&app, &member, &address(&app, "other")).await.expect_problem(409, "not_a_guest");
}

/// V16: what was known of a session before its guest was anybody is worth nothing once they are somebody.
#[actix_web::test]
async fn v16_a_guests_session_does_not_become_the_members() {
    let app = TestApp::<Auth>::start().await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    upgrade(&app, &body, &anna).await.expect(202);
    people::verify(&app, &people::mailed_token(&app, &anna).await).await.expect(204);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect_problem(401, "refresh_refused");
    people::profile(&app, people::text(&body, "accessToken")).await.expect_problem(401, "unauthenticated");
    let member = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    people::profile(&app, people::text(&member, "accessToken")).await.expect(200);
}

#[actix_web::test]
async fn an_address_in_use_is_answered_alike_and_its_owner_is_told() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = guest(&app).await;
    let known = upgrade(&app, &body, &anna).await.expect(202);
    let fresh = upgrade(&app, &body, &address(&app, "fresh")).await.expect(202);
    assert_eq!(known.body, fresh.body);
    let events = app.events().await;
    let told =
        events.iter().find(|event| event["type"] == "signup.known_address").expect("the owner is told");
    assert_eq!(told["personal"]["email"], anna);
    assert_eq!(people::mailed_tokens(&app, &anna).await.len(), 1, "only that of the owner's own sign-up");
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}

/// V1: before the answer nothing is done for one address that is not done for the other.
#[actix_web::test]
async fn v01_a_guest_who_asks_for_an_address_writes_the_same_whether_it_is_known_or_not() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let body = guest(&app).await;
    let written = async || {
        let tables = ["users", "signups", "jobs", "events", "one_time_tokens", "audit_events"];
        let counts = tables.map(|table| format!("(SELECT count(*) FROM {table}) AS {table}")).join(", ");
        let row = app.sql(&format!("SELECT {counts}")).await.remove(0);
        tables.map(|table| row[table].as_i64().unwrap())
    };
    let mut grown = Vec::new();
    for who in ["anna", "new"] {
        let before = written().await;
        let asked = json!({ "email": address(&app, who), "password": PASSWORD, "name": "Anna Martin" });
        let call = app.post("/api/auth/anonymous/upgrade").token(people::text(&body, "accessToken"));
        call.json(&asked).send().await.expect(202);
        let after = written().await;
        grown.push(std::array::from_fn::<i64, 6, _>(|table| after[table] - before[table]));
    }
    assert_eq!(grown[0], [0, 1, 1, 0, 0, 0]);
    assert_eq!(grown[0], grown[1]);
}

/// V6: an account that nobody confirmed gives way to who confirms; one that was confirmed meanwhile does not.
#[actix_web::test]
async fn v06_whoever_confirms_an_address_first_has_it() {
    let app = TestApp::<Auth>::start().await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    people::sign_up(&app, &anna, "the stranger's own password").await.expect(202);
    let strangers = people::mailed_token(&app, &anna).await;
    upgrade(&app, &body, &anna).await.expect(202);
    let guests = people::mailed_token(&app, &anna).await;
    assert_ne!(strangers, guests);
    people::verify(&app, &guests).await.expect(204);
    people::verify(&app, &strangers).await.expect_problem(410, "link_gone");
    let member = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    assert_eq!(member["user"]["userId"], body["user"]["userId"]);

    let (bob, body) = (address(&app, "bob"), guest(&app).await);
    upgrade(&app, &body, &bob).await.expect(202);
    let guests = people::mailed_token(&app, &bob).await;
    people::confirmed(&app, &bob).await;
    people::verify(&app, &guests).await.expect_problem(410, "link_gone");
    people::profile(&app, people::text(&body, "accessToken")).await.expect(200);
}

#[actix_web::test]
async fn fifty_confirmations_at_once_make_one_member() {
    let app = TestApp::<Auth>::start().await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    upgrade(&app, &body, &anna).await.expect(202);
    let token = people::mailed_token(&app, &anna).await;
    let answers = join_all((0..50).map(|_| people::verify(&app, &token))).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(204), count(410)), (1, 49));
    let trail = app.sql("SELECT id FROM audit_events WHERE action = 'account.guest_upgraded'").await;
    assert_eq!(trail.len(), 1);
}

#[actix_web::test]
async fn a_guest_is_kept_while_used_every_thirty_days_and_then_removed_everywhere() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let mut used = guest(&app).await;
    guest(&app).await;
    app.advance(TimeDelta::days(29));
    used = people::refresh(&app, people::text(&used, "refreshToken")).await.expect(200).body;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT id FROM users WHERE kind = 'anonymous'").await.len(), 2);
    app.advance(TimeDelta::days(2));
    app.run_jobs().await;
    let left = app.sql("SELECT id FROM users WHERE kind = 'anonymous'").await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], used["user"]["userId"]);
    assert_eq!(
        app.sql("SELECT user_id FROM memberships").await.len(),
        2,
        "anna's and the guest's who is left"
    );
    let removed = app.sql("SELECT id FROM audit_events WHERE action = 'account.guest_removed'").await;
    assert_eq!(removed.len(), 1);
    assert!(people::event_types(&app).await.contains(&"user.erasure_requested".to_owned()));
    people::refresh(&app, people::text(&used, "refreshToken")).await.expect(200);
}

async fn erasures_told(app: &TestApp<Auth>) -> usize {
    people::event_types(app).await.iter().filter(|kind| *kind == "user.erasure_requested").count()
}

/// What a guest was doing when they left is over by then; their account is told to be forgotten twice.
#[actix_web::test]
async fn a_guest_who_leaves_or_is_removed_is_forgotten_everywhere_an_hour_later() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let (leaves, removed) = (guest(&app).await, guest(&app).await);
    let stays = guest(&app).await;
    app.advance(TimeDelta::minutes(1));
    let me = app.call(Method::DELETE, "/api/tenants/members/me").token(people::text(&leaves, "accessToken"));
    me.send().await.expect(204);
    let path = format!("/api/tenants/members/{}", user_id(&removed));
    app.call(Method::DELETE, &path).token(token(&admin)).send().await.expect(204);
    let left = async || {
        app.run_jobs().await;
        app.sql("SELECT id FROM users WHERE kind = 'anonymous' ORDER BY id").await.len()
    };
    app.advance(TimeDelta::minutes(59));
    assert_eq!((left().await, erasures_told(&app).await), (3, 0));
    app.advance(TimeDelta::minutes(6));
    assert_eq!((left().await, erasures_told(&app).await), (1, 2));
    let trail = "SELECT subject_id FROM audit_events WHERE action = 'account.guest_removed'";
    assert_eq!(app.sql(trail).await.len(), 2);
    app.advance(TimeDelta::minutes(61));
    assert_eq!((left().await, erasures_told(&app).await), (1, 4), "told a second time");
    people::refresh(&app, people::text(&stays, "refreshToken")).await.expect(200);
}

/// Nor does the link break: it leads nowhere any more.
#[actix_web::test]
async fn a_guest_who_left_or_was_removed_becomes_no_member_by_the_link_they_asked_for() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let (leaves, removed) = (guest(&app).await, guest(&app).await);
    let (lea, rob) = (address(&app, "lea"), address(&app, "rob"));
    upgrade(&app, &leaves, &lea).await.expect(202);
    upgrade(&app, &removed, &rob).await.expect(202);
    let me = app.call(Method::DELETE, "/api/tenants/members/me").token(people::text(&leaves, "accessToken"));
    me.send().await.expect(204);
    let path = format!("/api/tenants/members/{}", user_id(&removed));
    app.call(Method::DELETE, &path).token(token(&admin)).send().await.expect(204);
    for email in [&lea, &rob] {
        let link = people::mailed_token(&app, email).await;
        people::verify(&app, &link).await.expect_problem(410, "link_gone");
        people::sign_in(&app, email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    }
    assert_eq!(app.sql("SELECT id FROM users WHERE kind = 'anonymous'").await.len(), 2);
    assert_eq!(app.sql("SELECT user_id FROM memberships").await.len(), 1, "the admin's");
}

/// They come in by the door that is open to whoever signs up at that moment, and not by the one that was open to the guest.
#[actix_web::test]
async fn a_guest_stays_one_where_nobody_may_sign_up_any_more_or_they_were_banned() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let named = async |device: &str| {
        let body = json!({ "deviceId": device });
        app.post("/api/auth/anonymous").json(&body).send().await.expect(201).body
    };
    let (gus, troll) = (named("phone-1").await, named("tablet-1").await);
    let ask = async |who: &Value| upgrade(&app, who, &address(&app, "anna")).await;
    let set_sign_up = async |open: bool| {
        let call =
            app.call(Method::PATCH, "/api/tenants/current").token(token(&admin)).header("if-match", "*");
        call.json(&json!({ "selfSignUp": open })).send().await.expect(200);
    };
    set_sign_up(false).await;
    ask(&gus).await.expect_problem(403, "sign_up_by_invitation");
    set_sign_up(true).await;
    ban(&app, json!({ "deviceId": "tablet-1" })).await.expect(200);
    ask(&troll).await.expect_problem(403, "banned");
    app.superuser().await.run("DELETE FROM bans").await;
    ban(&app, json!({ "address": "127.0.0.1" })).await.expect(200);
    ask(&gus).await.expect_problem(403, "banned");
    assert!(app.sql("SELECT id FROM signups").await.is_empty());
    app.superuser().await.run("DELETE FROM bans").await;
    ask(&gus).await.expect(202);
    assert_eq!(people::mailed_tokens(&app, &address(&app, "anna")).await.len(), 1);
}

#[actix_web::test]
async fn one_network_makes_only_so_many_guests() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    for _ in 0..10 {
        guest(&app).await;
    }
    let eleventh = app.post("/api/auth/anonymous").json(&json!({})).send().await;
    eleventh.expect_problem(429, "too_many_requests");
}

/// V19: a guest says nothing about what they are.
#[actix_web::test]
async fn v19_a_guest_cannot_choose_a_role_or_an_id() {
    let app = TestApp::<Auth>::start().await;
    for body in [json!({ "roles": ["admin"] }), json!({ "userId": "x" }), json!({ "tenant_id": "x" })] {
        app.post("/api/auth/anonymous").json(&body).send().await.expect_problem(422, "invalid_fields");
    }
}
