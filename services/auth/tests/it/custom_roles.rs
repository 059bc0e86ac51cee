//! Roles that studios make themselves: what they allow, and since when no longer.

use auth::Auth;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::{Answer, TestApp};

use crate::staff::{token, user_id};
use crate::studios::{Studio, accept, claims, plain_person, refresh_at, studio, switch};

async fn replace(app: &TestApp<Auth>, elan: &Studio, by: &Value, name: &str, permissions: &[&str]) -> Answer {
    let call = elan.call(app, Method::PUT, &format!("/api/tenants/roles/{name}"), by);
    call.json(&json!({ "permissions": permissions })).send().await
}

#[actix_web::test]
async fn a_custom_role_works_at_once_and_stops_working_at_once() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "front-desk", &["auth.members.manage"]).await.expect(201);
    let desk = elan.member(&app, "dora", &["member", "front-desk"]).await;
    assert_eq!(claims(token(&desk))["custom_roles"], json!(["front-desk"]));
    assert_eq!(
        claims(token(&desk))["roles"],
        json!(["member"]),
        "older services see the system's roles alone"
    );
    assert!(claims(token(&elan.admin)).get("custom_roles").is_none());
    elan.get(&app, "/api/tenants/members", &desk).await.expect(200);
    elan.get(&app, "/api/admin/audit", &desk).await.expect_problem(403, "permission_denied");
    let introspect = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
    let seen = introspect.json(&json!({ "token": token(&desk) })).send().await.expect(200).body;
    assert_eq!(seen["customRoles"], json!(["front-desk"]));

    replace(&app, &elan, &elan.admin, "front-desk", &["auth.audit.read"]).await.expect(200);
    elan.get(&app, "/api/tenants/members", &desk).await.expect_problem(403, "permission_denied");
    elan.get(&app, "/api/admin/audit", &desk).await.expect(200);

    elan.set_roles(&app, &elan.admin, user_id(&desk), &["member"]).await.expect(200);
    elan.delete(&app, "/api/tenants/roles/front-desk", &elan.admin).await.expect(204);
    elan.get(&app, "/api/admin/audit", &desk).await.expect(401);
    let told: Vec<_> = app
        .events()
        .await
        .into_iter()
        .filter(|event| event["type"] == "role.changed")
        .map(|event| (event["data"]["permissions"].clone(), event["data"]["removed"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!(["auth.members.manage"]), json!(false)),
            (json!(["auth.audit.read"]), json!(false)),
            (json!([]), json!(true))
        ]
    );
    assert!(app.sql("SELECT name FROM tenant_roles").await.is_empty());
    let trail = app.sql("SELECT action FROM audit_events WHERE action LIKE 'role.%' ORDER BY number").await;
    let actions: Vec<_> = trail.iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["role.created", "role.changed", "role.removed"]);
}

/// The token still names the role, and another process may not know yet that it is gone: the database is asked.
#[actix_web::test]
async fn v23_a_role_that_a_token_names_and_nobody_knows_allows_nothing() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "front-desk", &["auth.members.manage"]).await.expect(201);
    let desk = elan.member(&app, "dora", &["member", "front-desk"]).await;
    app.superuser().await.run("DELETE FROM role_permissions WHERE role = 'front-desk'").await;
    elan.get(&app, "/api/tenants/members", &desk).await.expect_problem(403, "permission_denied");
    app.superuser().await.run("DELETE FROM tenant_roles").await;
    app.service().platform.refresh_tenants().await.unwrap();
    elan.get(&app, "/api/tenants/members", &desk).await.expect_problem(403, "permission_denied");
}

