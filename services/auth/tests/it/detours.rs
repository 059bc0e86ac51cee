//! Ways around the doors: what one may not do is not had by another operation either.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all, join3};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::BanScope;
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, token, user_id};
use crate::studios::{accept, plain_person, profile_at, refresh_at, studio, switch};
use crate::{factors, letters};

async fn impersonate(app: &TestApp<Auth>, host: &str, by: &Value, whom: &str) -> Answer {
    let call = app.post(&format!("/api/admin/users/{whom}/impersonate")).at_host(host).token(token(by));
    call.json(&json!({ "reason": "the calendar stays empty" })).send().await
}

/// Whoever reads a code can accept it: a manager would become an admin.
#[actix_web::test]
async fn the_code_of_an_invitation_is_shown_to_those_alone_who_could_have_made_it() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let manager = elan.member(&app, "mona", &["manager"]).await;
    let for_admins = elan.code(&app, &["admin"], 1).await;
    let for_members = elan.code(&app, &["member"], 1).await;
    let codes = async |by: &Value| -> Vec<Value> {
        let page = elan.get(&app, "/api/tenants/invitations", by).await.expect(200).body;
        page["items"].as_array().unwrap().iter().map(|item| item["code"].clone()).collect()
    };
    let shown = codes(&elan.admin).await;
    assert!(shown.contains(&json!(for_admins)) && shown.contains(&json!(for_members)), "{shown:?}");
    let shown = codes(&manager).await;
    assert!(!shown.contains(&json!(for_admins)) && shown.contains(&json!(for_members)), "{shown:?}");
    assert!(shown.contains(&Value::Null), "the invitation itself is no secret");
}

/// Making an invitation takes somebody who showed lately who they are; a code that lies open, or a letter sent anew, is worth as much.
#[actix_web::test]
async fn an_invitation_that_gives_rights_is_given_out_by_who_showed_lately_who_they_are() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "regular", &[]).await.expect(201);
    elan.make_role(&app, "front-desk", &["booking.sessions.manage"]).await.expect(201);
    let (mut light, mut heavy, mut resends) = (Vec::new(), Vec::new(), Vec::new());
    for role in ["member", "regular"] {
        light.push(json!(elan.code(&app, &[role], 1).await));
    }
    for role in ["admin", "manager", "front-desk"] {
        heavy.push(json!(elan.code(&app, &["member", role], 1).await));
    }
    for role in ["admin", "front-desk", "regular"] {
        let made = elan.invite(&app, &elan.admin, &address(&app, role), &[role]).await.expect(201);
        resends.push(format!("/api/tenants/invitations/{}/resend", made.text("invitationId")));
    }
    let codes = async |by: &Value| -> Vec<Value> {
        let page = elan.get(&app, "/api/tenants/invitations", by).await.expect(200).body;
        page["items"].as_array().unwrap().iter().map(|item| item["code"].clone()).collect()
    };
    let shown = codes(&elan.admin).await;
    assert!(light.iter().chain(&heavy).all(|code| shown.contains(code)), "{shown:?}");

    app.advance(TimeDelta::minutes(11));
    let shown = codes(&elan.admin).await;
    assert!(light.iter().all(|code| shown.contains(code)), "{shown:?}");
    assert!(!heavy.iter().any(|code| shown.contains(code)), "{shown:?}");
    for path in &resends[..2] {
        let refused = elan.post(&app, path, &elan.admin, json!({})).await;
        refused.expect_problem(403, "step_up_required");
    }
    elan.post(&app, &resends[2], &elan.admin, json!({})).await.expect(202);

    let again = factors::signs_in_again(&app, &address(&app, "anna")).await;
    let again = switch(&app, &again, &elan.id).await.expect(200).body;
    let shown = codes(&again).await;
    assert!(light.iter().chain(&heavy).all(|code| shown.contains(code)), "{shown:?}");
    for path in &resends {
        elan.post(&app, path, &again, json!({})).await.expect(202);
    }
}

