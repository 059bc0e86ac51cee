//! Devices that leave out the second factor for a while.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::factors::{self, App, person_with_app, signed_in_as};
use crate::people::{self, PASSWORD, address};
use crate::trail;

pub const PHONE: &str = "phone-7f3a";

pub async fn sign_in(app: &TestApp<Auth>, email: &str, device: &str, token: Option<&str>) -> Value {
    let mut body = json!({ "email": email, "password": PASSWORD, "deviceId": device });
    if let Some(token) = token {
        body["deviceToken"] = json!(token);
    }
    app.post("/api/auth/signin").json(&body).send().await.expect(200).body
}

pub fn is_signed_in(body: &Value) -> bool {
    body["accessToken"].is_string()
}

/// Signs in on the phone, and has it remembered.
pub async fn remember(app: &TestApp<Auth>, email: &str, with: &App) -> Value {
    app.advance(TimeDelta::seconds(30));
    let half = sign_in(app, email, PHONE, None).await;
    let step = json!({
        "mfaToken": people::text(&half, "mfaToken"), "code": with.shown(app), "rememberDevice": true,
    });
    app.post("/api/auth/signin/mfa").json(&step).send().await.expect(200).body
}

#[actix_web::test]
async fn a_remembered_device_leaves_out_the_second_factor_for_thirty_days() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = remember(&app, &anna, &with).await;
    let token = people::text(&body, "deviceToken");
    let kept = serde_json::to_string(&app.sql("SELECT * FROM remembered_devices").await).unwrap();
    assert!(!kept.contains(token) && !kept.contains(PHONE));
    let id = people::text(&body["user"], "userId");
    let remembered = trail::entry(trail::by_user(id), "user", id);
    assert_eq!(trail::told(&app, "device.remembered").await, [remembered]);

    app.advance(TimeDelta::days(29));
    let again = sign_in(&app, &anna, PHONE, Some(token)).await;
    assert!(is_signed_in(&again) && again.get("deviceToken").is_none());
    // One factor was shown, and one it counts as: what is sensitive asks for the other.
    let access = people::text(&again, "accessToken");
    factors::remove(&app, access, &with.factor_id).await.expect_problem(403, "step_up_required");
    let rows = app.sql("SELECT amr, acr FROM sessions ORDER BY id DESC LIMIT 1").await;
    assert_eq!(rows[0], json!({ "amr": "pwd", "acr": "aal1" }));
    app.advance(TimeDelta::days(1));
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some(token)).await));
    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    assert!(app.sql("SELECT id FROM remembered_devices").await.is_empty());
}

#[actix_web::test]
async fn what_a_device_calls_itself_proves_nothing() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = remember(&app, &anna, &with).await;
    let token = people::text(&body, "deviceToken").to_owned();
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, None).await));
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some("guessed")).await));
    assert!(!is_signed_in(&sign_in(&app, &anna, "another-device", Some(&token)).await));
    // The proof of one person says nothing of another.
    let bob = address(&app, "bob");
    person_with_app(&app, &bob).await;
    assert!(!is_signed_in(&sign_in(&app, &bob, PHONE, Some(&token)).await));
    assert!(is_signed_in(&sign_in(&app, &anna, PHONE, Some(&token)).await));
}

#[actix_web::test]
async fn a_device_without_a_name_is_not_remembered() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let token = factors::half_way(&app, &anna).await;
    let step = json!({ "mfaToken": token, "code": with.shown(&app), "rememberDevice": true });
    let refused = app.post("/api/auth/signin/mfa").json(&step).send().await;
    assert_eq!(refused.expect_problem(422, "invalid_fields").body["errors"][0]["pointer"], "/rememberDevice");
}

#[actix_web::test]
async fn its_owner_sees_a_remembered_device_and_forgets_it() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = remember(&app, &anna, &with).await;
    let (access, token) = (people::text(&body, "accessToken"), people::text(&body, "deviceToken"));
    let list = factors::factors(&app, access).await;
    let device = &list["rememberedDevices"][0];
    assert_eq!(device["expiresAt"], "2026-12-31T09:01:00Z");
    let path = format!("/api/auth/mfa/remembered-devices/{}", people::text(device, "deviceId"));
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let bob = people::text(&bob, "accessToken");
    app.call(Method::DELETE, &path).token(bob).send().await.expect_problem(404, "not_found");
    app.call(Method::DELETE, &path).token(access).send().await.expect(204);
    app.call(Method::DELETE, &path).token(access).send().await.expect_problem(404, "not_found");
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some(token)).await));
}

#[actix_web::test]
async fn another_password_or_factor_forgets_every_device() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = remember(&app, &anna, &with).await;
    let token = people::text(&body, "deviceToken").to_owned();
    assert!(is_signed_in(&sign_in(&app, &anna, PHONE, Some(&token)).await));
    // Whatever ends every token ends these: a password that is changed raises the account's version.
    app.superuser().await.run("UPDATE users SET token_version = token_version + 1").await;
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some(&token)).await));

    let body = remember(&app, &anna, &with).await;
    let token = people::text(&body, "deviceToken");
    assert!(is_signed_in(&sign_in(&app, &anna, PHONE, Some(token)).await));
    app.post("/api/auth/mfa/email").token(people::text(&body, "accessToken")).send().await.expect(201);
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some(token)).await));
}

#[actix_web::test]
async fn an_admin_shows_the_second_factor_every_time() {
    let app = TestApp::<Auth>::start().await;
    let boss = address(&app, "boss");
    let (_, with) = signed_in_as(&app, &boss, "admin").await;
    let body = remember(&app, &boss, &with).await;
    assert!(is_signed_in(&body) && body.get("deviceToken").is_none());

    // Nor does somebody who becomes one and was remembered before.
    let anna = address(&app, "anna");
    let with = person_with_app(&app, &anna).await;
    let body = remember(&app, &anna, &with).await;
    app.superuser().await.run("UPDATE membership_roles SET role = 'manager' WHERE role = 'member'").await;
    assert!(!is_signed_in(&sign_in(&app, &anna, PHONE, Some(people::text(&body, "deviceToken"))).await));
}
