//! What happened to an account, as its owner reads it, and "this was not me".

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::account_letters::{kinds, link};
use crate::factors;
use crate::passwords::{NEW_PASSWORD, change, reset};
use crate::people::{self, PASSWORD, address};
use crate::staff::{staff, token, user_id};
use crate::studios::{claims, profile_at, studio};

pub async fn timeline(app: &TestApp<Auth>, access: &str, locale: &str) -> Vec<Value> {
    let call = app.get("/api/auth/security-timeline").header("accept-language", locale);
    call.token(access).send().await.expect(200).body["items"].as_array().expect("items").clone()
}

fn types(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| people::text(item, "type")).collect()
}

/// What is told of sessions that ended, newest first.
fn ends(items: &[Value]) -> Vec<&str> {
    let ended = items.iter().filter(|item| item["type"] == "session.ended");
    ended.map(|item| people::text(item, "text")).collect()
}

#[actix_web::test]
async fn the_timeline_tells_what_happened_and_from_where_in_the_readers_language() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    people::signed_in(&app, &address(&app, "bob")).await;
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    let other = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    change(&app, people::text(&other, "accessToken"), PASSWORD, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    let items = timeline(&app, people::text(&body, "accessToken"), "fr").await;
    assert_eq!(
        types(&items),
        [
            "session.opened",
            "account.password_changed",
            "session.opened",
            "session.opened",
            "membership.begun",
            "account.email_verified",
            "account.verification_requested",
            "account.created",
        ]
    );
    assert_eq!(items[1]["text"], "Le mot de passe a été modifié.");
    assert_eq!((&items[1]["by"], &items[1]["ipPrefix"]), (&json!("you"), &json!("127.0.0.0/24")));
    assert_eq!(
        items[1]["sessionId"], items[2]["sessionId"],
        "changed from the session that was opened before"
    );
    assert_eq!((&items[7]["by"], &items[7]["sessionId"]), (&json!("unknown"), &Value::Null));
    assert_eq!(items[7]["occurredAt"], "2026-12-01T09:00:00Z");
    let english = timeline(&app, people::text(&body, "accessToken"), "en").await;
    assert_eq!(english[0]["text"], "A sign-in.");
}

#[actix_web::test]
async fn the_timeline_tells_why_a_session_ended_to_whose_it_was() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let anna = address(&app, "anna");
    let copied = people::signed_in(&app, &anna).await;
    let copied = people::text(&copied, "refreshToken");
    people::refresh(&app, copied).await.expect(200);
    app.advance(TimeDelta::seconds(11));
    people::refresh(&app, copied).await.expect(401);
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    app.post("/api/auth/logout").token(token(&body)).send().await.expect(204);
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let sign_out = format!("/api/admin/users/{}/sign-out", user_id(&body));
    app.post(&sign_out).token(token(&ada)).send().await.expect(204);
    let again = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let items = timeline(&app, token(&again), "en").await;
    assert_eq!(
        ends(&items),
        [
            "A session was ended by the staff.",
            "A sign-out.",
            "A session was ended, because a key to it that had been used before was shown again: somebody may have a copy.",
        ]
    );
    assert_eq!(types(&items)[..3], ["session.opened", "membership.signed_out", "session.ended"]);
    assert_eq!(items[1]["text"], "The staff ended all of your sessions in the studio.");
    assert_eq!((&items[2]["by"], &items[2]["sessionId"]), (&json!("staff"), &claims(token(&body))["sid"]));
    let hers = timeline(&app, token(&ada), "en").await;
    assert!(hers.iter().all(|item| item["sessionId"] != items[2]["sessionId"]), "it was not hers");
}

