//! What a stranger who was in an account made to come back by goes with them, in every studio, and nothing of its owner's.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join3;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{link, open};
use crate::factors::{App, SECRET, signs_in_again};
use crate::machines::{self, introspect};
use crate::passwords::reset;
use crate::people::{PASSWORD, address, text};
use crate::staff::{token, user_id};
use crate::studios::{Studio, accept, create, invitation_token, plain_person, studio, switch};

const INVITATIONS: &str = "/api/tenants/invitations";
const WEBHOOKS: &str = "/api/tenants/webhooks";
const DISOWN: &str = "/api/auth/signin/not-me";

/// What one leaves in a studio to come back by.
struct Made {
    key: String,
    /// That the key brought.
    token: String,
    code: String,
    webhook: String,
}

async fn make(app: &TestApp<Auth>, studio: &Studio, by: &Value, event_type: &str) -> Made {
    let body = json!({ "name": "Import", "description": "Fills the calendar", "scopes": ["booking.classes.manage"] });
    let account = studio.post(app, machines::PATH, by, body).await.expect(201).text("id");
    let path = format!("{}/{account}/keys", machines::PATH);
    let key = studio.post(app, &path, by, json!({ "name": "Production" })).await.expect(201).text("apiKey");
    let body = json!({ "kind": "code", "roles": ["admin"], "maxUses": 5 });
    let code = studio.post(app, INVITATIONS, by, body).await.expect(201).text("code");
    let webhook = make_webhook(app, studio, by, event_type).await;
    let token = exchange(app, studio, &key).await.expect(200).text("accessToken");
    Made { key, token, code, webhook }
}

async fn make_webhook(app: &TestApp<Auth>, studio: &Studio, by: &Value, event_type: &str) -> String {
    let body = json!({ "url": "https://hooks.example.org/in", "description": "The office", "eventTypes": [event_type] });
    studio.post(app, WEBHOOKS, by, body).await.expect(201).text("id")
}

async fn change_webhook(app: &TestApp<Auth>, studio: &Studio, by: &Value, id: &str, body: Value) -> Answer {
    studio.call(app, Method::PATCH, &format!("{WEBHOOKS}/{id}"), by).json(&body).send().await
}

/// The ids of a studio's rows of which this is so.
async fn ids(app: &TestApp<Auth>, studio: &Studio, table: &str, is_so: &str) -> BTreeSet<String> {
    let query = format!("SELECT id FROM {table} WHERE tenant_id = '{}' AND {is_so}", studio.id);
    app.sql(&query).await.iter().map(|row| text(row, "id").to_owned()).collect()
}

async fn exchange(app: &TestApp<Auth>, studio: &Studio, key: &str) -> Answer {
    let body = json!({ "grantType": "client_credentials", "apiKey": key });
    app.post("/api/auth/token").at_host(&studio.host()).json(&body).send().await
}

async fn assert_revoked(app: &TestApp<Auth>, token: &str) {
    let session = machines::claims(token)["sid"].clone();
    let told = format!(
        "SELECT session_id FROM revocations WHERE session_id = '{}'",
        session.as_str().expect("an id")
    );
    assert_eq!(app.sql(&told).await.len(), 1, "the other services hear of it");
}

/// Two studios of one admin, who is signed in to both, and what she made in each.
struct Scene {
    app: TestApp<Auth>,
    studios: [Studio; 2],
    hers: Vec<Made>,
}

impl Scene {
    async fn new() -> Self {
        let app = TestApp::<Auth>::start().await;
        let elan = studio(&app, "anna", "elan").await;
        let id = create(&app, &elan.elsewhere, "other").await.expect(201).text("tenantId");
        let admin = switch(&app, &elan.elsewhere, &id).await.expect(200).body;
        let other = Studio { id, slug: "other".to_owned(), admin, elsewhere: elan.elsewhere.clone() };
        let mut hers = Vec::new();
        for studio in [&elan, &other] {
            hers.push(make(&app, studio, &studio.admin, "membership.locked").await);
        }
        Self { app, studios: [elan, other], hers }
    }

