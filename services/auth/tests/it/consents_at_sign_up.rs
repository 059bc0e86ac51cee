//! What people agree to in the form that makes their account: recorded once they answer its letter, and demanded where a studio does.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::letters;
use crate::magic_link::VERIFIER;
use crate::oauth::{code_of, returned};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::staff::token;
use crate::studios::{Studio, studio};

const STRANGERS: &str = "the stranger's own password";

fn terms(version: &str) -> Value {
    json!([{ "kind": "terms", "version": version }])
}

async fn sign_up(app: &TestApp<Auth>, email: &str, password: &str, consents: Value) -> Answer {
    let body = json!({ "email": email, "password": password, "name": "Anna Martin", "consents": consents });
    let answer = app.post("/api/auth/signup").json(&body).send().await;
    app.run_jobs().await;
    answer
}

async fn guest(app: &TestApp<Auth>) -> Value {
    app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body
}

async fn upgrade(app: &TestApp<Auth>, guest: &Value, email: &str, consents: Value) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Anna Martin", "consents": consents });
    let answer = app.post("/api/auth/anonymous/upgrade").token(token(guest)).json(&body).send().await;
    app.run_jobs().await;
    answer
}

async fn verify_newest(app: &TestApp<Auth>, email: &str) {
    people::verify(app, &people::mailed_token(app, email).await).await.expect(204);
}

/// What somebody decided, as they are shown it.
async fn history(app: &TestApp<Auth>, email: &str) -> Value {
    let anna = people::sign_in(app, email, PASSWORD).await.expect(200).body;
    app.get("/api/me/consents").token(token(&anna)).send().await.expect(200).body["history"].take()
}

async fn decisions(app: &TestApp<Auth>) -> usize {
    app.sql("SELECT number FROM consent_decisions").await.len()
}

async fn demand_terms(app: &TestApp<Auth>, studio: &Studio, version: Value) -> Value {
    let call = studio.call(app, Method::PATCH, "/api/tenants/current", &studio.admin).header("if-match", "*");
    call.json(&json!({ "termsVersion": version })).send().await.expect(200).body
}

#[actix_web::test]
async fn what_is_agreed_to_at_sign_up_is_recorded_once_the_letter_is_answered_as_of_the_sign_up() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let given = json!([{ "kind": "terms", "version": "2026-11" }, { "kind": "marketing", "version": "v1" }]);
    sign_up(&app, &anna, PASSWORD, given).await.expect(202);
    assert_eq!(decisions(&app).await, 0, "nobody has shown whose the address is");
    app.advance(TimeDelta::hours(1));
    verify_newest(&app, &anna).await;
    let at = "2026-12-01T09:00:00Z";
    assert_eq!(
        history(&app, &anna).await,
        json!([
            { "kind": "terms", "version": "2026-11", "granted": true, "decidedAt": at },
            { "kind": "marketing", "version": "v1", "granted": true, "decidedAt": at },
        ])
    );
    let audited = "SELECT details FROM audit_events WHERE action = 'consent.granted' ORDER BY number";
    let audited = app.sql(audited).await;
    assert_eq!(audited.len(), 2);
    assert_eq!(audited[0]["details"], json!({ "kind": "terms", "version": "2026-11" }));
    assert_eq!(app.sql("SELECT id FROM signups").await, [] as [Value; 0]);
}

#[actix_web::test]
async fn another_letter_of_the_same_sign_up_brings_the_same_consents_and_no_form_brings_none() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    sign_up(&app, &anna, PASSWORD, terms("v1")).await.expect(202);
    app.post("/api/auth/email/resend").json(&json!({ "email": anna })).send().await.expect(202);
    app.run_jobs().await;
    verify_newest(&app, &anna).await;
    assert_eq!(decisions(&app).await, 1);
    people::confirmed(&app, &bob).await;
    assert_eq!(history(&app, &bob).await, json!([]));
}

