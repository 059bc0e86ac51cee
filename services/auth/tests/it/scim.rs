//! Provisioning by an identity provider (SCIM 2.0): who is brought, suspended and taken out.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::identity_provider::{Provider, SCOPE, USERS, encoded, expect_error, join, outsider};
use crate::letters;
use crate::machines::order;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};

#[actix_web::test]
async fn what_is_spoken_is_told_to_anybody() {
    let app = TestApp::<Auth>::start().await;
    let read = async |what: &str| {
        let answer = app.get(&format!("/api/tenants/scim/v2/{what}")).send().await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/scim+json");
        answer.body
    };
    let configuration = read("ServiceProviderConfig").await;
    assert_eq!(
        (&configuration["patch"]["supported"], &configuration["bulk"]["supported"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(configuration["filter"], json!({ "supported": true, "maxResults": 100 }));
    let types = read("ResourceTypes").await;
    assert_eq!((&types["totalResults"], &types["Resources"][0]["id"]), (&json!(1), &json!("User")));
    let schemas = read("Schemas").await;
    let attributes = schemas["Resources"][0]["attributes"].as_array().unwrap();
    let roles = attributes.iter().find(|attribute| attribute["name"] == "roles").unwrap();
    assert_eq!(roles["mutability"], "readOnly");
    for described in [&types, &schemas] {
        assert!(described["Resources"][0]["meta"]["location"].is_null(), "each is found in its list alone");
    }
}

#[actix_web::test]
async fn there_are_no_groups_and_that_is_no_error() {
    let provider = Provider::start().await;
    let groups = "/api/tenants/scim/v2/Groups";
    for query in ["", "?filter=displayName%20eq%20%22Coaches%22", "?startIndex=1&count=100"] {
        let answer = provider.get(&format!("{groups}{query}")).await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/scim+json");
        assert_eq!((&answer.body["totalResults"], &answer.body["Resources"]), (&json!(0), &json!([])));
    }
    expect_error(provider.app.get(groups).send().await, 401, None, "unauthenticated");
}

#[actix_web::test]
async fn an_empty_text_is_as_good_as_none_by_every_way() {
    let provider = Provider::start().await;
    let said = json!({
        "userName": address(&provider.app, "zoe"), "externalId": "", "displayName": " ",
        "name": { "givenName": "Zoé", "familyName": "" },
    });
    let made = provider.bring(said.clone()).await.expect(201).body;
    let path = format!("{USERS}/{}", text(&made, "id"));
    let put = provider.call(Method::PUT, &path).json(&said).send().await.expect(200).body;
    let patch = json!([{ "op": "replace", "value": { "externalId": "", "displayName": " " } }]);
    let patched = provider.patch(text(&made, "id"), patch).await.expect(200).body;
    for shown in [&made, &put, &patched] {
        assert_eq!((&shown["externalId"], &shown["displayName"]), (&Value::Null, &json!("")));
        assert_eq!(shown["name"], json!({ "formatted": "Zoé", "givenName": "Zoé" }));
    }
}

/// V6: nobody is handed an account, and nothing tells whether there is one.
#[actix_web::test]
async fn whoever_is_brought_is_invited_whether_or_not_they_have_an_account() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let (known, unknown) = (outsider(app, "mia").await, address(app, "zoe"));
    let before = app.sql("SELECT id FROM users").await.len();
    let mut answers = Vec::new();
    for email in [&known, &unknown] {
        let said = json!({ "userName": email, "displayName": "Somebody", "active": true });
        let made = provider.bring(said).await.expect(201);
        let location = format!("{USERS}/{}", text(&made.body, "id"));
        assert_eq!(made.headers["location"], location.as_str());
        assert_eq!(made.headers["cache-control"], "no-store");
        assert_eq!(
            (&made.body["active"], &made.body["roles"], &made.body["displayName"]),
            (&json!(false), &json!([]), &json!("Somebody"))
        );
        assert_eq!(provider.get(&location).await.expect(200).body, made.body);
        let mut alike = made.body.to_string().replace(email.as_str(), "EMAIL");
        alike = alike.replace(text(&made.body, "id"), "ID");
        answers.push(alike);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), before, "no account is made");
    let alone = people::sign_in(app, &known, PASSWORD).await.expect(200).body;
    assert_eq!(alone["accountOnly"], true, "no member");

    join(app, &known).await.expect(200);
    let mia = people::sign_in(app, &known, PASSWORD).await.expect(200).body;
    assert_eq!(mia["user"]["roles"], json!(["member"]));
    join(app, &unknown).await.expect_problem(409, "sign_up_first");
    let found = provider.find(&format!("userName eq \"{}\"", known.to_uppercase())).await;
    let found = &found["Resources"][0];
    assert_eq!((&found["active"], &found["roles"]), (&json!(true), &json!([{ "value": "member" }])));
    assert_ne!(found["id"], json!(user_id(&mia)), "the id is the one that the provider was given");
}

#[actix_web::test]
async fn whoever_signs_up_with_the_letter_is_the_person_that_was_brought() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let zoe = address(app, "zoe");
    let said = json!({
        "userName": zoe, "externalId": "00u1", "name": { "givenName": "Zoé", "familyName": "Petit" },
        "password": "a password of the provider", "roles": [{ "value": "admin" }], "title": "Dr",
    });
    let made = provider.bring(said).await.expect(201).body;
    let invitation = letters::secrets(app, &zoe, "invitation").await.pop().unwrap().link_token.unwrap();
    let body = json!({
        "email": zoe, "password": PASSWORD, "name": "Zoé P.", "locale": "fr", "invitation": { "token": invitation },
    });
    app.post("/api/auth/signup").json(&body).send().await.expect(202);
    app.run_jobs().await;
    assert!(!provider.active(text(&made, "id")).await, "before the address is confirmed");
    let mailed = people::mailed_token(app, &zoe).await;
    people::verify(app, &mailed).await.expect(204);
    let found = provider.find("externalId eq \"00u1\"").await;
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &made["id"]));
    let found = &found["Resources"][0];
    assert_eq!((&found["active"], &found["roles"]), (&json!(true), &json!([{ "value": "member" }])));
    assert_eq!(found["name"], json!({ "formatted": "Zoé Petit", "givenName": "Zoé", "familyName": "Petit" }));
    let signed_in = people::sign_in(app, &zoe, PASSWORD).await.expect(200).body;
    let named = app.sql(&format!("SELECT name FROM users WHERE email = '{zoe}'")).await;
    assert_eq!(named, [json!({ "name": "Zoé P." })], "an account is its owner's to name");
    // Their own address is theirs to change, and they are still the same here.
    let other = format!(
        "UPDATE users SET email = 'z@x.example', email_canonical = 'z@x.example' WHERE email = '{zoe}'"
    );
    app.superuser().await.run(&other).await;
    let shown = provider.get(&format!("{USERS}/{}", text(&made, "id"))).await.expect(200).body;
    assert_eq!((&shown["userName"], &shown["emails"][0]["value"]), (&json!(zoe), &json!("z@x.example")));
    provider
        .patch(text(&made, "id"), json!([{ "op": "replace", "path": "active", "value": false }]))
        .await
        .expect(200);
    people::profile(app, token(&signed_in)).await.expect(401);
}