    fn anna(&self) -> String {
        address(&self.app, "anna")
    }

    /// Somebody who has her password and her authenticator app signs in from elsewhere, half a minute later.
    async fn stranger(&self) -> Value {
        let app = &self.app;
        app.advance(TimeDelta::seconds(30));
        let shown = App { factor_id: String::new(), secret: SECRET.to_vec(), recovery_codes: Vec::new() };
        let body = json!({ "email": self.anna(), "password": PASSWORD, "deviceId": "stranger-1" });
        let call = app.post("/api/auth/signin").header("user-agent", "Stranger/1.0").json(&body);
        let half_way = call.send().await.expect(200).text("mfaToken");
        let body = json!({ "mfaToken": half_way, "code": shown.shown(app) });
        let call = app.post("/api/auth/signin/mfa").header("user-agent", "Stranger/1.0").json(&body);
        call.send().await.expect(200).body
    }

    /// What the stranger makes in each of her studios.
    async fn left_by(&self, stranger: &Value) -> Vec<Made> {
        let mut left = Vec::new();
        for studio in &self.studios {
            let here = switch(&self.app, stranger, &studio.id).await.expect(200).body;
            left.push(make(&self.app, studio, &here, "api_key.revoked").await);
        }
        left
    }

    /// What was made before is as good as ever, and nothing of what was made since.
    async fn assert_closed(&self, left: &[Made]) {
        let app = &self.app;
        for ((studio, hers), left) in self.studios.iter().zip(&self.hers).zip(left) {
            exchange(app, studio, &left.key).await.expect_problem(401, "key_refused");
            assert_eq!(introspect(app, &left.token).await["active"], false);
            exchange(app, studio, &hers.key).await.expect(200);
            assert_eq!(introspect(app, &hers.token).await["active"], true);
            assert_revoked(app, &left.token).await;

            let guest = plain_person(app, &format!("guest-{}", studio.slug)).await;
            accept(app, &guest, json!({ "code": left.code })).await.expect_problem(410, "invitation_gone");
            accept(app, &guest, json!({ "code": hers.code })).await.expect(200);

            let of_studio =
                format!("SELECT id FROM webhook_endpoints WHERE tenant_id = '{}' AND disabled_at", studio.id);
            assert_eq!(app.sql(&format!("{of_studio} IS NOT NULL")).await, [json!({ "id": left.webhook })]);
            assert_eq!(app.sql(&format!("{of_studio} IS NULL")).await, [json!({ "id": hers.webhook })]);
            let trail = format!(
                "SELECT action, details->>'reason' AS reason FROM audit_events WHERE tenant_id = '{}'
                 AND action IN ('webhook.disabled', 'invitation.revoked', 'api_key.revoked') ORDER BY number",
                studio.id
            );
            assert_eq!(
                app.sql(&trail).await,
                [
                    json!({ "action": "webhook.disabled", "reason": "maker_disowned" }),
                    json!({ "action": "invitation.revoked", "reason": null }),
                    json!({ "action": "api_key.revoked", "reason": "maker_disowned" }),
                ]
            );
            let sent = format!("SELECT id FROM webhook_deliveries WHERE endpoint_id = '{}'", left.webhook);
            assert!(app.sql(&sent).await.is_empty(), "the stranger is told nothing of it");
        }
        let told = app.sql("SELECT details FROM audit_events WHERE action = 'account.not_me_reported'").await;
        let told = told[0]["details"].to_string();
        let elsewhere = self.studios.iter().all(|studio| !told.contains(&studio.id));
        assert!(elsewhere, "a trail does not say what somebody is elsewhere");
    }
}