/// An access token lasts a quarter of an hour: what it opens by itself lasts no longer.
#[actix_web::test]
async fn switching_takes_the_sessions_own_refresh_token() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let other = people::signed_in(&app, &address(&app, "bob")).await;
    let ask = async |tenant: &str, refresh: &str| {
        let body = json!({ "tenantId": tenant, "refreshToken": refresh });
        app.post("/api/tenants/switch").token(token(&elan.elsewhere)).json(&body).send().await
    };
    for wrong in ["", "nothing", text(&other, "refreshToken"), text(&elan.admin, "refreshToken")] {
        ask(&elan.id, wrong).await.expect_problem(401, "refresh_refused");
    }
    let own = text(&elan.elsewhere, "refreshToken");
    let here = TenantId::DEFAULT.to_string();
    ask(&here, own).await.expect_problem(422, "invalid_fields");
    ask(&elan.id, own).await.expect(200);
    // It is not used up.
    let next = people::refresh(&app, own).await.expect(200).text("refreshToken");
    app.advance(TimeDelta::seconds(11));
    ask(&elan.id, &next).await.expect(200);
    // The one before it has had its time: somebody has a copy.
    ask(&elan.id, own).await.expect_problem(401, "refresh_refused");
    ask(&elan.id, &next).await.expect_problem(401, "unauthenticated");
}

/// An admin's session lasts twelve hours from when they showed who they are, wherever they came from.
#[actix_web::test]
async fn a_long_session_elsewhere_opens_no_admins_session_again_and_again() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    app.advance(TimeDelta::hours(11));
    let elsewhere = people::refresh(&app, text(&elan.elsewhere, "refreshToken")).await.expect(200).body;
    let there = switch(&app, &elsewhere, &elan.id).await.expect(200).body;
    refresh_at(&app, &elan.host(), &there).await.expect(200);
    app.advance(TimeDelta::hours(1));
    let elsewhere = people::refresh(&app, text(&elsewhere, "refreshToken")).await.expect(200).body;
    switch(&app, &elsewhere, &elan.id).await.expect_problem(403, "sign_in_there");
}

/// Seeing what a manager sees is as much as being one.
#[actix_web::test]
async fn nobody_sees_the_studio_as_somebody_whom_they_may_not_manage() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "support", &["auth.users.impersonate"]).await.expect(201);
    elan.make_role(&app, "auditor", &["auth.audit.read"]).await.expect(201);
    let support = elan.member(&app, "sue", &["member", "support"]).await;
    let manager = elan.member(&app, "mona", &["manager"]).await;
    let auditor = elan.member(&app, "otto", &["member", "auditor"]).await;
    let member = elan.member(&app, "mia", &["member"]).await;
    for out_of_reach in [&manager, &auditor, &elan.admin] {
        let answer = impersonate(&app, &elan.host(), &support, user_id(out_of_reach)).await;
        assert!(matches!(answer.status, 403 | 409), "{answer:?}");
    }
    impersonate(&app, &elan.host(), &support, user_id(&member)).await.expect(200);
}

/// Held up when its session is written and not committed, so that whoever closes the studio cannot see it yet.
#[actix_web::test]
async fn whoever_begins_to_look_on_while_the_studio_is_closed_looks_no_longer() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "support", &["auth.users.impersonate"]).await.expect(201);
    let support = elan.member(&app, "sue", &["member", "support"]).await;
    let member = elan.member(&app, "mia", &["member"]).await;
    let host = elan.host();
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE impersonations IN SHARE MODE").await;
    let look = impersonate(&app, &host, &support, user_id(&member));
    let close = async {
        app.until_waiting(1).await;
        elan.delete(&app, "/api/tenants/current", &elan.admin).await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (looked, closed, ()) = join3(look, close, let_go).await;
    looked.expect(200);
    closed.expect(204);
    let looking = "SELECT id FROM sessions WHERE amr = 'impersonation' AND ended_at IS NULL";
    assert_eq!(app.sql(looking).await, [] as [Value; 0]);
}

/// What somebody is in other studios, and how they sign in, is none of this one's business.
#[actix_web::test]
async fn whoever_looks_on_sees_nothing_of_the_persons_life_elsewhere() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(TimeDelta::seconds(1));
    let seen = impersonate(&app, "app.shinkofa.localhost", &admin, user_id(&anna)).await.expect(200);
    let seen = seen.text("accessToken");
    people::profile(&app, &seen).await.expect(200);
    for path in [
        "/api/tenants",
        "/api/auth/sessions",
        "/api/user/identities",
        "/api/auth/mfa/factors",
        "/api/auth/passkeys",
        "/api/auth/security-timeline",
    ] {
        app.get(path).token(&seen).send().await.expect_problem(403, "permission_denied");
        app.get(path).token(token(&anna)).send().await.expect(200);
    }
}

