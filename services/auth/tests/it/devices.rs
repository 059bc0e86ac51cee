//! What is remembered of devices after a pause: that there was another one before, where it was, and for how long.

use auth::Auth;
use auth::db::schema::past_places;
use chrono::TimeDelta;
use diesel::QueryDsl as _;
use diesel_async::RunQueryDsl as _;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};
use shinkofa_runtime::Service;
use shinkofa_testing::TestApp;

use crate::account_letters::{kinds, link, open};
use crate::passwords::{NEW_PASSWORD, forgot, reset};
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

async fn sign_in_with(
    app: &TestApp<Auth>,
    (email, password): (&str, &str),
    user_agent: &str,
    device: Option<&str>,
) -> Value {
    let body = json!({ "email": email, "password": password, "deviceId": device });
    let call = app.post("/api/auth/signin").header("user-agent", user_agent);
    call.json(&body).send().await.expect(200).body
}

/// Long enough for every session of members to run out and be purged.
async fn pause(app: &TestApp<Auth>, days: i64) {
    app.advance(TimeDelta::days(days));
    app.run_jobs().await;
    assert!(app.sql("SELECT id FROM sessions").await.is_empty(), "purged");
    assert!(app.sql("SELECT session_id FROM session_places").await.is_empty(), "purged with them");
}

async fn timeline(app: &TestApp<Auth>, access: &str) -> Vec<Value> {
    let answer = app.get("/api/auth/security-timeline").token(access).send().await.expect(200);
    answer.body["items"].as_array().expect("items").clone()
}

/// The oldest sign-in that a timeline tells of.
fn first_sign_in(items: &[Value]) -> &Value {
    items.iter().rfind(|item| item["type"] == "session.opened").expect("a sign-in")
}

#[actix_web::test]
async fn a_sign_in_on_a_new_device_is_told_after_a_pause_too() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    assert_eq!(kinds(&app, &anna).await, [""; 0], "the first device of all is no news");
    pause(&app, 9).await;
    sign_in_with(&app, (&anna, PASSWORD), "Phone/2.0", Some("phone-1")).await;
    assert_eq!(kinds(&app, &anna).await, [""; 0], "a device is known after a pause too");
    pause(&app, 9).await;
    let thief = sign_in_with(&app, (&anna, PASSWORD), "Thief/1.0", Some("thief-1")).await;
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in"]);
    open(&app, "/api/auth/signin/not-me", &link(&app, &anna, "new_sign_in").await).await.expect(204);
    people::profile(&app, token(&thief)).await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(401);
}

/// When neither session nor device is left of it, the trail says that there was one.
#[actix_web::test]
async fn years_later_a_sign_in_is_still_not_the_first() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    pause(&app, 800).await;
    for table in ["known_devices", "past_places"] {
        assert!(app.sql(&format!("SELECT user_id FROM {table}")).await.is_empty(), "{table}");
    }
    sign_in_with(&app, (&anna, PASSWORD), "Thief/1.0", Some("thief-1")).await;
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in"]);
}

#[actix_web::test]
async fn a_client_without_a_device_is_known_again_by_where_it_was_for_ninety_days() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Script/1.0", None).await;
    pause(&app, 9).await;
    sign_in_with(&app, (&anna, PASSWORD), "Script/1.0", None).await;
    assert_eq!(kinds(&app, &anna).await, [""; 0]);
    pause(&app, 9).await;
    sign_in_with(&app, (&anna, PASSWORD), "Script/1.0", Some("thief-1")).await;
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in"], "whoever names a device is known by it");
    pause(&app, 120).await;
    sign_in_with(&app, (&anna, PASSWORD), "Script/1.0", None).await;
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in"; 2]);
}

#[actix_web::test]
async fn after_a_reset_nobody_is_known_again_by_where_they_were() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Script/1.0", None).await;
    pause(&app, 9).await;
    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    sign_in_with(&app, (&anna, NEW_PASSWORD), "Script/1.0", None).await;
    assert!(kinds(&app, &anna).await.contains(&"new_sign_in".to_owned()));
}

#[actix_web::test]
async fn the_timeline_says_from_where_for_ninety_days_after_a_session_and_no_longer() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = sign_in_with(&app, (&anna, PASSWORD), FIREFOX, Some("laptop-1")).await;
    let session = text(first_sign_in(&timeline(&app, token(&body)).await), "sessionId").to_owned();
    let rename = app.call(Method::PATCH, &format!("/api/auth/sessions/{session}")).token(token(&body));
    rename.json(&json!({ "deviceName": "My laptop" })).send().await.expect(200);

    pause(&app, 9).await;
    let body = sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    let items = timeline(&app, token(&body)).await;
    let first = first_sign_in(&items);
    assert_eq!(
        (&first["sessionId"], &first["userAgent"], &first["ipPrefix"], &first["deviceName"]),
        (&json!(session), &json!(FIREFOX), &json!("127.0.0.0/24"), &json!("My laptop"))
    );
    assert_eq!(items[0]["userAgent"], "Phone/1.0", "a live session is told as before");

    // It ran out on the eighth.
    pause(&app, 87).await;
    let body = sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    assert_eq!(first_sign_in(&timeline(&app, token(&body)).await)["userAgent"], FIREFOX);
    pause(&app, 9).await;
    let body = sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    let items = timeline(&app, token(&body)).await;
    let first = first_sign_in(&items);
    assert_eq!((&first["sessionId"], &first["userAgent"]), (&json!(session), &Value::Null));
    assert_eq!((&first["ipPrefix"], &first["deviceName"]), (&Value::Null, &Value::Null));

    // Whatever is left of it, it can be disowned.
    let path = format!("/api/auth/security-timeline/{}/not-me", text(first, "id"));
    app.post(&path).token(token(&body)).send().await.expect(204);
    people::profile(&app, token(&body)).await.expect(401);
}