#[actix_web::test]
async fn with_a_disowned_sign_in_go_the_keys_invitations_and_webhooks_made_since_in_every_studio() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let bob = scene.studios[0].member(app, "bob", &["admin"]).await;
    let stranger = scene.stranger().await;
    let left = scene.left_by(&stranger).await;
    let bobs = make(app, &scene.studios[0], &bob, "membership.locked").await;
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);

    exchange(app, &scene.studios[0], &bobs.key).await.expect(200);
    let his =
        format!("SELECT id FROM webhook_endpoints WHERE id = '{}' AND disabled_at IS NULL", bobs.webhook);
    assert_eq!(app.sql(&his).await.len(), 1, "it is who made it that counts");
    app.superuser().await.run(&format!("DELETE FROM webhook_endpoints WHERE id = '{}'", bobs.webhook)).await;
    scene.assert_closed(&left).await;
}

/// The session that says so may be the stranger's own: it takes no factor away, and nothing that is older than what is disowned.
#[actix_web::test]
async fn what_was_made_since_goes_with_an_event_of_the_timeline_that_was_not_me() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let left = scene.left_by(&scene.stranger().await).await;
    app.advance(TimeDelta::minutes(1));
    let owner = token(&scene.studios[0].elsewhere);
    let seen = app.get("/api/auth/security-timeline").token(owner).send().await.expect(200).body;
    let is_theirs = |item: &&Value| item["type"] == "session.opened" && item["tenantName"] == "Shinkofa";
    let event = seen["items"].as_array().unwrap().iter().find(is_theirs).expect("the newest sign-in");
    let path = format!("/api/auth/security-timeline/{}/not-me", text(event, "id"));
    app.post(&path).token(owner).send().await.expect(204);
    assert_eq!(app.sql("SELECT kind FROM user_factors").await, [json!({ "kind": "totp" })]);
    scene.assert_closed(&left).await;
}

/// Whoever was in need not make anything: what was there leads to them once they have changed it, whoever changes it after.
#[actix_web::test]
async fn with_a_disowned_sign_in_go_webhooks_and_invitations_that_were_changed_since() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let bob = elan.member(app, "bob", &["admin"]).await;
    let kept = scene.hers[0].webhook.clone();
    let redirected = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    let rotated = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    let enabled = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    elan.post(app, &format!("{WEBHOOKS}/{enabled}/disable"), &elan.admin, json!({})).await.expect(204);
    let zoe = plain_person(app, "zoe").await;
    let sent_anew = elan.invite(app, &elan.admin, &address(app, "zoe"), &["admin"]).await.expect(201);
    let sent_anew = sent_anew.text("invitationId");
    elan.invite(app, &elan.admin, &address(app, "yan"), &["admin"]).await.expect(201);

    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let elsewhere = json!({ "url": "https://hooks.example.net/in" });
    change_webhook(app, elan, &here, &redirected, elsewhere).await.expect(200);
    elan.post(app, &format!("{WEBHOOKS}/{rotated}/secret"), &here, json!({})).await.expect(200);
    elan.post(app, &format!("{WEBHOOKS}/{enabled}/enable"), &here, json!({})).await.expect(204);
    elan.post(app, &format!("{INVITATIONS}/{sent_anew}/resend"), &here, json!({})).await.expect(202);
    for id in [&redirected, &rotated, &enabled, &kept] {
        let described = json!({ "description": "Of the office" });
        change_webhook(app, elan, &bob, id, described).await.expect(200);
    }
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);

    let disabled = ids(app, elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([redirected, rotated, enabled]));
    let left = ids(app, elan, "webhook_endpoints", "disabled_at IS NULL").await;
    assert_eq!(left, BTreeSet::from([kept]));
    let taken_back = ids(app, elan, "invitations", "revoked_at IS NOT NULL").await;
    assert_eq!(taken_back, BTreeSet::from([sent_anew]));
    let mailed = invitation_token(app, &address(app, "zoe")).await;
    accept(app, &zoe, json!({ "token": mailed })).await.expect_problem(410, "invitation_gone");
}

