//! Who was banned is known by what they come with, whichever account they try.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{BanScope, TrustScope};
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address};
use crate::staff::user_id;

const BAN: &str = "01920000-0000-7000-8000-0000000000b1";

pub async fn ban(app: &TestApp<Auth>, what: Value) -> Answer {
    let mut body = json!({ "banId": BAN, "reason": "spam in three salons" });
    body.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
    app.internal::<BanScope>("community", Method::POST, "/internal/v1/bans").json(&body).send().await
}

async fn sign_in_on(app: &TestApp<Auth>, who: &str, device: &str, user_agent: &str) -> Answer {
    let body = json!({ "email": address(app, who), "password": PASSWORD, "deviceId": device });
    app.post("/api/auth/signin").header("user-agent", user_agent).json(&body).send().await
}

#[actix_web::test]
async fn a_banned_members_devices_open_no_other_account() {
    let app = TestApp::<Auth>::start().await;
    for who in ["troll", "sock", "anna"] {
        people::confirmed(&app, &address(&app, who)).await;
    }
    let troll = sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200).body;
    let answer = ban(&app, json!({ "userId": user_id(&troll) })).await.expect(200).body;
    assert_eq!(answer["fingerprints"], 2, "the device, and network and program together");
    sign_in_on(&app, "sock", "phone-1", "Other").await.expect_problem(403, "banned");
    sign_in_on(&app, "sock", "phone-2", "Phone").await.expect_problem(403, "banned");
    sign_in_on(&app, "anna", "laptop", "Laptop").await.expect(200);
    let body = json!({ "email": address(&app, "again"), "password": PASSWORD, "name": "Troll" });
    let sign_up = app.post("/api/auth/signup").header("user-agent", "Phone").json(&body);
    sign_up.send().await.expect_problem(403, "banned");

    // Only keyed digests are kept, and the trail has no reason.
    let rows = app.sql("SELECT * FROM bans").await;
    assert!(rows.iter().all(|row| !row.to_string().contains("127.0.0.1")));
    let hashes = app.sql("SELECT device_hash FROM known_devices").await;
    assert!(rows.iter().all(|row| hashes.iter().all(|hash| hash["device_hash"] != row["fingerprint"])));
    let trail = app.sql("SELECT action, details FROM audit_events WHERE action LIKE 'ban.%'").await;
    assert!(trail.len() == 1 && !trail[0].to_string().contains("salons"));

    let path = format!("/internal/v1/bans/{BAN}");
    for _ in 0..2 {
        app.internal::<BanScope>("community", Method::DELETE, &path).send().await.expect(204);
    }
    sign_in_on(&app, "sock", "phone-1", "Phone").await.expect(200);
}

#[actix_web::test]
async fn a_ban_of_a_network_ends_when_it_is_over_and_the_same_ban_again_is_one() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let network = json!({ "address": "127.0.0.1", "until": "2026-12-01T10:00:00Z" });
    for _ in 0..2 {
        ban(&app, network.clone()).await.expect(200);
    }
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 1);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "banned");
    app.advance(TimeDelta::hours(1));
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT ban_id FROM bans").await.len(), 0);
}

#[actix_web::test]
async fn a_ban_names_something_and_takes_its_own_scope() {
    let app = TestApp::<Auth>::start().await;
    ban(&app, json!({})).await.expect_problem(422, "invalid_fields");
    ban(&app, json!({ "userId": "01920000-0000-7000-8000-0000000000dd" }))
        .await
        .expect_problem(404, "not_found");
    let call = app.internal::<TrustScope>("community", Method::POST, "/internal/v1/bans");
    call.json(&json!({ "banId": BAN, "reason": "none", "address": "127.0.0.1" })).send().await.expect(403);
}
