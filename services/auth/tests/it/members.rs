//! Members: found, given roles, suspended, removed; and who may do what to whom.

use auth::Auth;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::factors;
use crate::people::{address, text};
use crate::staff::user_id;
use crate::studios::{accept, anonymous, plain_person, profile_at, refresh_at, sign_in_at, studio, switch};

const NOBODY: &str = "01920000-0000-7000-8000-0000000000ee";

#[actix_web::test]
async fn members_are_found_by_status_role_and_text_in_their_own_studio_alone() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    app.advance(chrono::TimeDelta::seconds(1));
    let coach = elan.member(&app, "carl", &["member", "coach"]).await;
    let found = async |query: &str| -> Vec<String> {
        let path = format!("/api/tenants/members?{query}");
        let page = elan.get(&app, &path, &elan.admin).await.expect(200).body;
        page["items"].as_array().unwrap().iter().map(|item| text(item, "email").to_owned()).collect()
    };
    let (anna, carl) = (address(&app, "anna"), address(&app, "carl"));
    assert_eq!(found("").await, [anna.clone(), carl.clone()]);
    assert_eq!(found("role=coach").await, std::slice::from_ref(&carl));
    assert_eq!(found("role=unknown").await, [""; 0]);
    assert_eq!(found("q=CARL%40").await, std::slice::from_ref(&carl));
    assert_eq!(found("status=suspended").await, [""; 0]);
    let first = elan.get(&app, "/api/tenants/members?limit=1", &elan.admin).await.expect(200).body;
    assert_eq!(found(&format!("cursor={}", text(&first, "nextCursor"))).await, [carl]);
    for bad in ["status=dead", "role=", "limit=0", "cursor=x", "who=anna"] {
        let path = format!("/api/tenants/members?{bad}");
        elan.get(&app, &path, &elan.admin).await.expect_problem(422, "invalid_fields");
    }
    let one = elan.get(&app, &format!("/api/tenants/members/{}", user_id(&coach)), &elan.admin).await;
    assert_eq!(one.expect(200).body["roles"], json!(["coach", "member"]));
    elan.get(&app, "/api/tenants/members", &coach).await.expect_problem(403, "permission_denied");
}

#[actix_web::test]
async fn a_new_role_comes_with_the_next_refresh_and_a_lost_one_signs_out() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    let id = user_id(&mia).to_owned();
    elan.set_roles(&app, &elan.admin, &id, &["member", "coach"]).await.expect(200);
    let mia = refresh_at(&app, &elan.host(), &mia).await.expect(200).body;
    assert_eq!(mia["user"]["roles"], json!(["coach", "member"]));
    let events = app.events().await.len();
    elan.set_roles(&app, &elan.admin, &id, &["coach", "member"]).await.expect(200);
    assert_eq!(app.events().await.len(), events, "nothing changed, so nothing is told");
    elan.set_roles(&app, &elan.admin, &id, &["member"]).await.expect(200);
    profile_at(&app, &elan.host(), &mia).await.expect(401);
    refresh_at(&app, &elan.host(), &mia).await.expect(401);
    let told = app.events().await;
    let told = told.iter().rfind(|event| event["type"] == "membership.changed").unwrap();
    assert_eq!(
        (&told["data"]["roles"], &told["data"]["active"], &told["for_tenant"]),
        (&json!(["member"]), &json!(true), &json!(elan.id))
    );
    for refused in
        [json!([]), json!(["member", "member"]), json!(["emperor"]), json!("member"), json!(["a\u{0}"])]
    {
        let path = format!("/api/tenants/members/{id}");
        let call = elan.call(&app, Method::PATCH, &path, &elan.admin).json(&json!({ "roles": refused }));
        call.send().await.expect_problem(422, "invalid_fields");
    }
    let set =
        "SELECT details FROM audit_events WHERE action = 'membership.roles_set' ORDER BY number DESC LIMIT 1";
    assert_eq!(app.sql(set).await[0]["details"]["roles"], json!(["member"]));
}