/// Enables or disables it.
async fn switch_webhook(app: &TestApp<Auth>, studio: &Studio, by: &Value, id: &str, how: &str) {
    studio.post(app, &format!("{WEBHOOKS}/{id}/{how}"), by, json!({})).await.expect(204);
}

/// That somebody else describes it or gives it a secret says nothing of where it leads, and what was decided before the stranger came
/// nothing of what they did.
#[actix_web::test]
async fn a_webhook_that_somebody_else_enabled_after_the_stranger_was_in_stays_and_no_other() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let bob = elan.member(app, "bob", &["admin"]).await;
    let before = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    let after = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    let described = make_webhook(app, elan, &elan.admin, "membership.locked").await;
    for how in ["disable", "enable"] {
        switch_webhook(app, elan, &bob, &before, how).await;
    }
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    for id in [&before, &after, &described] {
        let elsewhere = json!({ "url": "https://hooks.example.net/in" });
        change_webhook(app, elan, &here, id, elsewhere).await.expect(200);
    }
    for how in ["disable", "enable"] {
        switch_webhook(app, elan, &bob, &after, how).await;
    }
    let otherwise = json!({ "description": "Of the office" });
    change_webhook(app, elan, &bob, &described, otherwise).await.expect(200);
    elan.post(app, &format!("{WEBHOOKS}/{described}/secret"), &bob, json!({})).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);

    let disabled = ids(app, elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([before, described]));
}

/// Somebody signs in once more, and says that the first sign-in that their timeline knows was not theirs.
async fn disown_first_sign_in(app: &TestApp<Auth>, who: &str) {
    let again = signs_in_again(app, &address(app, who)).await;
    let seen = app.get("/api/auth/security-timeline").token(token(&again)).send().await.expect(200).body;
    let is_sign_in = |item: &&Value| item["type"] == "session.opened";
    let event =
        seen["items"].as_array().expect("a page").iter().rfind(is_sign_in).expect("the first sign-in");
    let path = format!("/api/auth/security-timeline/{}/not-me", text(event, "id"));
    app.post(&path).token(token(&again)).send().await.expect(204);
}

#[actix_web::test]
async fn whoever_was_removed_undoes_nothing_that_the_studio_decided_after() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let eve = elan.member(&app, "eve", &["admin"]).await;
    let webhook = make_webhook(&app, &elan, &eve, "membership.locked").await;
    let zoe = plain_person(&app, "zoe").await;
    let invitation = elan.invite(&app, &eve, &address(&app, "zoe"), &["member"]).await.expect(201);
    let invitation = invitation.text("invitationId");
    let forgotten = elan.invite(&app, &eve, &address(&app, "yan"), &["member"]).await.expect(201);
    let member = format!("/api/tenants/members/{}", user_id(&eve));
    elan.delete(&app, &member, &elan.admin).await.expect(204);
    elan.post(&app, &format!("{INVITATIONS}/{invitation}/resend"), &elan.admin, json!({})).await.expect(202);

    disown_first_sign_in(&app, "eve").await;
    let disabled = ids(&app, &elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([webhook.clone()]), "nobody else has enabled it");
    switch_webhook(&app, &elan, &elan.admin, &webhook, "enable").await;

    let anew = link(&app, &address(&app, "eve"), "password_reset").await;
    reset(&app, &anew, PASSWORD).await.expect(204);
    disown_first_sign_in(&app, "eve").await;
    let disabled = ids(&app, &elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::new());
    let taken_back = ids(&app, &elan, "invitations", "revoked_at IS NOT NULL").await;
    assert_eq!(taken_back, BTreeSet::from([forgotten.text("invitationId")]));
    let mailed = invitation_token(&app, &address(&app, "zoe")).await;
    accept(&app, &zoe, json!({ "token": mailed })).await.expect(200);
}