/// V23, V28: in the words of Okta and of Entra ID.
#[actix_web::test]
async fn a_member_is_suspended_at_once_and_reactivated_and_all_of_it_is_audited() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = provider.id_of(&address(app, "anna")).await;
    assert_eq!(id, user_id(&anna), "of a member whom nobody brought it is the account's");
    let off = [
        json!([{ "op": "replace", "path": "active", "value": false }]),
        json!([{ "op": "Replace", "path": "active", "value": "False" }]),
        json!([{ "op": "replace", "value": { "id": id, "active": false } }]),
    ];
    let on = [
        json!([{ "op": "Add", "path": "active", "value": "True" }]),
        json!([{ "op": "replace", "value": { "active": true } }]),
        json!([{ "op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": true }]),
    ];
    for (off, on) in off.into_iter().zip(on) {
        let anna = people::sign_in(app, &address(app, "anna"), PASSWORD).await.expect(200).body;
        assert_eq!(provider.patch(&id, off.clone()).await.expect(200).body["active"], false);
        assert_eq!(provider.patch(&id, off).await.expect(200).body["active"], false, "twice is once");
        people::profile(app, token(&anna)).await.expect(401);
        people::refresh(app, text(&anna, "refreshToken")).await.expect(401);
        people::sign_in(app, &address(app, "anna"), PASSWORD).await.expect_problem(403, "not_a_member");
        assert_eq!(provider.patch(&id, on).await.expect(200).body["active"], true);
    }
    let trail = format!(
        "SELECT action, actor FROM audit_events WHERE subject_id = '{id}' AND action LIKE 'membership.%locked' ORDER BY number"
    );
    let trail = app.sql(&trail).await;
    let actions: Vec<_> = trail.iter().map(|entry| text(entry, "action")).collect();
    assert_eq!(actions, ["membership.locked", "membership.unlocked"].repeat(3));
    let prefix = provider.machine.key.rsplit_once('_').unwrap().0;
    let actor = json!({ "kind": "apiKey", "prefix": prefix, "userId": provider.machine.account });
    assert!(trail.iter().all(|entry| entry["actor"] == actor), "{trail:#?}");
    let told = app.events().await;
    let told: Vec<_> = told.iter().filter(|event| event["type"] == "membership.changed").collect();
    assert_eq!(told.last().unwrap()["data"]["active"], true);
    let revoked = app.sql("SELECT session_id FROM revocations WHERE session_id IS NOT NULL").await;
    assert!(revoked.len() >= 3, "{revoked:?}");
}

