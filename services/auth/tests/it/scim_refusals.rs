//! What an identity provider cannot do (SCIM 2.0), whoever holds its key.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::identity_provider::{Provider, USERS, active, expect_error};
use crate::machines::{create_key, exchange, machine, order, revoke};
use crate::people::{self, address};
use crate::staff::{set_role, staff, token, user_id};
use crate::studios::{anonymous, studio};

#[actix_web::test]
async fn whom_the_staff_suspended_no_provider_lets_in_again_by_any_way() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = user_id(&anna);
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    let on = json!([{ "op": "replace", "path": "active", "value": true }]);
    provider.patch(id, off).await.expect(200);
    provider.patch(id, on.clone()).await.expect(200);
    let member = format!("/api/tenants/members/{id}");
    let reason = json!({ "reason": "chargebacks" });
    app.advance(TimeDelta::seconds(1));
    app.post(&format!("{member}/suspend")).token(&provider.admin).json(&reason).send().await.expect(204);
    expect_error(provider.patch(id, on.clone()).await, 403, None, "suspended_by_staff");
    expect_error(provider.delete(id).await, 403, None, "suspended_by_staff");
    let body = json!({ "userName": address(app, "anna"), "active": true });
    let put = provider.call(Method::PUT, &format!("{USERS}/{id}")).json(&body).send().await;
    expect_error(put, 403, None, "suspended_by_staff");
    expect_error(provider.bring(body).await, 409, Some("uniqueness"), "user_name_taken");
    assert!(!provider.active(id).await);
    app.post(&format!("{member}/reactivate")).token(&provider.admin).send().await.expect(204);
    assert!(provider.active(id).await);
}

#[actix_web::test]
async fn staff_is_no_providers_to_change_and_nobody_is_given_a_role() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let max = staff(app, "max", "manager").await;
    let ada = provider.id_of(&address(app, "ada")).await;
    let front_desk = json!({ "name": "front-desk", "permissions": ["booking.sessions.manage"] });
    app.post("/api/tenants/roles").token(&provider.admin).json(&front_desk).send().await.expect(201);
    let kim = people::signed_in(app, &address(app, "kim")).await;
    set_role(app, &address(app, "kim"), "front-desk").await;
    for id in [user_id(&max), &ada, user_id(&kim)] {
        for operations in [
            json!([{ "op": "replace", "path": "active", "value": false }]),
            json!([{ "op": "replace", "path": "externalId", "value": "1" }]),
        ] {
            expect_error(provider.patch(id, operations).await, 403, None, "cannot_manage");
        }
        expect_error(provider.delete(id).await, 403, None, "cannot_manage");
        assert!(provider.active(id).await);
    }
    // The program itself is nobody's person.
    expect_error(provider.delete(&provider.machine.account).await, 404, None, "not_found");

    let lea = people::signed_in(app, &address(app, "lea")).await;
    for operations in [
        json!([{ "op": "add", "path": "roles", "value": [{ "value": "admin" }] }]),
        json!([{ "op": "add", "value": { "roles": [{ "value": "admin" }] } }]),
        json!([{ "op": "replace", "path": "groups", "value": [] }]),
        json!([{ "op": "replace", "path": "id", "value": ada }]),
        json!([{ "op": "remove", "path": "userName" }]),
    ] {
        let answer = provider.patch(user_id(&lea), operations).await;
        expect_error(answer, 400, Some("mutability"), "read_only_attribute");
    }
    let body = json!({ "userName": address(app, "lea"), "roles": [{ "value": "admin" }] });
    let put = provider.call(Method::PUT, &format!("{USERS}/{}", user_id(&lea))).json(&body).send().await;
    assert_eq!(put.expect(200).body["roles"], json!([{ "value": "member" }]));
}

#[actix_web::test]
async fn an_admin_with_their_own_token_is_held_to_what_people_are_held_to() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let ada = provider.id_of(&address(app, "ada")).await;
    let path = format!("{USERS}/{ada}");
    let own = app.call(Method::DELETE, &path).token(&provider.admin).send().await;
    expect_error(own, 409, None, "own_account");
    let eve = staff(app, "eve", "admin").await;
    app.advance(TimeDelta::minutes(11));
    let stale = app.call(Method::DELETE, &path).token(token(&eve)).send().await;
    expect_error(stale, 403, None, "step_up_required");
    for role in ["member", "coach", "manager"] {
        let other = staff(app, &format!("{role}-x"), role).await;
        let answer = app.get(USERS).token(token(&other)).send().await;
        expect_error(answer, 403, None, "permission_denied");
    }
}

