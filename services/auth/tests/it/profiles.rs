//! What somebody tells about themselves.

use auth::Auth;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, address};

async fn patch(app: &TestApp<Auth>, access: &str, body: Value) -> Answer {
    app.call(Method::PATCH, "/api/user/profile").token(access).json(&body).send().await
}

#[actix_web::test]
async fn a_profile_is_changed_in_parts_and_what_is_null_is_taken_away() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    let fresh = people::profile(&app, access).await.expect(200).body;
    for (member, value) in [
        ("avatarId", json!(null)),
        ("bio", json!(null)),
        ("timeZone", json!(null)),
        ("preferences", json!({})),
        ("onboarding", json!({})),
    ] {
        assert_eq!(fresh[member], value, "{member}");
    }
    let told = json!({
        "name": " Anna B. ", "avatarId": "01920000-0000-7000-8000-00000000aaaa", "bio": "Yoga.\nSince 2011.",
        "locale": "en", "timeZone": "Indian/Reunion", "preferences": { "theme": "dark", "mail": { "weekly": true } },
        "onboarding": { "goal": "strength" },
    });
    let answer = patch(&app, access, told.clone()).await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let shown = people::profile(&app, access).await.expect(200).body;
    assert_eq!(answer.body, shown);
    for member in ["avatarId", "bio", "locale", "timeZone", "preferences", "onboarding"] {
        assert_eq!(shown[member], told[member], "{member}");
    }
    assert_eq!(shown["name"], "Anna B.");

    let less = json!({ "bio": null, "avatarId": null, "timeZone": null, "onboarding": null,
        "preferences": { "theme": null, "mail": { "daily": false } } });
    let shown = patch(&app, access, less).await.expect(200).body;
    assert_eq!(shown["preferences"], json!({ "mail": { "weekly": true, "daily": false } }));
    assert_eq!((&shown["bio"], &shown["onboarding"]), (&json!(null), &json!({})));
    assert_eq!((&shown["avatarId"], &shown["timeZone"]), (&json!(null), &json!(null)));
    assert_eq!(shown["name"], "Anna B.", "what is absent stays");
}

#[actix_web::test]
async fn the_other_services_hear_of_a_name_and_a_language_and_the_trail_of_what_changed() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    let count = async |app: &TestApp<Auth>| {
        people::event_types(app).await.iter().filter(|kind| *kind == "user.changed").count()
    };
    let before = count(&app).await;
    patch(&app, access, json!({ "bio": "About me" })).await.expect(200);
    patch(&app, access, json!({})).await.expect(200);
    patch(&app, access, json!({ "bio": "About me", "name": "Anna Martin" })).await.expect(200);
    assert_eq!(count(&app).await, before, "a bio is nobody else's business");
    patch(&app, access, json!({ "name": "Anna B.", "locale": "en" })).await.expect(200);
    let events = app.events().await;
    let last = events.iter().rfind(|event| event["type"] == "user.changed").unwrap();
    assert_eq!((&last["personal"]["name"], &last["data"]["locale"]), (&json!("Anna B."), &json!("en")));
    let trail = app
        .sql("SELECT details FROM audit_events WHERE action = 'account.profile_changed' ORDER BY number")
        .await;
    let parts: Vec<_> = trail.iter().map(|entry| entry["details"]["changed"].clone()).collect();
    assert_eq!(parts, [json!(["bio"]), json!(["name", "locale"])]);
    assert!(!serde_json::to_string(&trail).unwrap().contains("About me"));
}

/// V19: nobody gives themselves what is not theirs to give.
#[actix_web::test]
async fn v19_unfit_values_and_unknown_members_are_refused_and_nothing_is_kept() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    let before = people::profile(&app, access).await.expect(200).body;
    let deep = (0..20).fold(json!(1), |inner, _| json!({ "a": inner }));
    for (pointer, patch_sent) in [
        ("/userId", json!({ "userId": "01920000-0000-7000-8000-00000000ffff" })),
        ("/tenant_id", json!({ "tenant_id": "01920000-0000-7000-8000-00000000ffff" })),
        ("/roles", json!({ "roles": ["admin"] })),
        ("/tier", json!({ "tier": "premium" })),
        ("/email", json!({ "email": "new@example.org" })),
        ("/email_verified", json!({ "email_verified": true })),
        ("/emailVerified", json!({ "emailVerified": true })),
        ("/name", json!({ "name": null })),
        ("/name", json!({ "name": "" })),
        ("/name", json!({ "name": "see https://example.org" })),
        ("/locale", json!({ "locale": null })),
        ("/locale", json!({ "locale": "de" })),
        ("/avatarId", json!({ "avatarId": "a picture" })),
        ("/bio", json!({ "bio": "x".repeat(1001) })),
        ("/bio", json!({ "bio": "a\0b" })),
        ("/bio", json!({ "bio": ["a"] })),
        ("/timeZone", json!({ "timeZone": "Paris" })),
        ("/timeZone", json!({ "timeZone": "+02:00" })),
        ("/preferences", json!({ "preferences": [] })),
        ("/preferences", json!({ "preferences": "dark" })),
        ("/preferences", json!({ "preferences": { "a": "x".repeat(9000) } })),
        ("/preferences", json!({ "preferences": { "a\0": 1 } })),
        ("/preferences", json!({ "preferences": deep })),
        ("/onboarding", json!({ "onboarding": 7 })),
        ("/bio", json!({ "name": "Good", "bio": "a\0b" })),
    ] {
        let answer = patch(&app, access, patch_sent).await.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{:#}", answer.body);
    }
    for malformed in ["", "{", "[]x"] {
        let call = app.call(Method::PATCH, "/api/user/profile").token(access);
        call.header("content-type", "application/json").body(malformed).send().await.expect(400);
    }
    assert_eq!(people::profile(&app, access).await.expect(200).body, before);
    app.call(Method::PATCH, "/api/user/profile").json(&json!({})).send().await.expect(401);
}

#[actix_web::test]
async fn patches_at_once_lose_nothing() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    join_all((0..20).map(|n| {
        let (app, key) = (&app, format!("key{n}"));
        async move { patch(app, access, json!({ "preferences": { key: n } })).await.expect(200) }
    }))
    .await;
    let shown = people::profile(&app, access).await.expect(200).body;
    assert_eq!(shown["preferences"].as_object().unwrap().len(), 20);
}

#[actix_web::test]
async fn a_profile_is_exported_and_forgotten() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    patch(&app, access, json!({ "bio": "About me", "preferences": { "theme": "dark" } })).await.expect(200);
    let user: shinkofa_kernel::UserId = people::text(&body["user"], "userId").parse().unwrap();
    let scope = shinkofa_db::Scope::tenant(shinkofa_kernel::TenantId::DEFAULT).with_user(user);
    let service = app.service();
    let copy = shinkofa_db::transaction(app.pool(), &scope, "export", async |tx| {
        shinkofa_runtime::Service::export_personal_data(service, tx, user).await
    });
    let copy = copy.await.unwrap();
    assert_eq!(
        (&copy["account"]["profile"]["bio"], &copy["account"]["profile"]["preferences"]["theme"]),
        (&json!("About me"), &json!("dark"))
    );
    shinkofa_db::transaction(app.pool(), &scope, "erase", async |tx| {
        shinkofa_runtime::Service::erase_personal_data(service, tx, user).await
    })
    .await
    .unwrap();
    assert_eq!(app.sql("SELECT * FROM profiles").await.len(), 0);
}
