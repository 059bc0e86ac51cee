//! Joining a studio where anybody may sign up, with an account that is there already.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::DiscordScope;
use shinkofa_testing::{Answer, TestApp};

use crate::bans::ban;
use crate::factors;
use crate::identity_provider::Provider;
use crate::machines;
use crate::magic_link::{CHALLENGE, VERIFIER};
use crate::oauth::{REDIRECT, code_of, consent, through};
use crate::people::{self, PASSWORD, address, text};
use crate::provider::{Person, Providers};
use crate::staff::{token, user_id};
use crate::studios::{Studio, accept, plain_person, sign_in_at, studio, switch};

const PATH: &str = "/api/tenants/join";

/// From the default tenant.
async fn join(app: &TestApp<Auth>, by: &Value, slug: &str) -> Answer {
    app.post(PATH).token(token(by)).json(&json!({ "slug": slug })).send().await
}

pub async fn set_sign_up(app: &TestApp<Auth>, studio: &Studio, open: bool) {
    let call = studio.call(app, Method::PATCH, "/api/tenants/current", &studio.admin).header("if-match", "*");
    call.json(&json!({ "selfSignUp": open })).send().await.expect(200);
}

async fn sign_up_at(app: &TestApp<Auth>, host: &str, who: &str) -> Answer {
    let body = json!({ "email": address(app, who), "password": PASSWORD, "name": "Zoé" });
    app.post("/api/auth/signup").at_host(host).json(&body).send().await
}

/// Somebody who is a member of this studio and of no other: their token of it.
async fn member_of_it_alone(app: &TestApp<Auth>, studio: &Studio, who: &str) -> Value {
    let person = plain_person(app, who).await;
    join(app, &person, &studio.slug).await.expect(200);
    let here = switch(app, &person, &studio.id).await.expect(200).body;
    app.call(Method::DELETE, "/api/tenants/members/me").token(token(&person)).send().await.expect(204);
    here
}

async fn memberships(app: &TestApp<Auth>, studio: &str, user: &str) -> Vec<Value> {
    let theirs = format!("tenant_id = '{studio}' AND user_id = '{user}'");
    app.sql(&format!("SELECT status, tier FROM memberships WHERE {theirs}")).await
}

/// How often the other services heard of it, and the trail tells of it.
pub async fn told(app: &TestApp<Auth>, studio: &str, user: &str) -> (usize, usize, usize) {
    let events = app.events().await;
    let count = |kind: &str| {
        let is_it = |event: &&Value| {
            event["type"] == kind
                && event["for_tenant"] == json!(studio)
                && event["data"]["userId"] == json!(user)
        };
        events.iter().filter(is_it).count()
    };
    let begun = format!(
        "SELECT id FROM audit_events WHERE action = 'membership.begun' AND tenant_id = '{studio}' AND subject_id = '{user}'"
    );
    (count("user.changed"), count("membership.changed"), app.sql(&begun).await.len())
}

#[actix_web::test]
async fn whoever_has_an_account_joins_a_studio_whose_sign_up_is_open_as_a_plain_member() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let email = address(&app, "mia");
    sign_in_at(&app, &elan.host(), &email).await.expect_problem(403, "not_a_member");
    let joined = join(&app, &mia, "elan").await.expect(200);
    assert_eq!(joined.headers["cache-control"], "no-store");
    assert_eq!(
        joined.body,
        json!({
            "tenantId": elan.id, "slug": "elan", "name": "Studio elan", "hosts": [elan.host()], "roles": ["member"],
        })
    );
    let again = join(&app, &mia, "elan").await.expect(200).body;
    assert_eq!(again, joined.body, "a member stays one");
    assert_eq!(told(&app, &elan.id, user_id(&mia)).await, (1, 1, 1));
    switch(&app, &mia, &elan.id).await.expect(200);
    let here = sign_in_at(&app, &elan.host(), &email).await.expect(200).body;
    assert_eq!(here["user"]["roles"], json!(["member"]));

    // Whoever is more than a plain member stays that, and asks from wherever they are signed in.
    let max = elan.member(&app, "max", &["coach"]).await;
    let asked = elan.post(&app, PATH, &max, json!({ "slug": "elan" })).await.expect(200).body;
    assert_eq!(asked["roles"], json!(["coach"]));
    let home = elan.post(&app, PATH, &max, json!({ "slug": "default" })).await.expect(200).body;
    assert_eq!(home["roles"], json!(["member"]), "the studio of every installation is one as well");
}