#[actix_web::test]
async fn nobody_raises_above_themselves_and_only_admins_touch_staff() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let manager = elan.member(&app, "max", &["manager"]).await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    let (max, mia_id) = (user_id(&manager).to_owned(), user_id(&mia).to_owned());
    elan.make_role(&app, "auditor", &["auth.audit.read"]).await.expect(201);
    elan.make_role(&app, "planner", &["booking.sessions.manage"]).await.expect(201);
    for raised in ["admin", "manager", "auditor"] {
        elan.set_roles(&app, &manager, &mia_id, &["member", raised])
            .await
            .expect_problem(403, "raises_above");
    }
    elan.set_roles(&app, &manager, &max, &["manager", "admin"]).await.expect_problem(403, "cannot_manage");
    elan.set_roles(&app, &manager, user_id(&elan.admin), &["member"])
        .await
        .expect_problem(403, "cannot_manage");
    let path = format!("/api/tenants/members/{}", user_id(&elan.admin));
    elan.delete(&app, &path, &manager).await.expect_problem(403, "cannot_manage");
    let reason = json!({ "reason": "out of spite" });
    elan.post(&app, &format!("{path}/suspend"), &manager, reason).await.expect_problem(403, "cannot_manage");
    elan.set_roles(&app, &manager, &mia_id, &["member", "planner"]).await.expect(200);
    // Whoever may do what not everybody may is staff: the manager's equal, for admins to change.
    elan.set_roles(&app, &manager, &mia_id, &["member"]).await.expect_problem(403, "cannot_manage");
    elan.set_roles(&app, &elan.admin, &mia_id, &["member"]).await.expect(200);
    elan.set_roles(&app, &mia, &max, &["member"]).await.expect(401);
}

#[actix_web::test]
async fn two_admins_who_demote_each_other_or_leave_at_once_do_not_both_succeed() {
    let app = TestApp::<Auth>::start().await;
    for round in 0..4 {
        let elan = studio(&app, &format!("anna{round}"), &format!("elan-{round}")).await;
        let second = elan.member(&app, &format!("bob{round}"), &["admin"]).await;
        let (anna, bob) = (user_id(&elan.admin).to_owned(), user_id(&second).to_owned());
        let admins = format!(
            "SELECT user_id FROM membership_roles WHERE role = 'admin' AND tenant_id = '{}'",
            elan.id
        );
        if round % 2 == 0 {
            let (one, other) = join(
                elan.set_roles(&app, &elan.admin, &bob, &["member"]),
                elan.set_roles(&app, &second, &anna, &["member"]),
            )
            .await;
            assert_eq!([one.status, other.status].iter().filter(|status| **status == 200).count(), 1);
        } else {
            let leave = |by| elan.delete(&app, "/api/tenants/members/me", by);
            let (one, other) = join(leave(&elan.admin), leave(&second)).await;
            let mut statuses = [one.status, other.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 409]);
        }
        assert_eq!(app.sql(&admins).await.len(), 1, "one is left");
    }
}

#[actix_web::test]
async fn the_last_admin_stays_one() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let anna = user_id(&elan.admin).to_owned();
    elan.set_roles(&app, &elan.admin, &anna, &["member"]).await.expect_problem(409, "last_admin");
    elan.delete(&app, "/api/tenants/members/me", &elan.admin).await.expect_problem(409, "last_admin");
    let path = format!("/api/tenants/members/{anna}");
    elan.delete(&app, &path, &elan.admin).await.expect_problem(409, "own_account");
    let bob = elan.member(&app, "bob", &["admin"]).await;
    elan.set_roles(&app, &elan.admin, &anna, &["coach"]).await.expect(200);
    elan.delete(&app, "/api/tenants/members/me", &bob).await.expect_problem(409, "last_admin");
}

#[actix_web::test]
async fn v23_a_suspended_or_removed_member_has_no_right_here_and_keeps_the_others() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["coach"]).await;
    let path = format!("/api/tenants/members/{}", user_id(&mia));
    let reason = json!({ "reason": "holiday" });
    elan.post(&app, &format!("{path}/suspend"), &elan.admin, reason.clone()).await.expect(204);
    let outside = async |by: &Value, refusal: &str| {
        profile_at(&app, &elan.host(), by).await.expect(401);
        refresh_at(&app, &elan.host(), by).await.expect(401);
        sign_in_at(&app, &elan.host(), &address(&app, "mia")).await.expect_problem(403, refusal);
    };
    outside(&mia, "not_a_member").await;
    let home = factors::signs_in_again(&app, &address(&app, "mia")).await;
    switch(&app, &home, &elan.id).await.expect_problem(404, "not_found");
    // An invitation is no way back from a suspension.
    let code = elan.code(&app, &["member"], 1).await;
    accept(&app, &home, json!({ "code": code })).await.expect_problem(403, "membership_suspended");
    elan.post(&app, &format!("{path}/suspend"), &elan.admin, reason).await.expect_problem(409, "not_active");

    elan.post(&app, &format!("{path}/reactivate"), &elan.admin, json!({})).await.expect(204);
    let back = switch(&app, &home, &elan.id).await.expect(200).body;
    assert_eq!(back["user"]["roles"], json!(["coach"]));
    elan.delete(&app, &path, &elan.admin).await.expect(204);
    outside(&back, "not_a_member").await;
    elan.get(&app, &path, &elan.admin).await.expect_problem(404, "not_found");
    profile_at(&app, "app.shinkofa.localhost", &home).await.expect(200);
    let told = app.events().await;
    let told = told.iter().rfind(|event| event["type"] == "membership.changed").unwrap();
    assert_eq!((&told["data"]["active"], &told["data"]["roles"]), (&json!(false), &json!([])));
    accept(&app, &home, json!({ "code": code })).await.expect(200);
}