/// A role that is made to allow more is as much as a role that is given.
#[actix_web::test]
async fn a_role_is_changed_by_who_showed_lately_who_they_are_and_its_holders_need_a_second_factor_at_once() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.make_role(&app, "regular", &[]).await.expect(201);
    let mia = plain_person(&app, "mia").await;
    let code = elan.code(&app, &["member", "regular"], 1).await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    let here = switch(&app, &mia, &elan.id).await.expect(200).body;
    let replace = async |by: &Value| {
        let body = json!({ "permissions": ["booking.sessions.manage"] });
        elan.call(&app, Method::PUT, "/api/tenants/roles/regular", by).json(&body).send().await
    };
    app.advance(TimeDelta::minutes(11));
    replace(&elan.admin).await.expect_problem(403, "step_up_required");
    elan.make_role(&app, "another", &[]).await.expect_problem(403, "step_up_required");
    profile_at(&app, &elan.host(), &here).await.expect(200);

    let admin = factors::signs_in_again(&app, &address(&app, "anna")).await;
    let admin = switch(&app, &admin, &elan.id).await.expect(200).body;
    replace(&admin).await.expect(200);
    profile_at(&app, &elan.host(), &here).await.expect_problem(401, "unauthenticated");
    refresh_at(&app, &elan.host(), &here).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn a_ban_ends_what_the_member_is_signed_in_on() {
    let app = TestApp::<Auth>::start().await;
    let troll = people::signed_in(&app, &address(&app, "troll")).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let ban = json!({
        "banId": "01920000-0000-7000-8000-0000000000b1", "userId": user_id(&troll), "reason": "spam in three salons"
    });
    app.internal::<BanScope>("community", Method::POST, "/internal/v1/bans")
        .json(&ban)
        .send()
        .await
        .expect(200);
    people::profile(&app, token(&troll)).await.expect_problem(401, "unauthenticated");
    people::refresh(&app, text(&troll, "refreshToken")).await.expect_problem(401, "refresh_refused");
    people::profile(&app, token(&anna)).await.expect(200);
}

/// A service account has operations and a permission of its own.
#[actix_web::test]
async fn a_program_is_no_member_to_be_removed_or_given_roles() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let body = json!({ "name": "Till", "scopes": ["booking.sessions.manage"] });
    let made = elan.post(&app, "/api/tenants/service-accounts", &elan.admin, body).await.expect(201);
    let account = made.text("id");
    let manager = elan.member(&app, "mona", &["manager"]).await;
    for by in [&elan.admin, &manager] {
        elan.delete(&app, &format!("/api/tenants/members/{account}"), by)
            .await
            .expect_problem(403, "cannot_manage");
        elan.set_roles(&app, by, &account, &["coach"]).await.expect_problem(403, "cannot_manage");
    }
    let path = format!("/api/tenants/service-accounts/{account}");
    elan.get(&app, &path, &elan.admin).await.expect(200);
}

/// A studio that anybody can make writes to nobody who does not belong to it, and does not learn who has an account.
#[actix_web::test]
async fn a_studio_writes_to_its_own_members_alone() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "eve", "elan").await;
    let (anna, nobody) = (address(&app, "anna"), address(&app, "nobody"));
    people::confirmed(&app, &anna).await;
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for email in [&anna, &nobody] {
        for (path, body) in [
            ("/api/auth/otp/send", json!({ "email": email })),
            ("/api/auth/magic-link", json!({ "email": email, "codeChallenge": challenge })),
            ("/api/auth/email/resend", json!({ "email": email })),
        ] {
            let answer = app.post(path).at_host(&elan.host()).json(&body).send().await;
            assert!(matches!(answer.status, 202 | 404), "{path}: {answer:?}");
        }
    }
    app.run_jobs().await;
    for kind in ["sign_in_code", "magic_link"] {
        assert!(letters::secrets(&app, &anna, kind).await.is_empty(), "{kind}");
    }
    let trail = app.sql("SELECT action FROM audit_events WHERE action LIKE 'account.%\\_sent'").await;
    assert_eq!(trail, [] as [Value; 0]);
}

/// V13: whoever shows the old password while another one is being set is not let in with it, however long their request waited.
#[actix_web::test]
async fn v13_a_sign_in_that_waited_for_a_change_of_password_is_refused() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut owner = app.superuser().await;
    owner.run("BEGIN; SELECT id FROM users FOR UPDATE").await;
    let change = async {
        app.until_waiting(2).await;
        owner.run("UPDATE users SET token_version = token_version + 1; COMMIT").await;
    };
    let sign_ins = join_all((0..2).map(|_| people::sign_in(&app, &anna, PASSWORD)));
    let (answers, ()) = join(sign_ins, change).await;
    for answer in answers {
        answer.expect_problem(401, "invalid_credentials");
    }
    assert_eq!(app.sql("SELECT id FROM sessions").await, [] as [Value; 0]);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}
