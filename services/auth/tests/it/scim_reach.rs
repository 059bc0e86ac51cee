//! How far an identity provider reaches (SCIM 2.0): never to a studio's last admin, to nobody of another studio, and by no other
//! route than its own.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp, routes_of};

use crate::identity_provider::{Provider, USERS, expect_error, join, outsider};
use crate::machines::exchange;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, token, user_id};
use crate::studios::{Studio, anonymous, studio};

const ROUTES: &str = include_str!("../../src/routes.rs");
/// The id of nothing.
const NOBODY: &str = "01920000-0000-7000-8000-00000000ffff";

fn active(is: bool) -> Value {
    json!([{ "op": "replace", "path": "active", "value": is }])
}

/// Every way in which SCIM suspends or takes out whoever has this id.
async fn every_way_out(app: &TestApp<Auth>, shown: &str, (id, email): (&str, &str)) -> Vec<Answer> {
    let path = format!("{USERS}/{id}");
    let put = json!({ "userName": email, "active": false });
    let patch = json!({ "Operations": active(false) });
    let mut answers = Vec::new();
    for (method, body) in [(Method::PATCH, Some(patch)), (Method::PUT, Some(put)), (Method::DELETE, None)] {
        let call = app.call(method, &path).token(shown);
        answers.push(match body {
            Some(body) => call.json(&body).send().await,
            None => call.send().await,
        });
    }
    answers
}

#[actix_web::test]
async fn the_last_admin_is_neither_suspended_nor_taken_out_by_a_key_or_a_token() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let email = address(app, "ada");
    let ada = provider.id_of(&email).await;
    let program = exchange(app, &provider.machine.key).await.expect(200).text("accessToken");
    for shown in [&provider.machine.key, &program] {
        for answer in every_way_out(app, shown, (&ada, &email)).await {
            expect_error(answer, 403, None, "cannot_manage");
        }
    }
    // A colleague who has asked to be forgotten is nobody to rely on, whoever it is that they take out.
    let eve = staff(app, "eve", "admin").await;
    let leave = app.post("/api/me/delete").token(token(&eve)).json(&json!({ "password": PASSWORD }));
    leave.send().await.expect(202);
    for answer in every_way_out(app, token(&eve), (&ada, &email)).await {
        expect_error(answer, 409, None, "last_admin");
    }
    assert!(provider.active(&ada).await);
    assert!(app.sql("SELECT id FROM scim_users").await.is_empty(), "and nothing half done");
    let done = "SELECT action FROM audit_events WHERE action IN ('membership.locked', 'membership.removed')";
    assert!(app.sql(done).await.is_empty());

    app.post("/api/me/delete/cancel").token(token(&eve)).send().await.expect(204);
    app.call(Method::DELETE, &format!("{USERS}/{ada}")).token(token(&eve)).send().await.expect(204);
}

/// Whom the provider suspended is no admin to rely on, and once made one no provider's to let in again.
#[actix_web::test]
async fn a_suspended_member_who_is_made_an_admin_does_not_let_the_last_one_go() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = user_id(&anna);
    provider.patch(id, active(false)).await.expect(200);
    let member = format!("/api/tenants/members/{id}");
    let raise = app.call(Method::PATCH, &member).token(&provider.admin);
    raise.json(&json!({ "roles": ["admin"] })).send().await.expect(200);
    let leave =
        async || app.call(Method::DELETE, "/api/tenants/members/me").token(&provider.admin).send().await;
    leave().await.expect_problem(409, "last_admin");
    expect_error(provider.patch(id, active(true)).await, 403, None, "cannot_manage");
    expect_error(provider.delete(id).await, 403, None, "cannot_manage");
    app.post(&format!("{member}/reactivate")).token(&provider.admin).send().await.expect(204);
    leave().await.expect(204);
    // The key was of whoever has left.
    expect_error(provider.get(USERS).await, 401, None, "key_refused");
}

/// Somebody who is a member of this studio and of no other.
async fn member_of(app: &TestApp<Auth>, elan: &Studio, who: &str) -> String {
    let email = outsider(app, who).await;
    elan.invite(app, &elan.admin, &email, &["member"]).await.expect(201);
    join(app, &email).await.expect(200);
    account_of(app, &email).await
}

async fn account_of(app: &TestApp<Auth>, email: &str) -> String {
    let found = app.sql(&format!("SELECT id FROM users WHERE email = '{email}'")).await;
    text(&found[0], "id").to_owned()
}