#[actix_web::test]
async fn where_a_session_was_is_its_persons_alone_and_goes_with_the_account() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    for email in [&anna, &bob] {
        people::confirmed(&app, email).await;
    }
    let hers = sign_in_with(&app, (&anna, PASSWORD), FIREFOX, Some("laptop-1")).await;
    let his = sign_in_with(&app, (&bob, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    pause(&app, 9).await;
    let again = sign_in_with(&app, (&bob, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    let seen = timeline(&app, token(&again)).await;
    assert!(seen.iter().all(|item| item["userAgent"] != FIREFOX), "{seen:#?}");

    let ids = [user_id(&hers), user_id(&his)].map(|id| id.parse::<UserId>().unwrap());
    let owners = async |scope: Scope| {
        transaction(app.pool(), &scope, "look", async |tx| {
            let owners = past_places::table.select((past_places::user_id, past_places::session_id));
            Ok::<_, shinkofa_db::Error>(owners.load::<(UserId, SessionId)>(tx).await?)
        })
        .await
        .unwrap()
    };
    let realm = Scope::realm(RealmId::DEFAULT);
    assert_eq!(owners(realm).await.len(), 2);
    for id in ids {
        let seen = owners(realm.with_user(id)).await;
        assert!(seen.len() == 1 && seen[0].0 == id, "{seen:?}");
    }

    let (scope, service) = (Scope::tenant(TenantId::DEFAULT).with_user(ids[0]), app.service());
    let copy =
        transaction(app.pool(), &scope, "export", async |tx| service.export_personal_data(tx, ids[0]).await);
    assert_eq!(copy.await.unwrap()["account"]["pastSessions"][0]["userAgent"], FIREFOX);
    transaction(app.pool(), &scope, "erase", async |tx| service.erase_personal_data(tx, ids[0]).await)
        .await
        .unwrap();
    let left = app.sql("SELECT user_id FROM past_places").await;
    assert_eq!(left, [json!({ "user_id": ids[1] })]);
}

/// What a client calls itself is anybody's text: no letter repeats it.
#[actix_web::test]
async fn a_letter_about_a_sign_in_tells_program_system_and_network_by_names_of_our_own() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    sign_in_with(&app, (&anna, PASSWORD), FIREFOX, Some("laptop-1")).await;
    sign_in_with(&app, (&anna, PASSWORD), "https://evil.test/ sign in here", Some("thief-1")).await;
    let events = app.events().await;
    let letters: Vec<_> =
        events.iter().filter(|event| event["data"]["letter"]["kind"] == "new_sign_in").collect();
    assert_eq!(letters.len(), 2);
    let network = "127.0.0.0/24";
    assert_eq!(
        letters[0]["personal"]["place"],
        json!({ "program": "Firefox", "system": "Linux", "network": network })
    );
    assert_eq!(letters[1]["personal"]["place"], json!({ "network": network }));
    for letter in letters {
        assert!(
            !letter["data"].to_string().contains(network),
            "erasure nulls what is personal, and nothing else"
        );
        assert!(!letter.to_string().contains("evil.test"), "{letter:#}");
    }
}

#[actix_web::test]
async fn a_device_that_nobody_used_for_four_hundred_days_is_forgotten() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, (&anna, PASSWORD), "Phone/1.0", Some("phone-1")).await;
    sign_in_with(&app, (&anna, PASSWORD), "Laptop/1.0", Some("laptop-1")).await;
    pause(&app, 30).await;
    sign_in_with(&app, (&anna, PASSWORD), "Laptop/1.0", Some("laptop-1")).await;
    let known = async || app.sql("SELECT last_seen_at > '2026-12-15' AS late FROM known_devices").await;
    pause(&app, 369).await;
    assert_eq!(known().await.len(), 2, "used within four hundred days");
    pause(&app, 2).await;
    assert_eq!(known().await, [json!({ "late": true })], "the one that was used since");
}

#[actix_web::test]
async fn of_one_account_the_fifty_devices_that_were_used_last_are_kept() {
    let app = TestApp::<Auth>::start().await;
    for name in ["anna", "bob"] {
        people::confirmed(&app, &address(&app, name)).await;
    }
    app.run_jobs().await;
    crate::operations::refuse_large_portions(&app, &["known_devices"]).await;
    let many = |name: &str, devices: u32| {
        format!(
            "INSERT INTO known_devices (realm_id, user_id, device_hash, first_seen_at, last_seen_at)
             SELECT realm_id, id, sha256(n::text::bytea), '2026-11-01', timestamptz '2026-11-01' + n * interval '1 second'
             FROM users, generate_series(1, {devices}) n WHERE email = '{}'",
            address(&app, name)
        )
    };
    app.superuser().await.run(&many("anna", 12_000)).await;
    app.superuser().await.run(&many("bob", 50)).await;
    app.advance(TimeDelta::days(1));
    app.run_jobs().await;
    let kept =
        "SELECT count(*) AS devices, (min(last_seen_at) - '2026-11-01')::text AS oldest FROM known_devices
        JOIN users ON users.id = user_id GROUP BY email ORDER BY email";
    assert_eq!(
        app.sql(kept).await,
        [json!({ "devices": 50, "oldest": "03:19:11" }), json!({ "devices": 50, "oldest": "00:00:01" })]
    );
}