/// V6: whoever signs up with somebody else's address agrees to nothing in their name.
#[actix_web::test]
async fn v06_a_stranger_who_signs_up_with_an_address_agrees_to_nothing_for_its_owner() {
    let app = TestApp::<Auth>::start().await;
    let [anna, bob, zoe] = ["anna", "bob", "zoe"].map(|who| address(&app, who));
    // The owner's own form counts, whichever came first.
    sign_up(&app, &anna, STRANGERS, json!([{ "kind": "marketing", "version": "v1" }])).await.expect(202);
    sign_up(&app, &anna, PASSWORD, terms("v1")).await.expect(202);
    let own = people::mailed_token(&app, &anna).await;
    sign_up(&app, &anna, STRANGERS, json!([{ "kind": "analytics", "version": "v1" }])).await.expect(202);
    people::verify(&app, &own).await.expect(204);
    let told = history(&app, &anna).await;
    assert_eq!(told.as_array().unwrap().len(), 1, "{told:#}");
    assert_eq!(text(&told[0], "kind"), "terms");

    // Who forgot a password that they never had.
    sign_up(&app, &bob, STRANGERS, terms("v1")).await.expect(202);
    app.post("/api/auth/password/forgot").json(&json!({ "email": bob })).send().await.expect(202);
    app.run_jobs().await;
    let letter = letters::secrets(&app, &bob, "password_reset").await.pop().expect("a letter");
    let body = json!({ "token": letter.link_token.expect("a link"), "newPassword": PASSWORD });
    app.post("/api/auth/password/reset").json(&body).send().await.expect(204);
    assert_eq!(history(&app, &bob).await, json!([]));

    // Whoever had an account before keeps what they decided.
    people::confirmed(&app, &zoe).await;
    sign_up(&app, &zoe, STRANGERS, terms("v1")).await.expect(202);
    assert_eq!(history(&app, &zoe).await, json!([]));
}

#[actix_web::test]
async fn a_guest_agrees_by_becoming_a_member_and_what_they_decided_since_stands() {
    let app = TestApp::<Auth>::start().await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    let decide = async |granted: bool| {
        let decision = json!({ "kind": "marketing", "version": "v1", "granted": granted });
        app.put("/api/me/consents").token(token(&body)).json(&decision).send().await.expect(200);
        app.advance(TimeDelta::seconds(10));
    };
    decide(true).await;
    let given = json!([{ "kind": "terms", "version": "v1" }, { "kind": "marketing", "version": "v2" }]);
    upgrade(&app, &body, &anna, given).await.expect(202);
    app.advance(TimeDelta::seconds(10));
    decide(false).await;
    verify_newest(&app, &anna).await;
    let told = history(&app, &anna).await;
    let told: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "kind"), text(one, "version"), one["granted"] == true))
        .collect();
    assert_eq!(told, [("marketing", "v1", true), ("marketing", "v1", false), ("terms", "v1", true)]);
}

#[actix_web::test]
async fn each_kind_is_agreed_to_once_and_only_what_is_known() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let twice = json!([{ "kind": "terms", "version": "v1" }, { "kind": "terms", "version": "v2" }]);
    let soul = json!([{ "kind": "soul", "version": "v1" }]);
    let withdrawn = json!([{ "kind": "terms", "version": "v1", "granted": false }]);
    for refused in [twice, soul, withdrawn, terms(""), json!("terms")] {
        sign_up(&app, &anna, PASSWORD, refused).await.expect_problem(422, "invalid_fields");
    }
    assert_eq!(app.sql("SELECT id FROM signups").await, [] as [Value; 0]);
}