#[actix_web::test]
async fn whoever_was_removed_reaches_back_as_far_as_a_session_lasts_and_an_admin_further() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let eve = elan.member(&app, "eve", &["admin"]).await;
    make_webhook(&app, &elan, &eve, "membership.locked").await;
    let annas = make_webhook(&app, &elan, &elan.admin, "membership.locked").await;
    let member = format!("/api/tenants/members/{}", user_id(&eve));
    elan.delete(&app, &member, &elan.admin).await.expect(204);
    app.advance(TimeDelta::days(31));
    for who in ["eve", "anna"] {
        disown_first_sign_in(&app, who).await;
    }
    let disabled = ids(&app, &elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([annas]));
}

/// They stay: whether somebody is the stranger's friend or a new colleague, the studio knows.
#[actix_web::test]
async fn to_whom_roles_were_given_since_is_told_in_the_trail_of_that_studio_and_to_their_owner() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let mia = elan.member(app, "mia", &["member"]).await;
    let friend = plain_person(app, "friend").await;
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    elan.set_roles(app, &here, user_id(&mia), &["member", "coach"]).await.expect(200);
    let body = json!({ "kind": "code", "roles": ["admin"], "maxUses": 5 });
    let code = elan.post(app, INVITATIONS, &here, body).await.expect(201).text("code");
    accept(app, &friend, json!({ "code": code })).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);

    let told =
        "SELECT tenant_id, told_to, details FROM audit_events WHERE action = 'membership.roles_disowned'";
    let whose = BTreeSet::from([user_id(&mia), user_id(&friend)]);
    let entry = json!({
        "tenant_id": elan.id, "told_to": user_id(&elan.elsewhere), "details": { "userIds": whose }
    });
    assert_eq!(app.sql(told).await, [entry]);
}

/// What a role allows is changed behind the backs of those who have it.
#[actix_web::test]
async fn who_has_a_role_that_was_changed_since_is_told_with_those_to_whom_roles_were_given() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    for role in ["front-desk", "archive"] {
        elan.make_role(app, role, &["auth.audit.read"]).await.expect(201);
    }
    let dora = elan.member(app, "dora", &["member", "front-desk"]).await;
    elan.member(app, "arno", &["member", "archive"]).await;
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let wider = json!({ "permissions": ["auth.audit.read", "auth.members.manage"] });
    let change = elan.call(app, Method::PUT, "/api/tenants/roles/front-desk", &here).json(&wider);
    change.send().await.expect(200);
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);

    let told =
        "SELECT tenant_id, told_to, details FROM audit_events WHERE action = 'membership.roles_disowned'";
    let entry = json!({
        "tenant_id": elan.id, "told_to": user_id(&elan.elsewhere), "details": { "userIds": [user_id(&dora)] }
    });
    assert_eq!(app.sql(told).await, [entry]);
}

/// Leaving takes no more than the token.
#[actix_web::test]
async fn what_was_made_in_a_studio_that_was_left_since_goes_with_the_others() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    elan.member(app, "bob", &["admin"]).await;
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let webhook = make_webhook(app, elan, &here, "membership.locked").await;
    elan.delete(app, "/api/tenants/members/me", &here).await.expect(204);
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);
    let disabled = ids(app, elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([webhook]));
}

async fn impersonate(app: &TestApp<Auth>, studio: &Studio, by: &Value, whom: &Value) -> Answer {
    let path = format!("/api/admin/users/{}/impersonate", user_id(whom));
    studio.post(app, &path, by, json!({ "reason": "The calendar stays empty" })).await
}

async fn seen_with(app: &TestApp<Auth>, studio: &Studio, token: &str) -> Answer {
    app.get("/api/user/profile").at_host(&studio.host()).token(token).send().await
}

