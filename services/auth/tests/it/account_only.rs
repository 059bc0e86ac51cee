//! Members of nothing, and what their account opens to them.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{link, links};
use crate::factors;
use crate::passwords::{forgot, reset};
use crate::people::{self, PASSWORD, address, refresh, text};
use crate::personal_copy::with_services;
use crate::staff::{staff, token, user_id};
use crate::studios::{claims, plain_person, profile_at, sign_in_at, studio};

async fn leave(app: &TestApp<Auth>, by: &Value) {
    app.call(Method::DELETE, "/api/tenants/members/me").token(token(by)).send().await.expect(204);
}

/// Somebody who left the only studio that they were a member of, and signed in again.
pub async fn alone(app: &TestApp<Auth>, who: &str) -> Value {
    leave(app, &plain_person(app, who).await).await;
    people::sign_in(app, &address(app, who), PASSWORD).await.expect(200).body
}

async fn export(app: &TestApp<Auth>, by: &Value) -> Answer {
    app.get("/api/me/export").token(token(by)).send().await
}

#[actix_web::test]
async fn whoever_left_their_last_studio_signs_in_to_their_account_and_to_nothing_else() {
    let (app, _services) = with_services().await;
    let mia = alone(&app, "mia").await;
    assert_eq!((&mia["accountOnly"], &mia["user"]["roles"]), (&json!(true), &json!([])));
    let said = claims(token(&mia));
    assert_eq!((&said["aud"], &said["roles"]), (&json!(["account"]), &json!([])));
    let copy = export(&app, &mia).await.expect(200).body;
    assert_eq!(copy["account"]["email"], address(&app, "mia"));
    for (method, path) in [
        (Method::GET, "/api/user/profile"),
        (Method::GET, "/api/auth/sessions"),
        (Method::GET, "/api/auth/mfa/factors"),
        (Method::GET, "/api/tenants"),
        (Method::GET, "/api/tenants/current"),
        (Method::GET, "/api/tenants/members"),
        (Method::POST, "/api/auth/passkeys/register/options"),
        (Method::DELETE, "/api/auth/sessions"),
    ] {
        let answer = app.call(method.clone(), path).token(token(&mia)).send().await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    let next = refresh(&app, text(&mia, "refreshToken")).await.expect(200).body;
    assert_eq!(next["accountOnly"], true);
    assert_eq!(claims(token(&next))["aud"], json!(["account"]));
    app.post("/api/auth/logout").token(token(&next)).send().await.expect(204);
    export(&app, &next).await.expect_problem(401, "unauthenticated");
    refresh(&app, text(&next, "refreshToken")).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn a_member_of_nothing_has_their_account_erased() {
    let app = TestApp::<Auth>::start().await;
    let mia = alone(&app, "mia").await;
    let ask = async |password: &str| {
        let body = json!({ "password": password });
        app.post("/api/me/delete").token(token(&mia)).json(&body).send().await
    };
    ask("another sentence altogether").await.expect_problem(403, "wrong_password");
    app.advance(TimeDelta::seconds(2));
    ask(PASSWORD).await.expect(202);
    app.post("/api/me/delete/cancel").token(token(&mia)).send().await.expect(204);
    ask(PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14));
    app.run_jobs().await;
    let status = format!("SELECT status FROM users WHERE id = '{}'", user_id(&mia));
    assert_eq!(app.sql(&status).await, [json!({ "status": "erased" })]);
    people::sign_in(&app, &address(&app, "mia"), PASSWORD).await.expect(401);
}

#[actix_web::test]
async fn whom_staff_removed_from_their_last_studio_is_sent_another_password_and_gets_in_to_their_account() {
    let (app, _services) = with_services().await;
    let admin = staff(&app, "ada", "admin").await;
    let mia = plain_person(&app, "mia").await;
    let path = format!("/api/tenants/members/{}", user_id(&mia));
    app.call(Method::DELETE, &path).token(token(&admin)).send().await.expect(204);
    let email = address(&app, "mia");
    forgot(&app, &email).await.expect(202);
    let chosen = "quite another private sentence";
    reset(&app, &link(&app, &email, "password_reset").await, chosen).await.expect(204);
    let mia = people::sign_in(&app, &email, chosen).await.expect(200).body;
    assert_eq!(mia["accountOnly"], true);
    export(&app, &mia).await.expect(200);
}

#[actix_web::test]
async fn a_member_of_nothing_joins_a_studio_and_is_in_that_one_from_then_on() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (mia, email) = (alone(&app, "mia").await, address(&app, "mia"));
    sign_in_at(&app, &elan.host(), &email).await.expect_problem(403, "not_a_member");
    let join = app.post("/api/tenants/join").token(token(&mia)).json(&json!({ "slug": "elan" }));
    join.send().await.expect(200);
    let there = sign_in_at(&app, &elan.host(), &email).await.expect(200).body;
    assert_eq!(there.get("accountOnly"), None);
    profile_at(&app, &elan.host(), &there).await.expect(200);
    // A member of something is at home there, and what was opened without any ends.
    export(&app, &mia).await.expect_problem(401, "unauthenticated");
    refresh(&app, text(&mia, "refreshToken")).await.expect_problem(401, "refresh_refused");
    people::sign_in(&app, &email, PASSWORD).await.expect_problem(403, "not_a_member");
}