/// All that a studio knows of people.
async fn kept_of(app: &TestApp<Auth>, studio: &str) -> Vec<Value> {
    let mut kept = Vec::new();
    for (table, order) in [
        ("memberships", "user_id"),
        ("membership_roles", "user_id"),
        ("membership_locks", "user_id"),
        ("invitations", "id"),
        ("scim_users", "id"),
        ("sessions", "id"),
    ] {
        let column = if table == "sessions" { "for_tenant" } else { "tenant_id" };
        let rows = format!("SELECT * FROM {table} WHERE {column} = '{studio}' ORDER BY {order}");
        kept.push(Value::from(app.sql(&rows).await));
    }
    kept
}

/// V24: a member, somebody who was brought and joined, and somebody who was only brought.
#[actix_web::test]
async fn v24_whoever_is_another_studios_answers_as_an_id_that_never_was() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let elan = studio(app, "anna", "elan").await;
    let mia = member_of(app, &elan, "mia").await;
    let zoe = outsider(app, "zoe").await;
    let brought = json!({ "userName": zoe, "externalId": "7" });
    let brought = elan.post(app, USERS, &elan.admin, brought).await.expect(201).text("id");
    join(app, &zoe).await.expect(200);
    let asked = json!({ "userName": address(app, "kai"), "externalId": "8" });
    let asked = elan.post(app, USERS, &elan.admin, asked).await.expect(201).text("id");
    let theirs = [mia, account_of(app, &zoe).await, brought, asked];
    let before = kept_of(app, &elan.id).await;

    let put = json!({ "userName": address(app, "x"), "active": false });
    let patch = json!({ "Operations": active(false) });
    for (method, body) in
        [(Method::GET, None), (Method::PUT, Some(put)), (Method::PATCH, Some(patch)), (Method::DELETE, None)]
    {
        let ask = async |id: &str| {
            let call = provider.call(method.clone(), &format!("{USERS}/{id}"));
            anonymous(match &body {
                Some(body) => call.json(body).send().await,
                None => call.send().await,
            })
        };
        let nothing = ask(NOBODY).await;
        assert_eq!((nothing.0, &nothing.1["code"]), (404, &json!("not_found")), "{method}");
        for id in &theirs {
            assert_eq!(ask(id).await, nothing, "{method} {id}");
        }
    }
    for who in ["mia", "zoe", "kai"] {
        let found = provider.find(&format!("userName eq \"{}\"", address(app, who))).await;
        assert_eq!(found["totalResults"], 0, "{who}");
    }
    let listed = provider.get(USERS).await.expect(200).body.to_string();
    assert!(theirs.iter().all(|id| !listed.contains(id.as_str())), "{listed}");

    // What is taken there is free here, and tells nothing.
    let same = json!({ "userName": zoe, "externalId": "7" });
    let here = provider.bring(same).await.expect(201).text("id");
    assert_eq!(provider.find("externalId eq \"7\"").await["Resources"][0]["id"], json!(here));
    assert_eq!(provider.find("externalId eq \"8\"").await["totalResults"], 0);
    provider.delete(&here).await.expect(204);
    assert_eq!(kept_of(app, &elan.id).await, before, "nothing was changed there");
}

/// A key is no token: the routes of SCIM take it and the exchange does, and what asks who one is refuses it.
#[actix_web::test]
async fn a_key_is_refused_by_every_route_but_those_of_provisioning() {
    let provider = Provider::start().await;
    let (app, key) = (&provider.app, provider.machine.key.as_str());
    let is_scim = |path: &str| path.starts_with("/api/tenants/scim/v2/");
    let mut refused = 0;
    for route in routes_of(ROUTES) {
        if route.who == "anyone" || is_scim(&route.path) {
            continue;
        }
        let method: Method = route.method.parse().expect("a method");
        let example = |part: &str| if part.starts_with('{') { NOBODY } else { part }.to_owned();
        let path = route.path.split('/').map(example).collect::<Vec<_>>().join("/");
        let call = if path.starts_with("/internal/") {
            app.internal_anonymous(method, &path)
        } else {
            app.call(method, &path)
        };
        let answer = call.token(key).header("idempotency-key", "k").json(&json!({})).send().await;
        assert_eq!(answer.status, 401, "{} {path}: {:#}", route.method, answer.body);
        assert_ne!(answer.body["code"], "key_refused", "{} {path}: it is not looked at", route.method);
        refused += 1;
    }
    assert!(refused > 80, "{refused} routes");
    for name in ["x-api-key", "api-key"] {
        app.get("/api/user/profile").header(name, key).send().await.expect_problem(401, "unauthenticated");
        expect_error(app.get(USERS).header(name, key).send().await, 401, None, "unauthenticated");
    }
    provider.get(USERS).await.expect(200);
    exchange(app, key).await.expect(200);
}