#[actix_web::test]
async fn with_a_disowned_sign_in_ends_what_was_opened_in_the_place_of_a_member() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let mia = elan.member(app, "mia", &["member"]).await;
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let seen = impersonate(app, elan, &here, &mia).await.expect(200).text("accessToken");
    seen_with(app, elan, &seen).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    open(app, DISOWN, &link(app, &scene.anna(), "new_sign_in").await).await.expect(204);
    seen_with(app, elan, &seen).await.expect_problem(401, "unauthenticated");
    assert_revoked(app, &seen).await;
}

/// Does something that is held up when it is written to this table and not committed. Whoever disowns the sign-in meanwhile cannot see
/// it yet.
async fn beside_disowning(
    app: &TestApp<Auth>,
    table: &str,
    doing: impl Future<Output = Answer>,
    not_me: &str,
) -> Answer {
    let mut holder = app.superuser().await;
    holder.run(&format!("BEGIN; LOCK TABLE {table} IN SHARE MODE")).await;
    let disowning = async {
        app.until_waiting(1).await;
        open(app, DISOWN, not_me).await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (done, disowned, ()) = join3(doing, disowning, let_go).await;
    disowned.expect(204);
    done
}

#[actix_web::test]
async fn an_invitation_that_is_made_while_the_sign_in_is_disowned_is_taken_back_with_the_others() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let not_me = link(app, &scene.anna(), "new_sign_in").await;
    let making = elan.post(app, INVITATIONS, &here, json!({ "kind": "code", "roles": ["admin"] }));
    let code = beside_disowning(app, "invitations", making, &not_me).await.expect(201).text("code");
    let guest = plain_person(app, "guest").await;
    accept(app, &guest, json!({ "code": code })).await.expect_problem(410, "invitation_gone");
}

#[actix_web::test]
async fn an_invitation_that_is_sent_anew_while_the_sign_in_is_disowned_is_taken_back_with_the_others() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let zoe = address(app, "zoe");
    let invitation = elan.invite(app, &elan.admin, &zoe, &["admin"]).await.expect(201).text("invitationId");
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let not_me = link(app, &scene.anna(), "new_sign_in").await;
    let path = format!("{INVITATIONS}/{invitation}/resend");
    let sending = elan.post(app, &path, &here, json!({}));
    beside_disowning(app, "invitations", sending, &not_me).await.expect(202);
    let taken_back = ids(app, elan, "invitations", "revoked_at IS NOT NULL").await;
    assert_eq!(taken_back, BTreeSet::from([invitation]));
}

#[actix_web::test]
async fn a_webhook_that_is_redirected_while_the_sign_in_is_disowned_is_disabled_with_the_others() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let not_me = link(app, &scene.anna(), "new_sign_in").await;
    let hers = &scene.hers[0].webhook;
    let elsewhere = json!({ "url": "https://hooks.example.net/in" });
    let redirecting = change_webhook(app, elan, &here, hers, elsewhere);
    beside_disowning(app, "webhook_endpoints", redirecting, &not_me).await.expect(200);
    let disabled = ids(app, elan, "webhook_endpoints", "disabled_at IS NOT NULL").await;
    assert_eq!(disabled, BTreeSet::from([hers.clone()]));
}

#[actix_web::test]
async fn what_is_opened_in_the_place_of_a_member_while_the_sign_in_is_disowned_ends_with_the_others() {
    let scene = Scene::new().await;
    let (app, elan) = (&scene.app, &scene.studios[0]);
    let mia = elan.member(app, "mia", &["member"]).await;
    let here = switch(app, &scene.stranger().await, &elan.id).await.expect(200).body;
    let not_me = link(app, &scene.anna(), "new_sign_in").await;
    let opening = impersonate(app, elan, &here, &mia);
    let seen = beside_disowning(app, "impersonations", opening, &not_me).await.expect(200);
    seen_with(app, elan, &seen.text("accessToken")).await.expect_problem(401, "unauthenticated");
}