#[actix_web::test]
async fn two_filters_are_understood_and_a_list_is_read_in_parts() {
    let provider = Provider::start().await;
    let app = &provider.app;
    for name in ["anna", "bob", "cleo"] {
        people::confirmed(app, &address(app, name)).await;
    }
    app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201);
    provider.bring(json!({ "userName": address(app, "zoe") })).await.expect(201);
    let all = provider.get(USERS).await.expect(200).body;
    assert_eq!((&all["totalResults"], &all["startIndex"]), (&json!(5), &json!(1)), "no guest and no program");
    let ids = |page: &Value| -> Vec<String> {
        page["Resources"].as_array().unwrap().iter().map(|user| text(user, "id").to_owned()).collect()
    };
    let mut seen = Vec::new();
    for start in [1, 3, 5, 7] {
        let part = provider.get(&format!("{USERS}?startIndex={start}&count=2")).await.expect(200).body;
        assert_eq!((&part["totalResults"], &part["startIndex"]), (&json!(5), &json!(start)));
        seen.extend(ids(&part));
    }
    assert_eq!(seen, ids(&all));
    let none = provider.get(&format!("{USERS}?count=0")).await.expect(200).body;
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(5), &json!([])));
    for (query, items) in [("count=-3", 0), ("count=1000", 5), ("startIndex=-3", 5), ("sortBy=userName", 5)] {
        let part = provider.get(&format!("{USERS}?{query}")).await.expect(200).body;
        assert_eq!(ids(&part).len(), items, "{query}");
    }
    for bad in ["count=x", "startIndex=1.5"] {
        let answer = provider.get(&format!("{USERS}?{bad}")).await;
        expect_error(answer, 400, Some("invalidValue"), "invalid_value");
    }
    for filter in [
        "",
        "userName sw \"a\"",
        "userName eq \"a\" or userName eq \"b\"",
        "userName eq 'a'",
        "emails.value eq \"a\"",
        "active eq true",
        "userName eq \"\\u0000\"",
        "userName eq \"' OR 1=1 --",
    ] {
        let answer = provider.get(&format!("{USERS}?filter={}", encoded(filter))).await;
        expect_error(answer, 400, Some("invalidFilter"), "invalid_filter");
    }
    assert_eq!(provider.find("userName eq \"nobody@example.org\"").await["Resources"], json!([]));
}

#[actix_web::test]
async fn no_two_have_one_name_or_one_external_id_and_of_many_at_once_one_is_brought() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let taken = provider.bring(json!({ "userName": address(app, "anna").to_uppercase() })).await;
    expect_error(taken, 409, Some("uniqueness"), "user_name_taken");
    let zoe = json!({ "userName": address(app, "zoe"), "externalId": "7" });
    let made = join_all((0..6).map(|_| provider.bring(zoe.clone()))).await;
    let of = |status: u16| made.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(201), of(409)), (1, 5));
    assert_eq!(letters::secrets(app, &address(app, "zoe"), "invitation").await.len(), 1);
    let other = provider.bring(json!({ "userName": address(app, "yan"), "externalId": "7" })).await;
    expect_error(other, 409, Some("uniqueness"), "external_id_taken");
    let seven = json!([{ "op": "add", "path": "externalId", "value": "7" }]);
    let answer = provider.patch(user_id(&anna), seven.clone()).await;
    expect_error(answer, 409, Some("uniqueness"), "external_id_taken");
    provider.delete(&provider.id_of(&address(app, "zoe")).await).await.expect(204);
    assert_eq!(provider.patch(user_id(&anna), seven).await.expect(200).body["externalId"], "7");

    // Whom the staff invited is the staff's until that is over.
    let body = json!({ "kind": "email", "email": address(app, "kai"), "roles": ["coach"] });
    app.post("/api/tenants/invitations").token(&provider.admin).json(&body).send().await.expect(201);
    let answer = provider.bring(json!({ "userName": address(app, "kai") })).await;
    expect_error(answer, 409, Some("uniqueness"), "already_invited");
}