#[actix_web::test]
async fn of_twenty_who_join_at_once_with_one_account_one_does() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let answers = join_all((0..20).map(|_| join(&app, &mia, "elan"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    let user = user_id(&mia);
    assert_eq!(memberships(&app, &elan.id, user).await, [json!({ "status": "active", "tier": "free" })]);
    assert_eq!(told(&app, &elan.id, user).await, (1, 1, 1));
    let roles =
        format!("SELECT role FROM membership_roles WHERE tenant_id = '{}' AND user_id = '{user}'", elan.id);
    assert_eq!(app.sql(&roles).await, [json!({ "role": "member" })]);
}

/// What an invitation promises is not less because somebody joined at the same moment.
#[actix_web::test]
async fn whoever_joins_while_they_accept_an_invitation_has_what_it_promises() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    for number in 0..5 {
        let person = plain_person(&app, &format!("p{number}")).await;
        let code = elan.code(&app, &["coach"], 1).await;
        let accepting = accept(&app, &person, json!({ "code": code }));
        let (accepted, joined) = futures_util::future::join(accepting, join(&app, &person, "elan")).await;
        joined.expect(200);
        let here = switch(&app, &person, &elan.id).await.expect(200).body;
        // Whoever was a member first keeps the code for another day.
        let roles = if accepted.status == 200 { json!(["coach"]) } else { json!(["member"]) };
        assert_eq!(here["user"]["roles"], roles, "{accepted:?}");
    }
}

#[actix_web::test]
async fn a_studio_that_lets_in_nobody_says_what_it_says_to_whoever_signs_up() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (mia, max) = (plain_person(&app, "mia").await, plain_person(&app, "max").await);
    join(&app, &max, "elan").await.expect(200);
    let refused_alike = async |code: &str| {
        let joining = join(&app, &mia, "elan").await;
        let signing_up = sign_up_at(&app, &elan.host(), "zoe").await;
        assert_eq!((joining.status, &joining.body["code"]), (403, &json!(code)), "{joining:?}");
        assert_eq!(
            (joining.status, &joining.body["detail"]),
            (signing_up.status, &signing_up.body["detail"])
        );
    };
    set_sign_up(&app, &elan, false).await;
    refused_alike("sign_up_by_invitation").await;
    join(&app, &max, "elan").await.expect(200);
    elan.delete(&app, "/api/tenants/current", &elan.admin).await.expect(204);
    refused_alike("tenant_closed").await;
    join(&app, &max, "elan").await.expect_problem(403, "tenant_closed");
    assert!(memberships(&app, &elan.id, user_id(&mia)).await.is_empty());

    join(&app, &mia, "nowhere").await.expect_problem(404, "not_found");
    for bad in [json!({}), json!({ "slug": "É" }), json!({ "slug": "elan", "roles": ["admin"] })] {
        let call = app.post(PATH).token(token(&mia)).json(&bad).send().await;
        assert!([400, 422].contains(&call.status), "{call:?}");
    }
}