/// V23: whatever an invitation came to, it is no membership before it is active.
#[actix_web::test]
async fn v23_an_invited_or_accepted_member_has_zero_rights() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let manager = elan.member(&app, "max", &["manager"]).await;
    let home = factors::signs_in_again(&app, &address(&app, "max")).await;
    for status in ["invited", "accepted", "suspended"] {
        let set = format!(
            "UPDATE memberships SET status = '{status}' WHERE user_id = '{}' AND tenant_id = '{}'",
            user_id(&manager),
            elan.id
        );
        app.superuser().await.run(&set).await;
        for path in
            ["/api/tenants/current", "/api/tenants/members", "/api/tenants/roles", "/api/tenants/invitations"]
        {
            elan.get(&app, path, &manager).await.expect(401);
        }
        elan.invite(&app, &manager, "eve@example.org", &["member"]).await.expect(401);
        elan.set_roles(&app, &manager, user_id(&elan.admin), &["member"]).await.expect(401);
        sign_in_at(&app, &elan.host(), &address(&app, "max")).await.expect_problem(403, "not_a_member");
        switch(&app, &home, &elan.id).await.expect_problem(404, "not_found");
    }
}

/// V24: somebody, a role or an invitation of another studio answers as nothing does.
#[actix_web::test]
async fn v24_what_belongs_to_another_studio_answers_as_nothing_does() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let other = studio(&app, "bob", "other").await;
    let eve = other.member(&app, "eve", &["member"]).await;
    other.make_role(&app, "front-desk", &[]).await.expect(201);
    let invited = other.invite(&app, &other.admin, "zoe@example.org", &["member"]).await.expect(201);
    let invitation = invited.text("invitationId");
    let (eve, invitation) = (user_id(&eve), invitation.as_str());
    let routes = [
        (Method::GET, "/api/tenants/members/{}", eve, NOBODY, json!({})),
        (Method::PATCH, "/api/tenants/members/{}", eve, NOBODY, json!({ "roles": ["coach"] })),
        (Method::DELETE, "/api/tenants/members/{}", eve, NOBODY, json!({})),
        (Method::POST, "/api/tenants/members/{}/suspend", eve, NOBODY, json!({ "reason": "no reason" })),
        (Method::POST, "/api/tenants/members/{}/reactivate", eve, NOBODY, json!({})),
        (Method::PUT, "/api/tenants/roles/{}", "front-desk", "back-desk", json!({ "permissions": [] })),
        (Method::DELETE, "/api/tenants/roles/{}", "front-desk", "back-desk", json!({})),
        (Method::DELETE, "/api/tenants/invitations/{}", invitation, NOBODY, json!({})),
        (Method::POST, "/api/tenants/invitations/{}/resend", invitation, NOBODY, json!({})),
    ];
    for (method, path, theirs, nobodys, body) in routes {
        let ask = async |id: &str| {
            let path = path.replace("{}", id);
            anonymous(elan.call(&app, method.clone(), &path, &elan.admin).json(&body).send().await)
        };
        let (theirs, nobodys) = (ask(theirs).await, ask(nobodys).await);
        assert_eq!((theirs.0, &theirs), (404, &nobodys), "{method} {path}");
    }
    for path in ["/api/tenants/members?q=eve", "/api/tenants/invitations?state=all"] {
        assert_eq!(elan.get(&app, path, &elan.admin).await.expect(200).body["items"], json!([]), "{path}");
    }
    let kept = app.sql("SELECT 1 AS one FROM invitations WHERE revoked_at IS NULL").await;
    assert_eq!(kept.len(), 2, "nothing was changed");
}

#[actix_web::test]
async fn leaving_ends_the_membership_and_its_sessions_alone() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let code = elan.code(&app, &["member"], 2).await;
    let mia = plain_person(&app, "mia").await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    let here = switch(&app, &mia, &elan.id).await.expect(200).body;
    elan.delete(&app, "/api/tenants/members/me", &here).await.expect(204);
    profile_at(&app, &elan.host(), &here).await.expect(401);
    profile_at(&app, "app.shinkofa.localhost", &mia).await.expect(200);
    let again = elan.code(&app, &["member"], 1).await;
    accept(&app, &mia, json!({ "code": again })).await.expect(200);
    let answers = join_all((0..5).map(|_| switch(&app, &mia, &elan.id))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