#[actix_web::test]
async fn an_invitation_is_taken_back_and_written_again_as_the_provider_says() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let mia = outsider(app, "mia").await;
    let id = provider.bring(json!({ "userName": mia })).await.expect(201).text("id");
    let letters = async |email: &str| letters::secrets(app, email, "invitation").await.len();
    let on = json!([{ "op": "replace", "path": "active", "value": true }]);
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    assert_eq!(provider.patch(&id, on.clone()).await.expect(200).body["active"], false);
    assert_eq!(letters(&mia).await, 1, "an open invitation is not written twice");
    provider.patch(&id, off.clone()).await.expect(200);
    join(app, &mia).await.expect_problem(410, "invitation_gone");
    provider.patch(&id, on.clone()).await.expect(200);
    assert_eq!(letters(&mia).await, 2);
    // Another address is another letter, and the first is good for nothing.
    let first = letters::secrets(app, &mia, "invitation").await.pop().unwrap().link_token;
    let yan = outsider(app, "yan").await;
    let body = json!({ "userName": yan, "active": true });
    let put = provider.call(Method::PUT, &format!("{USERS}/{id}")).json(&body).send().await;
    assert_eq!(put.expect(200).body["userName"], json!(yan));
    let accept = app.post("/api/tenants/invitations/join").json(&json!({ "token": first }));
    accept.send().await.expect_problem(410, "invitation_gone");
    join(app, &yan).await.expect(200);
    assert!(provider.active(&id).await);

    let quiet = provider.bring(json!({ "userName": mia, "active": "False" })).await.expect(201).text("id");
    assert_eq!(letters(&mia).await, 2, "nobody is written to who is not to be active");
    provider.delete(&quiet).await.expect(204);
    expect_error(provider.get(&format!("{USERS}/{quiet}")).await, 404, None, "not_found");
}

#[actix_web::test]
async fn an_invitation_is_worth_what_its_program_may_still_do() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let mia = outsider(app, "mia").await;
    provider.bring(json!({ "userName": mia })).await.expect(201);
    order(app, &provider.admin, &provider.machine.account, "disable").await.expect(204);
    join(app, &mia).await.expect_problem(410, "invitation_gone");
    order(app, &provider.admin, &provider.machine.account, "enable").await.expect(204);
    let path = format!("/api/tenants/service-accounts/{}", provider.machine.account);
    let scopes = async |scopes: &[&str]| {
        let call = app.call(Method::PATCH, &path).token(&provider.admin);
        call.json(&json!({ "scopes": scopes })).send().await.expect(200);
    };
    scopes(&["booking.classes.manage"]).await;
    join(app, &mia).await.expect_problem(410, "invitation_gone");
    scopes(&[SCOPE]).await;
    join(app, &mia).await.expect(200);
}

#[actix_web::test]
async fn what_a_provider_said_goes_with_the_membership_the_invitation_and_the_person() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let said = json!([{ "op": "add", "value": { "externalId": "00u7", "displayName": "Anna of accounts" } }]);
    provider.patch(user_id(&anna), said).await.expect(200);
    let trail = serde_json::to_string(&app.sql("SELECT details FROM audit_events").await).unwrap();
    assert!(!trail.contains("00u7") && !trail.contains("accounts"), "ids alone are audited");
    app.call(Method::DELETE, "/api/tenants/members/me").token(token(&anna)).send().await.expect(204);
    assert!(app.sql("SELECT id FROM scim_users").await.is_empty());
    expect_error(provider.get(&format!("{USERS}/{}", user_id(&anna))).await, 404, None, "not_found");

    provider.bring(json!({ "userName": address(app, "zoe"), "displayName": "Zoé" })).await.expect(201);
    assert_eq!(app.sql("SELECT id FROM scim_users").await.len(), 1);
    app.advance(TimeDelta::days(61));
    app.run_jobs().await;
    assert!(app.sql("SELECT id FROM scim_users").await.is_empty());
    assert!(app.sql("SELECT id FROM invitations").await.is_empty());
}