/// Joining is no way back.
#[actix_web::test]
async fn whoever_was_suspended_or_removed_does_not_join_again_by_themselves() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    join(&app, &mia, "elan").await.expect(200);
    let member = format!("/api/tenants/members/{}", user_id(&mia));
    let reason = json!({ "reason": "holiday" });
    elan.post(&app, &format!("{member}/suspend"), &elan.admin, reason).await.expect(204);
    join(&app, &mia, "elan").await.expect_problem(403, "membership_suspended");
    elan.post(&app, &format!("{member}/reactivate"), &elan.admin, json!({})).await.expect(204);
    join(&app, &mia, "elan").await.expect(200);

    elan.delete(&app, &member, &elan.admin).await.expect(204);
    join(&app, &mia, "elan").await.expect_problem(403, "membership_removed");
    assert!(memberships(&app, &elan.id, user_id(&mia)).await.is_empty());
    let code = elan.code(&app, &["member"], 1).await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    // Whoever was let in again and leaves comes back as they like.
    let here = switch(&app, &mia, &elan.id).await.expect(200).body;
    elan.delete(&app, "/api/tenants/members/me", &here).await.expect(204);
    join(&app, &mia, "elan").await.expect(200);
}

#[actix_web::test]
async fn whoever_was_banned_does_not_join_from_elsewhere() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let troll = member_of_it_alone(&app, &elan, "troll").await;
    ban(&app, json!({ "address": "127.0.0.1" })).await.expect(200);
    let home = json!({ "slug": "default" });
    elan.post(&app, PATH, &troll, home.clone()).await.expect_problem(403, "banned");
    let default = "01920000-0000-7000-8000-000000000001";
    assert!(memberships(&app, default, user_id(&troll)).await.is_empty());
    app.superuser().await.run("DELETE FROM bans").await;
    elan.post(&app, PATH, &troll, home).await.expect(200);
}

#[actix_web::test]
async fn guests_accounts_for_a_day_programs_and_unconfirmed_addresses_join_nothing() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    join(&app, &guest, "elan").await.expect_problem(403, "guest_account");

    let digits: String = app.database.name.chars().rev().filter(char::is_ascii_digit).collect();
    let discord = format!("{digits}000000000000000000")[..18].to_owned();
    let call = app.internal::<DiscordScope>("bot", Method::POST, "/internal/v1/discord/accounts");
    let made = call.json(&json!({ "discordId": discord, "username": "marin" })).send().await.expect(201).body;
    let marin = people::sign_in(&app, text(&made, "email"), text(&made, "password")).await.expect(200).body;
    join(&app, &marin, "elan").await.expect_problem(403, "email_not_verified");

    let mia = plain_person(&app, "mia").await;
    let unconfirm = format!("UPDATE users SET email_verified_at = NULL WHERE id = '{}'", user_id(&mia));
    app.superuser().await.run(&unconfirm).await;
    join(&app, &mia, "elan").await.expect_problem(403, "email_not_verified");

    let body = json!({ "name": "Import", "description": "Fills the calendar", "scopes": ["booking.classes.manage"] });
    let account = elan.post(&app, machines::PATH, &elan.admin, body).await.expect(201).text("id");
    let path = format!("{}/{account}/keys", machines::PATH);
    let key = elan.post(&app, &path, &elan.admin, json!({ "name": "Production" })).await.expect(201);
    let body = json!({ "grantType": "client_credentials", "apiKey": key.text("apiKey") });
    let program = app.post("/api/auth/token").at_host(&elan.host()).json(&body).send().await.expect(200).body;
    elan.post(&app, PATH, &program, json!({ "slug": "default" })).await.expect_problem(403, "people_only");
    app.post(PATH).json(&json!({ "slug": "elan" })).send().await.expect_problem(401, "unauthenticated");
}

#[actix_web::test]
async fn whom_the_studios_identity_provider_wants_inactive_is_suspended_as_they_join() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let elan = studio(app, "anna", "elan").await;
    let zoe = member_of_it_alone(app, &elan, "zoe").await;
    let email = address(app, "zoe");
    provider.bring(json!({ "userName": email, "active": false })).await.expect(201);
    elan.post(app, PATH, &zoe, json!({ "slug": "default" })).await.expect(200);
    people::sign_in(app, &email, PASSWORD).await.expect_problem(403, "not_a_member");
    let reason = app.sql("SELECT reason FROM membership_locks").await;
    assert_eq!(reason[0]["reason"], "Deactivated by the studio's identity provider");
    elan.post(app, PATH, &zoe, json!({ "slug": "default" }))
        .await
        .expect_problem(403, "membership_suspended");
}

