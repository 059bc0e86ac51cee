//! Staff see the platform as a member does: for a while, without changing anything, and not in secret.

use auth::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::deletion;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, staff_again, token, user_id};

async fn impersonate(app: &TestApp<Auth>, by: &Value, whom: &str) -> Answer {
    let call = app.post(&format!("/api/admin/users/{whom}/impersonate")).token(token(by));
    call.json(&json!({ "reason": "the calendar stays empty" })).send().await
}

async fn scene() -> (TestApp<Auth>, Value, Value, String) {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(TimeDelta::seconds(1));
    let seen = impersonate(&app, &admin, user_id(&anna)).await.expect(200).text("accessToken");
    (app, admin, anna, seen)
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("a token")).expect("a token")
}

#[actix_web::test]
async fn the_token_says_who_acts_and_reads_as_the_member_would() {
    let (app, admin, anna, seen) = scene().await;
    let claims = claims(&seen);
    assert_eq!(
        (&claims["sub"], &claims["act"]),
        (&json!(user_id(&anna)), &json!({ "sub": user_id(&admin) }))
    );
    assert_eq!((&claims["ro"], &claims["roles"]), (&json!(true), &json!(["member"])));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    let profile = people::profile(&app, &seen).await.expect(200).body;
    assert_eq!(profile["email"], address(&app, "anna"));
}

#[actix_web::test]
async fn nothing_can_be_changed_with_it() {
    let (app, _, anna, seen) = scene().await;
    let path = format!("/api/admin/users/{}/lock", user_id(&anna));
    for path in ["/api/auth/logout", &path] {
        for method in [Method::POST] {
            let call = app.call(method, path).token(&seen).json(&json!({ "reason": "out of interest" }));
            call.send().await.expect_problem(403, "read_only_token");
        }
    }
    people::profile(&app, token(&anna)).await.expect(200);
    let answer = app.get("/api/admin/users").token(&seen).send().await;
    answer.expect_problem(403, "permission_denied");
}

/// Every route that changes something, as the document tells them.
#[actix_web::test]
async fn no_route_for_the_signed_in_takes_it_but_to_read() {
    let (app, _, _, seen) = scene().await;
    let routes = include_str!("../../src/routes.rs").lines().filter(|line| line.contains(".service("));
    let mut refused = 0;
    for line in routes {
        let mut words = line.split("//").nth(1).unwrap().split_whitespace();
        let (method, path, who) = (words.next().unwrap(), words.next().unwrap(), words.collect::<String>());
        if method == "GET" || who == "anyone" || path.starts_with("/internal/") {
            continue;
        }
        let path: Vec<_> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "01920000-0000-7000-8000-00000000ffff" } else { part })
            .collect();
        let path = path.join("/");
        let call = app.call(method.parse().unwrap(), &path).token(&seen).json(&json!({}));
        people::expect_refusal(call.send().await, &path, 403, "read_only_token");
        refused += 1;
    }
    assert!(refused >= 5);
}

#[actix_web::test]
async fn it_ends_after_fifteen_minutes_and_nothing_refreshes_it() {
    let (app, admin, anna, seen) = scene().await;
    let answer = impersonate(&app, &admin, user_id(&anna)).await.expect(200).body;
    assert!(answer.get("refreshToken").is_none(), "{answer:#}");
    app.advance(TimeDelta::seconds(899));
    people::profile(&app, &seen).await.expect(200);
    app.advance(TimeDelta::seconds(2));
    people::profile(&app, &seen).await.expect(401);
}