#[actix_web::test]
async fn a_key_opens_provisioning_alone_and_only_while_it_is_good() {
    let provider = Provider::start().await;
    let (app, by) = (&provider.app, provider.admin.as_str());
    let key = provider.machine.key.clone();
    provider.get(USERS).await.expect(200);
    let access = exchange(app, &key).await.expect(200).text("accessToken");
    app.get(USERS).token(&access).send().await.expect(200);
    for elsewhere in ["/api/tenants/members", "/api/admin/users", "/api/user/profile"] {
        app.get(elsewhere).token(&key).send().await.expect_problem(401, "unauthenticated");
    }
    app.get("/api/tenants/members").token(&access).send().await.expect_problem(403, "permission_denied");

    let narrow = machine(app, by, &["auth.users.manage"]).await;
    expect_error(app.get(USERS).token(&narrow.key).send().await, 403, None, "permission_denied");
    let mut wrong = key.clone();
    wrong.replace_range(20..21, if &key[20..21] == "a" { "b" } else { "a" });
    for bad in [wrong.as_str(), "shk_", "shk_abcdefghjkmn_x"] {
        expect_error(app.get(USERS).token(bad).send().await, 401, None, "key_refused");
    }
    expect_error(app.get(USERS).send().await, 401, None, "unauthenticated");
    // What the body holds is looked at by nobody before the key is.
    let body = app.post(USERS).token(&wrong).body("no JSON").send().await;
    expect_error(body, 401, None, "key_refused");

    order(app, by, &provider.machine.account, "disable").await.expect(204);
    expect_error(provider.get(USERS).await, 403, None, "account_suspended");
    order(app, by, &provider.machine.account, "enable").await.expect(204);
    provider.get(USERS).await.expect(200);
    let second = create_key(app, by, &provider.machine.account).await.expect(201);
    revoke(app, by, &provider.machine.account, &provider.machine.key_id).await.expect(204);
    expect_error(provider.get(USERS).await, 401, None, "key_refused");
    app.get(USERS).token(&second.text("apiKey")).send().await.expect(200);
    app.advance(TimeDelta::days(91));
    expect_error(app.get(USERS).token(&second.text("apiKey")).send().await, 401, None, "key_refused");
}

/// V24: a key of one studio is none of another's, and an id of another studio answers as nothing does.
#[actix_web::test]
async fn v24_nothing_of_another_studio_is_seen_or_changed() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let elan = studio(app, "anna", "elan").await;
    let there = elan.member(app, "eve", &["member"]).await;
    let brought = json!({ "userName": address(app, "zoe") });
    let brought = elan.post(app, USERS, &elan.admin, brought).await.expect(201).text("id");
    let access = exchange(app, &provider.machine.key).await.expect(200).text("accessToken");
    let at_theirs = app.get(USERS).at_host(&elan.host()).token(&provider.machine.key).send().await;
    expect_error(at_theirs, 401, None, "key_refused");
    // It was counted as a guess at the key.
    app.advance(TimeDelta::seconds(2));
    let at_theirs = app.get(USERS).at_host(&elan.host()).token(&access).send().await;
    expect_error(at_theirs, 403, None, "wrong_tenant");

    // Eve is a member here as well, by the same account; whom the other studio invited is not.
    assert_eq!(provider.id_of(&address(app, "eve")).await, user_id(&there));
    let nobody = "01920000-0000-7000-8000-00000000ffff";
    let user = json!({ "userName": address(app, "x") });
    let patch = json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    for (method, body) in [
        (Method::GET, Value::Null),
        (Method::PUT, user),
        (Method::PATCH, patch),
        (Method::DELETE, Value::Null),
    ] {
        let ask = async |id: &str| {
            let call = provider.call(method.clone(), &format!("{USERS}/{id}"));
            anonymous(if body.is_null() { call.send().await } else { call.json(&body).send().await })
        };
        let (theirs, nothing) = (ask(&brought).await, ask(nobody).await);
        assert_eq!((theirs.0, &theirs), (404, &nothing), "{method}");
        assert_eq!(ask("no-id").await, nothing, "{method}");
    }
    assert_eq!(provider.find(&format!("userName eq \"{}\"", address(app, "zoe"))).await["totalResults"], 0);
    // Taken out here, she is what she was there.
    provider.delete(user_id(&there)).await.expect(204);
    elan.get(app, "/api/user/profile", &there).await.expect(200);
    assert_eq!(app.sql("SELECT id FROM scim_users").await.len(), 1);
}