/// Accounts and sessions are the realm's: what happened in another studio is there to be read and disowned, by its person alone.
#[actix_web::test]
async fn what_happened_in_another_studio_is_told_among_the_rest_and_can_be_disowned() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    let all = timeline(&app, token(&elan.elsewhere), "en").await;
    let seen: Vec<_> = all[..3].iter().map(|item| (&item["type"], &item["tenantName"])).collect();
    assert_eq!(
        seen,
        [
            (&json!("session.opened"), &json!("Studio elan")),
            (&json!("membership.begun"), &json!("Studio elan")),
            (&json!("session.opened"), &json!("Shinkofa")),
        ]
    );
    assert_eq!(all[0]["tenantId"], json!(elan.id));
    let there = elan.get(&app, "/api/auth/security-timeline", &elan.admin).await.expect(200).body;
    assert_eq!(there["items"], json!(all), "it is the same from every studio");
    let mut paged: Vec<Value> = Vec::new();
    let mut path = "/api/auth/security-timeline?limit=1".to_owned();
    loop {
        let page = app.get(&path).token(token(&elan.elsewhere)).send().await.expect(200).body;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/api/auth/security-timeline?limit=1&cursor={next}");
    }
    assert_eq!(paged, all);

    let hers = elan.get(&app, "/api/auth/security-timeline", &mia).await.expect(200).body;
    let hers = hers["items"].as_array().unwrap().clone();
    assert!(hers.iter().all(|item| !all.contains(item)) && hers[0]["tenantId"] == json!(elan.id));
    let path = format!("/api/auth/security-timeline/{}/not-me", people::text(&hers[0], "id"));
    elan.post(&app, &path, &elan.admin, json!({})).await.expect_problem(404, "not_found");
    app.post(&path).token(token(&elan.elsewhere)).send().await.expect_problem(404, "not_found");

    let path = format!("/api/auth/security-timeline/{}/not-me", people::text(&all[0], "id"));
    app.post(&path).token(token(&elan.elsewhere)).send().await.expect(204);
    profile_at(&app, &elan.host(), &elan.admin).await.expect(401);
    profile_at(&app, &elan.host(), &mia).await.expect(200);
    let told =
        app.sql("SELECT tenant_id, details FROM audit_events WHERE action = 'account.not_me_reported'").await;
    assert_eq!(told[0]["tenant_id"], "01920000-0000-7000-8000-000000000001");
    assert!(
        !told[0]["details"].to_string().contains(&elan.id),
        "a trail does not say what somebody is elsewhere"
    );
}

#[actix_web::test]
async fn what_happened_in_a_studio_is_told_after_it_was_left_too() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    elan.delete(&app, "/api/tenants/members/me", &mia).await.expect(204);
    let here = factors::signs_in_again(&app, &address(&app, "mia")).await;
    let items = timeline(&app, token(&here), "en").await;
    let left = items.iter().find(|item| item["type"] == "membership.left").expect("it is told");
    assert_eq!((&left["tenantId"], &left["tenantName"]), (&json!(elan.id), &json!("Studio elan")));
    assert_eq!(ends(&items), ["A session was ended, because the membership was ended."]);
}

#[actix_web::test]
async fn the_timeline_has_pages_without_gaps_or_repetitions() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    for n in 0..5 {
        let path = "/api/user/profile";
        let bio = json!({ "bio": format!("version {n}") });
        app.call(Method::PATCH, path).token(access).json(&bio).send().await.expect(200);
    }
    let all = timeline(&app, access, "en").await;
    assert_eq!(all.len(), 10);
    let mut paged: Vec<Value> = Vec::new();
    let mut path = "/api/auth/security-timeline?limit=2".to_owned();
    loop {
        let page = app.get(&path).token(access).send().await.expect(200).body;
        paged.extend(page["items"].as_array().unwrap().clone());
        // What happens meanwhile moves nothing.
        people::sign_in(&app, &anna, PASSWORD).await.expect(200);
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/api/auth/security-timeline?limit=2&cursor={next}");
    }
    assert_eq!(paged, all);
}

#[actix_web::test]
async fn this_was_not_me_takes_the_password_away_and_mails_a_link() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    let items = timeline(&app, access, "en").await;
    let path = format!("/api/auth/security-timeline/{}/not-me", people::text(&items[0], "id"));
    app.post(&path).token(access).send().await.expect(204);
    app.post(&path).token(access).send().await.expect_problem(401, "unauthenticated");
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(401, "invalid_credentials");
    assert_eq!(kinds(&app, &anna).await, ["password_reset"]);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let body = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    let items = timeline(&app, people::text(&body, "accessToken"), "en").await;
    assert_eq!(
        types(&items)[..4],
        [
            "session.opened",
            "account.password_reset",
            "account.password_reset_requested",
            "account.not_me_reported"
        ]
    );
    let told = app.sql("SELECT details FROM audit_events WHERE action = 'account.not_me_reported'").await;
    assert_eq!(told[0]["details"]["action"], "session.opened");
}

/// V24: another person's event is not there, and neither is one that is told to nobody.
#[actix_web::test]
async fn v24_another_persons_event_is_not_there() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let (annas, bobs) = (people::text(&anna, "accessToken"), people::text(&bob, "accessToken"));
    people::refresh(&app, people::text(&anna, "refreshToken")).await.expect(200);
    let bobs_event = people::text(&timeline(&app, bobs, "en").await[0], "id").to_owned();
    let untold = app.sql("SELECT id FROM audit_events WHERE action = 'session.rotated'").await;
    let untold = people::text(&untold[0], "id");
    for id in [&bobs_event, untold, "01920000-0000-7000-8000-00000000ffff", "nonsense"] {
        let path = format!("/api/auth/security-timeline/{id}/not-me");
        app.post(&path).token(annas).send().await.expect_problem(404, "not_found");
    }
    people::profile(&app, annas).await.expect(200);
    people::profile(&app, bobs).await.expect(200);
    let ids: Vec<_> = timeline(&app, annas, "en").await.iter().map(|item| item["id"].clone()).collect();
    assert!(!ids.contains(&json!(bobs_event)));
}