#[actix_web::test]
async fn the_member_is_written_to_sees_it_and_the_trail_tells_of_it_without_the_reason() {
    let (app, admin, anna, _) = scene().await;
    let events = app.events().await;
    let letter = events.iter().find(|event| event["type"] == "account_letter.requested").unwrap();
    assert_eq!(letter["data"]["letter"]["kind"], "impersonation_started");
    assert_eq!(letter["personal"]["email"], address(&app, "anna"));
    let own = app.get("/api/auth/sessions").token(token(&anna)).send().await.expect(200).body;
    let methods: Vec<_> =
        own["items"].as_array().unwrap().iter().map(|session| session["methods"].clone()).collect();
    assert_eq!(methods, [json!(["impersonation"]), json!(["pwd"])]);
    let timeline = app.get("/api/auth/security-timeline").header("accept-language", "en");
    let told = timeline.token(token(&anna)).send().await.expect(200).body["items"][0].clone();
    assert_eq!((&told["type"], &told["by"]), (&json!("impersonation.started"), &json!("staff")));
    assert_eq!(told["sessionId"], own["items"][0]["id"]);
    let says =
        "Somebody of the staff began to see the platform as you do, without being able to change anything.";
    assert_eq!(told["text"], says);
    let path = format!("/api/admin/users/{}", user_id(&anna));
    let view = app.get(&path).token(token(&admin)).send().await.expect(200).body;
    let shown: Vec<_> =
        view["sessions"].as_array().unwrap().iter().map(|s| s["impersonation"].clone()).collect();
    assert_eq!(shown, [json!(false), json!(true)]);
    let trail = app
        .sql("SELECT actor, subject_id, details FROM audit_events WHERE action = 'impersonation.started'")
        .await;
    assert_eq!(
        (&trail[0]["actor"]["userId"], &trail[0]["subject_id"]),
        (&json!(user_id(&admin)), &json!(user_id(&anna)))
    );
    assert!(!serde_json::to_string(&trail).unwrap().contains("calendar"));
}

#[actix_web::test]
async fn it_ends_with_the_member_signed_out_or_its_author_locked_or_demoted() {
    let (app, admin, anna, seen) = scene().await;
    let sign_out = format!("/api/admin/users/{}/sign-out", user_id(&anna));
    app.post(&sign_out).token(token(&admin)).send().await.expect(204);
    people::profile(&app, &seen).await.expect(401);

    let (app, _, _, seen) = scene().await;
    crate::staff::set_role(&app, &address(&app, "ada"), "manager").await;
    people::profile(&app, &seen).await.expect(401);

    let (app, admin, _, seen) = scene().await;
    let bea = staff(&app, "bea", "admin").await;
    let lock = format!("/api/admin/users/{}/lock", user_id(&admin));
    app.post(&lock).token(token(&bea)).json(&json!({ "reason": "has left us" })).send().await.expect(204);
    people::profile(&app, &seen).await.expect(401);
    let revoked = app.sql("SELECT session_id FROM revocations").await;
    assert_eq!(revoked.len(), 2, "the admin's own session and the one in another's place");
}

/// The days of grace run out while they look.
#[actix_web::test]
async fn it_ends_with_its_authors_account() {
    let app = TestApp::<Auth>::start().await;
    staff(&app, "bea", "admin").await;
    let ada = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    deletion::delete(&app, &ada, PASSWORD).await.expect(202);
    app.advance(TimeDelta::days(14) - TimeDelta::minutes(5));
    let ada = staff_again(&app, "ada").await;
    let seen = impersonate(&app, &ada, user_id(&anna)).await.expect(200).text("accessToken");
    people::profile(&app, &seen).await.expect(200);

    app.advance(TimeDelta::minutes(5));
    app.run_jobs().await;
    people::profile(&app, &seen).await.expect(401);
    let session = claims(&seen)["sid"].clone();
    let session = session.as_str().expect("a session");
    let told = format!("SELECT session_id FROM revocations WHERE session_id = '{session}'");
    assert_eq!(app.sql(&told).await.len(), 1, "the other services hear of it");
    let trail = format!(
        "SELECT details->>'reason' AS reason, details->>'userId' AS whose FROM audit_events
         WHERE action = 'session.ended' AND subject_id = '{session}'"
    );
    let ended = json!({ "reason": "impersonation_ended", "whose": user_id(&anna) });
    assert_eq!(app.sql(&trail).await, [ended]);
}

#[actix_web::test]
async fn nobody_takes_the_place_of_an_admin_of_themselves_or_of_who_is_not_active() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let bea = staff(&app, "bea", "admin").await;
    let manager = staff(&app, "max", "manager").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    impersonate(&app, &ada, user_id(&bea)).await.expect_problem(403, "cannot_impersonate");
    impersonate(&app, &ada, user_id(&ada)).await.expect_problem(409, "own_account");
    impersonate(&app, &manager, user_id(&anna)).await.expect_problem(403, "permission_denied");
    let suspend = format!("UPDATE memberships SET status = 'suspended' WHERE user_id = '{}'", user_id(&anna));
    app.superuser().await.run(&suspend).await;
    impersonate(&app, &ada, user_id(&anna)).await.expect_problem(403, "cannot_impersonate");
    assert_eq!(app.sql("SELECT session_id FROM impersonations").await.len(), 0);
    assert!(text(&anna, "accessToken").len() > 20);
}