#[actix_web::test]
async fn nobody_tries_one_studio_after_the_other() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let mia = plain_person(&app, "mia").await;
    for number in 0..20 {
        join(&app, &mia, &format!("studio-{number}")).await.expect_problem(404, "not_found");
    }
    join(&app, &mia, "studio-20").await.expect_problem(429, "too_many_requests");
}

/// The whole way through Google on this studio's own page.
async fn through_at(app: &TestApp<Auth>, host: &str) -> Answer {
    let body = json!({ "redirectUri": REDIRECT, "codeChallenge": CHALLENGE });
    let started = app.post("/api/auth/oauth/google/start").at_host(host).json(&body).send().await.expect(200);
    let back = app.get(&consent(app, &started.text("authorizationUrl")).await).send().await.expect(303);
    let body = json!({ "code": code_of(&back), "codeVerifier": VERIFIER });
    app.post("/api/auth/oauth/exchange").at_host(host).json(&body).send().await
}

#[actix_web::test]
async fn whoever_comes_to_a_studios_page_by_an_identity_joins_with_the_account_that_they_have() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    providers.vouch_for(Person::new(1, &address(&app, "mia")));
    let here = through_at(&app, &elan.host()).await.expect(200).body;
    let user = &here["user"];
    assert_eq!(
        (&user["userId"], &user["tenantId"], &user["roles"]),
        (&mia["user"]["userId"], &json!(elan.id), &json!(["member"]))
    );
    assert_eq!(told(&app, &elan.id, user_id(&mia)).await, (1, 1, 1));
    through_at(&app, &elan.host()).await.expect(200);
    assert_eq!(told(&app, &elan.id, user_id(&mia)).await, (1, 1, 1));

    // Whom the studio suspended or removed it lets in itself.
    let member = format!("/api/tenants/members/{}", user_id(&mia));
    let reason = json!({ "reason": "holiday" });
    elan.post(&app, &format!("{member}/suspend"), &elan.admin, reason).await.expect(204);
    through_at(&app, &elan.host()).await.expect_problem(403, "not_a_member");
    elan.post(&app, &format!("{member}/reactivate"), &elan.admin, json!({})).await.expect(204);
    elan.delete(&app, &member, &elan.admin).await.expect(204);
    through_at(&app, &elan.host()).await.expect_problem(403, "not_a_member");
    assert!(memberships(&app, &elan.id, user_id(&mia)).await.is_empty());
    through(&app, "google").await.expect(200);
}

#[actix_web::test]
async fn an_identity_opens_no_studio_that_is_closed_to_strangers_or_whose_second_factor_was_not_shown() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let elan = studio(&app, "anna", "elan").await;
    let bob = plain_person(&app, "bob").await;
    providers.vouch_for(Person::new(2, &address(&app, "bob")));
    set_sign_up(&app, &elan, false).await;
    through_at(&app, &elan.host()).await.expect_problem(403, "not_a_member");
    assert!(app.sql("SELECT user_id FROM identities").await.is_empty(), "nothing was done for them");

    set_sign_up(&app, &elan, true).await;
    let body = through(&app, "google").await.expect(200).body;
    factors::enrolled(&app, token(&body)).await;
    through_at(&app, &elan.host()).await.expect_problem(403, "not_a_member");
    assert!(memberships(&app, &elan.id, user_id(&bob)).await.is_empty());
    // They show it where they are a member, and join from there.
    app.advance(TimeDelta::seconds(30));
    assert_eq!(through(&app, "google").await.expect(200).body["mfaRequired"], true);
}