/// V23: a suspension is no way in, wherever it is; that a studio removed somebody leaves them their account.
#[actix_web::test]
async fn v23_whoever_is_suspended_anywhere_is_a_member_of_something() {
    let app = TestApp::<Auth>::start().await;
    drop(studio(&app, "anna", "elan").await);
    let (mia, email) = (alone(&app, "mia").await, address(&app, "mia"));
    let join = app.post("/api/tenants/join").token(token(&mia)).json(&json!({ "slug": "elan" }));
    join.send().await.expect(200);
    let set = async |status: &str| {
        let change =
            format!("UPDATE memberships SET status = '{status}' WHERE user_id = '{}'", user_id(&mia));
        app.superuser().await.run(&change).await;
    };
    set("suspended").await;
    people::sign_in(&app, &email, PASSWORD).await.expect_problem(403, "not_a_member");
    export(&app, &mia).await.expect_problem(401, "unauthenticated");
    forgot(&app, &email).await.expect(202);
    assert_eq!(links(&app, &email, "password_reset").await, Vec::<String>::new());
    // Nobody was ever let in by these.
    for status in ["invited", "accepted"] {
        set(status).await;
        let again = people::sign_in(&app, &email, PASSWORD).await.expect(200).body;
        assert_eq!(again["accountOnly"], true, "{status}");
    }

    let zoe = plain_person(&app, "zoe").await;
    let suspend = format!("UPDATE memberships SET status = 'suspended' WHERE user_id = '{}'", user_id(&zoe));
    app.superuser().await.run(&suspend).await;
    people::sign_in(&app, &address(&app, "zoe"), PASSWORD).await.expect_problem(403, "not_a_member");
}

/// V15: who has a second factor shows it for their account alone as well.
#[actix_web::test]
async fn v15_a_member_of_nothing_shows_their_second_factor() {
    let (app, _services) = with_services().await;
    let email = address(&app, "mia");
    let (home, with) = factors::signed_in_as(&app, &email, "member").await;
    leave(&app, &home).await;
    let half = people::sign_in(&app, &email, PASSWORD).await.expect(200).body;
    assert_eq!((&half["mfaRequired"], half.get("accessToken")), (&json!(true), None));
    let mia = factors::sign_in_with(&app, &email, &with).await;
    assert_eq!(mia["accountOnly"], true);
    export(&app, &mia).await.expect(200);
    let body = json!({ "password": PASSWORD });
    app.advance(TimeDelta::minutes(11));
    let late = app.post("/api/me/delete").token(token(&mia)).json(&body).send().await;
    late.expect_problem(403, "step_up_required");
}

#[actix_web::test]
async fn members_of_a_studio_that_is_closed_are_members_of_nothing() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (mia, email) = (alone(&app, "mia").await, address(&app, "mia"));
    let join = app.post("/api/tenants/join").token(token(&mia)).json(&json!({ "slug": "elan" }));
    join.send().await.expect(200);
    people::sign_in(&app, &email, PASSWORD).await.expect_problem(403, "not_a_member");
    let close = format!("UPDATE tenants SET status = 'closed' WHERE id = '{}'", elan.id);
    app.superuser().await.run(&close).await;
    let mia = people::sign_in(&app, &email, PASSWORD).await.expect(200).body;
    assert_eq!(mia["accountOnly"], true);
}