/// Whoever has an account agrees to what a studio demands when they join it.
#[actix_web::test]
async fn nobody_joins_without_the_terms_that_a_studio_demands() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    demand_terms(&app, &elan, json!("2026-11")).await;
    let mia = people::signed_in(&app, &address(&app, "mia")).await;
    let join = async |consents: Value| {
        let body = json!({ "slug": "elan", "consents": consents });
        app.post("/api/tenants/join").token(token(&mia)).json(&body).send().await
    };
    for consents in [json!([]), terms("2026-10")] {
        join(consents).await.expect_problem(422, "terms_not_accepted");
    }
    join(terms("2026-11")).await.expect(200);
    let kept = format!("SELECT version FROM consent_decisions WHERE tenant_id = '{}'", elan.id);
    assert_eq!(app.sql(&kept).await, [json!({ "version": "2026-11" })]);
}

/// V1: what the request says decides, and nothing of whose address it names.
#[actix_web::test]
async fn v01_where_terms_are_demanded_nobody_signs_up_without_their_very_version() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (known, new) = (address(&app, "known"), address(&app, "new"));
    people::confirmed(&app, &known).await;
    assert_eq!(demand_terms(&app, &elan, json!("2026-11")).await["termsVersion"], "2026-11");
    let ask = async |email: &str, consents: Value, invitation: Option<&str>| {
        let mut body = json!({ "email": email, "password": PASSWORD, "name": "Zoé", "consents": consents });
        // An invitation leads to the studio from whichever host.
        if let Some(code) = invitation {
            body["invitation"] = json!({ "code": code });
        }
        let host = if invitation.is_some() { "app.shinkofa.localhost".to_owned() } else { elan.host() };
        let answer = app.post("/api/auth/signup").at_host(&host).json(&body).send().await;
        app.run_jobs().await;
        answer
    };
    let code = elan.code(&app, &["member"], 2).await;
    for invitation in [None, Some(code.as_str())] {
        for email in [&known, &new] {
            for consents in
                [json!([]), terms("2026-10"), json!([{ "kind": "marketing", "version": "2026-11" }])]
            {
                let refused =
                    ask(email, consents, invitation).await.expect_problem(422, "terms_not_accepted");
                assert_eq!(refused.body["errors"][0]["pointer"], "/consents");
                assert!(text(&refused.body, "detail").contains("2026-11"), "{:#}", refused.body);
            }
            ask(email, terms("2026-11"), invitation).await.expect(202);
        }
    }
    // Elsewhere nothing is asked for, and here nothing any more.
    sign_up(&app, &address(&app, "other"), PASSWORD, json!([])).await.expect(202);
    assert_eq!(demand_terms(&app, &elan, Value::Null).await["termsVersion"], Value::Null);
    ask(&address(&app, "late"), json!([]), None).await.expect(202);
}

#[actix_web::test]
async fn where_terms_are_demanded_guests_and_who_comes_by_a_provider_agree_to_them_as_well() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    app.superuser().await.run("UPDATE tenant_settings SET terms_version = 'v2'").await;
    let (anna, body) = (address(&app, "anna"), guest(&app).await);
    upgrade(&app, &body, &anna, terms("v1")).await.expect_problem(422, "terms_not_accepted");
    assert_eq!(app.sql("SELECT id FROM signups").await, [] as [Value; 0]);
    upgrade(&app, &body, &anna, terms("v2")).await.expect(202);

    providers.vouch_for(Person::new(1, &address(&app, "olga")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    let exchange = async |code: &str, consents: Value| {
        let body = json!({ "code": code, "codeVerifier": VERIFIER, "consents": consents });
        app.post("/api/auth/oauth/exchange").json(&body).send().await
    };
    exchange(&code, json!([])).await.expect_problem(422, "terms_not_accepted");
    assert_eq!(app.sql("SELECT id FROM users WHERE kind = 'member'").await, [] as [Value; 0]);
    let olga = exchange(&code, terms("v2")).await.expect(200).body;
    let told = app.get("/api/me/consents").token(token(&olga)).send().await.expect(200).body;
    assert_eq!((&told["current"][0]["version"], &told["history"][1]), (&json!("v2"), &Value::Null));

    // Who has an account makes none.
    let code = code_of(&returned(&app, "google").await.expect(303));
    exchange(&code, json!([])).await.expect(200);
}