#[actix_web::test]
async fn what_is_no_user_is_refused_in_the_words_of_the_rfc() {
    let provider = Provider::start().await;
    let app = &provider.app;
    for (body, kind, code) in [
        ("{", "invalidSyntax", "malformed_request"),
        ("[]", "invalidValue", "invalid_value"),
        ("{}", "invalidValue", "invalid_value"),
        (r#"{"userName":"anna"}"#, "invalidValue", "invalid_value"),
        (r#"{"userName":"a@b.example","displayName":"<b>"}"#, "invalidValue", "invalid_value"),
        (r#"{"userName":"a@b.example","name":["Ada","Byron"]}"#, "invalidValue", "invalid_value"),
        (r#"{"userName":"a@b.example","active":"perhaps"}"#, "invalidValue", "invalid_value"),
        (r#"{"userName":"a@b.example","externalId":"a\u0000"}"#, "invalidValue", "invalid_value"),
    ] {
        let call = provider.call(Method::POST, USERS).header("content-type", "application/scim+json");
        expect_error(call.body(body).send().await, 400, Some(kind), code);
    }
    let call = provider.call(Method::POST, USERS).header("content-type", "text/plain");
    expect_error(call.body("{}").send().await, 415, None, "unsupported_media_type");
    let anna = people::signed_in(app, &address(app, "anna")).await;
    for (operations, kind, code) in [
        (json!([]), "invalidValue", "invalid_value"),
        (json!([{ "op": "remove" }]), "noTarget", "no_target"),
        (json!([{ "op": "replace", "path": "1", "value": 1 }]), "invalidPath", "invalid_path"),
        (json!([{ "op": "replace", "path": "active", "value": 3 }]), "invalidValue", "invalid_value"),
        (json!([{ "op": "move", "path": "active" }]), "invalidValue", "invalid_value"),
    ] {
        expect_error(provider.patch(user_id(&anna), operations).await, 400, Some(kind), code);
    }
    // All of it or nothing.
    let half = json!([
        { "op": "replace", "path": "active", "value": false }, { "op": "add", "path": "roles", "value": "admin" },
    ]);
    provider.patch(user_id(&anna), half).await.expect(400);
    assert!(provider.active(user_id(&anna)).await);
}

#[actix_web::test]
async fn another_name_is_counted_whatever_else_is_said_and_an_open_invitation_is_not() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let provider = Provider::of(app).await;
    let (mia, yan, zoe) =
        (address(&provider.app, "mia"), address(&provider.app, "yan"), address(&provider.app, "zoe"));
    let id = provider.bring(json!({ "userName": mia, "active": false })).await.expect(201).text("id");
    let rename = async |name: &str| {
        let said = json!({ "userName": name, "active": false });
        provider.patch(&id, json!([{ "op": "replace", "value": said }])).await
    };
    for _ in 0..9 {
        rename(&yan).await.expect(200);
        rename(&mia).await.expect(200);
    }
    rename(&yan).await.expect(200);
    expect_error(rename(&mia).await, 429, None, "too_many_requests");

    let id = provider.bring(json!({ "userName": zoe })).await.expect(201).text("id");
    for _ in 0..12 {
        provider.patch(&id, active(true)).await.expect(200);
    }
}

#[actix_web::test]
async fn letters_are_limited_for_each_address() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let provider = Provider::of(app).await;
    let zoe = address(&provider.app, "zoe");
    for _ in 0..10 {
        let id = provider.bring(json!({ "userName": zoe })).await.expect(201).text("id");
        provider.delete(&id).await.expect(204);
    }
    let limited = provider.bring(json!({ "userName": zoe })).await;
    let limited = expect_error(limited, 429, None, "too_many_requests");
    assert!(limited.headers.contains_key("retry-after"));
}