#[actix_web::test]
async fn roles_are_bounded_and_the_systems_own_are_read_only() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    for (name, permissions) in [
        ("admin", json!([])),
        ("Front Desk", json!([])),
        ("desk", json!(["everything"])),
        ("desk", json!(["auth.audit.read", "auth.audit.read"])),
        ("desk", json!("auth.audit.read")),
    ] {
        let body = json!({ "name": name, "permissions": permissions });
        let answer = elan.post(&app, "/api/tenants/roles", &elan.admin, body).await;
        answer.expect_problem(422, "invalid_fields");
    }
    for name in ["admin", "member"] {
        replace(&app, &elan, &elan.admin, name, &[]).await.expect_problem(409, "system_role");
        let path = format!("/api/tenants/roles/{name}");
        elan.delete(&app, &path, &elan.admin).await.expect_problem(409, "system_role");
    }
    elan.make_role(&app, "desk", &[]).await.expect(201);
    elan.make_role(&app, "desk", &[]).await.expect_problem(409, "role_exists");
    for missing in ["nothing", "a%00b", "%E9", "..%2F.."] {
        replace(&app, &elan, &elan.admin, missing, &[]).await.expect(404);
    }
    let permissions = elan.get(&app, "/api/tenants/permissions", &elan.admin).await.expect(200).body;
    assert!(permissions["items"].as_array().unwrap().iter().all(|item| item["mine"] == true));
    for number in 2..=50 {
        elan.make_role(&app, &format!("desk-{number}"), &[]).await.expect(201);
    }
    elan.make_role(&app, "desk-51", &[]).await.expect_problem(409, "too_many_roles");
}

#[actix_web::test]
async fn a_role_that_somebody_has_or_is_promised_stays() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "desk", &[]).await.expect(201);
    let path = "/api/tenants/roles/desk";
    let invited = elan.invite(&app, &elan.admin, "zoe@example.org", &["member", "desk"]).await.expect(201);
    elan.delete(&app, path, &elan.admin).await.expect_problem(409, "role_in_use");
    let invitation = format!("/api/tenants/invitations/{}", invited.text("invitationId"));
    elan.delete(&app, &invitation, &elan.admin).await.expect(204);
    let member = elan.member(&app, "dora", &["desk"]).await;
    elan.delete(&app, path, &elan.admin).await.expect_problem(409, "role_in_use");
    elan.set_roles(&app, &elan.admin, user_id(&member), &["member"]).await.expect(200);
    elan.delete(&app, path, &elan.admin).await.expect(204);
    elan.delete(&app, path, &elan.admin).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn who_makes_roles_makes_none_above_themselves() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let own = ["auth.roles.manage", "booking.sessions.manage"];
    elan.make_role(&app, "planner", &own).await.expect(201);
    elan.make_role(&app, "auditor", &["auth.audit.read"]).await.expect(201);
    let planner = elan.member(&app, "paul", &["member", "planner"]).await;
    let make = async |name: &str, permissions: &[&str]| {
        let body = json!({ "name": name, "permissions": permissions });
        elan.post(&app, "/api/tenants/roles", &planner, body).await
    };
    make("helper", &["booking.sessions.manage"]).await.expect(201);
    make("thief", &["credits.packages.manage"]).await.expect_problem(403, "raises_above");
    replace(&app, &elan, &planner, "planner", &["auth.roles.manage", "auth.tenant.manage"])
        .await
        .expect_problem(403, "raises_above");
    replace(&app, &elan, &planner, "auditor", &[]).await.expect_problem(403, "raises_above");
    elan.delete(&app, "/api/tenants/roles/auditor", &planner).await.expect_problem(403, "raises_above");
    replace(&app, &elan, &planner, "planner", &["auth.roles.manage"]).await.expect(200);
    make("late", &["booking.sessions.manage"]).await.expect_problem(403, "raises_above");
}

/// V15: a role that allows what not everybody may makes a second factor mandatory, as a manager's does.
#[actix_web::test]
async fn v15_a_custom_role_that_allows_anything_needs_a_second_factor() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "desk", &["booking.sessions.manage"]).await.expect(201);
    elan.make_role(&app, "regular", &[]).await.expect(201);
    let mia = plain_person(&app, "mia").await;
    let code = elan.code(&app, &["member", "regular"], 1).await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    let here = switch(&app, &mia, &elan.id).await.expect(200).body;
    assert!(here.get("secondFactorEnrolmentRequired").is_none());
    elan.set_roles(&app, &elan.admin, user_id(&mia), &["member", "regular", "desk"]).await.expect(200);
    elan.get(&app, "/api/tenants/current", &here)
        .await
        .expect_problem(403, "second_factor_enrolment_required");
    let next = refresh_at(&app, &elan.host(), &here).await.expect(200).body;
    assert_eq!(next["secondFactorEnrolmentRequired"], true);
    assert!(claims(token(&next)).get("custom_roles").is_none());
}
