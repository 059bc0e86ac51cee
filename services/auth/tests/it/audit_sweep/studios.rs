//! What is done to studios, and by staff to members.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use super::{Area, Sweep};
use crate::identity_provider::join;
use crate::people::{self, address};
use crate::staff::{token, user_id};
use crate::studios::{Studio, plain_person, studio};

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/admin/users/{userId}/lock", &["membership.locked"]),
        ("POST /api/admin/users/{userId}/unlock", &["membership.unlocked"]),
        ("POST /api/admin/users/{userId}/sign-out", &["membership.signed_out"]),
        ("POST /api/admin/users/{userId}/impersonate", &["impersonation.started"]),
        ("POST /api/admin/bans", &["ban.placed"]),
        ("DELETE /api/admin/bans/{banId}", &["ban.lifted"]),
        ("POST /api/tenants", &["tenant.created"]),
        ("POST /api/tenants/join", &["membership.begun"]),
        ("POST /api/tenants/switch", &["session.opened"]),
        ("PATCH /api/tenants/current", &["tenant.changed"]),
        ("DELETE /api/tenants/current", &["tenant.closed"]),
        ("PUT /api/tenants/current/domain", &["tenant.domain_set"]),
        ("DELETE /api/tenants/current/domain", &["tenant.domain_removed"]),
        ("DELETE /api/tenants/members/me", &["membership.left"]),
        ("PATCH /api/tenants/members/{userId}", &["membership.roles_set"]),
        ("DELETE /api/tenants/members/{userId}", &["membership.removed"]),
        ("POST /api/tenants/members/{userId}/suspend", &["membership.locked"]),
        ("POST /api/tenants/members/{userId}/reactivate", &["membership.unlocked"]),
        ("POST /api/tenants/roles", &["role.created"]),
        ("PUT /api/tenants/roles/{name}", &["role.changed"]),
        ("DELETE /api/tenants/roles/{name}", &["role.removed"]),
        ("POST /api/tenants/invitations", &["invitation.created"]),
        ("POST /api/tenants/invitations/accept", &["invitation.accepted"]),
        ("POST /api/tenants/invitations/join", &["invitation.accepted"]),
        ("DELETE /api/tenants/invitations/{invitationId}", &["invitation.revoked"]),
        ("POST /api/tenants/invitations/{invitationId}/resend", &["invitation.resent"]),
    ],
    later: &[],
    unchanged: &[],
    refused: &[],
};

#[actix_web::test]
async fn what_is_done_to_studios_and_members_is_told_in_the_name_of_who_did_it() {
    let app = TestApp::<Auth>::start().await;
    let sweep = Sweep::begin(&app).await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    staff_act_on(&app, &elan, user_id(&mia)).await;
    it_changes(&app, &elan).await;
    people_come_and_go(&app, &elan).await;
    elan.delete(&app, "/api/tenants/current", &elan.admin).await.expect(204);
    sweep.assert_told(&AREA).await;
}

async fn staff_act_on(app: &TestApp<Auth>, elan: &Studio, member: &str) {
    let order = async |path: String, body: Value, status: u16| {
        elan.post(app, &path, &elan.admin, body).await.expect(status);
    };
    let reason = json!({ "reason": "chargebacks" });
    order(format!("/api/admin/users/{member}/impersonate"), reason.clone(), 200).await;
    order(format!("/api/admin/users/{member}/sign-out"), json!({}), 204).await;
    order(format!("/api/admin/users/{member}/lock"), reason.clone(), 204).await;
    order(format!("/api/admin/users/{member}/unlock"), json!({}), 204).await;
    order(format!("/api/tenants/members/{member}/suspend"), reason, 204).await;
    order(format!("/api/tenants/members/{member}/reactivate"), json!({}), 204).await;
    elan.set_roles(app, &elan.admin, member, &["member", "coach"]).await.expect(200);
    let ban = "01920000-0000-7000-8000-0000000000b1";
    let body = json!({ "banId": ban, "userId": member, "reason": "spam in three salons" });
    order("/api/admin/bans".to_owned(), body, 200).await;
    elan.delete(app, &format!("/api/admin/bans/{ban}"), &elan.admin).await.expect(204);
}

async fn it_changes(app: &TestApp<Auth>, elan: &Studio) {
    let call = |method: Method, path: &str| elan.call(app, method, path, &elan.admin);
    let settings = call(Method::PATCH, "/api/tenants/current").header("if-match", "*");
    settings.json(&json!({ "name": "Élan Yoga" })).send().await.expect(200);
    let domain = "/api/tenants/current/domain";
    call(Method::PUT, domain).json(&json!({ "domain": "yoga.elan.example" })).send().await.expect(200);
    elan.delete(app, domain, &elan.admin).await.expect(204);
    elan.make_role(app, "front-desk", &[]).await.expect(201);
    let role = "/api/tenants/roles/front-desk";
    let more = json!({ "permissions": ["booking.sessions.manage"] });
    call(Method::PUT, role).json(&more).send().await.expect(200);
    elan.delete(app, role, &elan.admin).await.expect(204);
}

async fn people_come_and_go(app: &TestApp<Auth>, elan: &Studio) {
    let bob = address(app, "bob");
    people::confirmed(app, &bob).await;
    let made = elan.invite(app, &elan.admin, &bob, &["member"]).await.expect(201);
    let resend = format!("/api/tenants/invitations/{}/resend", made.text("invitationId"));
    elan.post(app, &resend, &elan.admin, json!({})).await.expect(202);
    let joined = join(app, &bob).await.expect(200);
    assert_eq!(joined.body["tenantId"], elan.id);
    let account = app.sql(&format!("SELECT id FROM users WHERE email = '{bob}'")).await;
    let member = format!("/api/tenants/members/{}", people::text(&account[0], "id"));
    elan.delete(app, &member, &elan.admin).await.expect(204);

    let made = elan.invite(app, &elan.admin, &address(app, "nobody"), &["member"]).await.expect(201);
    let revoke = format!("/api/tenants/invitations/{}", made.text("invitationId"));
    elan.delete(app, &revoke, &elan.admin).await.expect(204);

    let carl = plain_person(app, "carl").await;
    let slug = json!({ "slug": elan.slug });
    app.post("/api/tenants/join").token(token(&carl)).json(&slug).send().await.expect(200);
    app.call(Method::DELETE, "/api/tenants/members/me").token(token(&carl)).send().await.expect(204);
}
