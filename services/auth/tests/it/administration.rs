//! Staff find members, lock them out and sign them out, in their own tenant alone.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, staff_again, token, user_id};

const STRANGER: &str = "01920000-0000-7000-8000-0000000000dd";

async fn order(app: &TestApp<Auth>, by: &Value, whom: &str, what: &str) -> Answer {
    let call = app.post(&format!("/api/admin/users/{whom}/{what}")).token(token(by));
    if what == "lock" {
        call.json(&json!({ "reason": "asked by the owner" })).send().await
    } else {
        call.send().await
    }
}

async fn members(app: &TestApp<Auth>, by: &Value, query: &str) -> Vec<String> {
    let page = app.get(&format!("/api/admin/users?{query}")).token(token(by)).send().await.expect(200).body;
    page["items"].as_array().expect("a page").iter().map(|item| text(item, "email").to_owned()).collect()
}

/// An account of the same realm that belongs to another tenant.
async fn stranger(app: &TestApp<Auth>) {
    app.superuser()
        .await
        .run(&format!(
            "INSERT INTO users (realm_id, id, kind, status, email, email_canonical, name, locale, token_version, created_at, updated_at)
             VALUES ('01920000-0000-7000-8000-000000000000', '{STRANGER}', 'member', 'active', 'eve@example.org', 'eve@example.org', 'Anna Eve', 'en', 1, now(), now());
             INSERT INTO tenants (id, slug, name, time_zone) VALUES ('01920000-0000-7000-8000-0000000000aa', 'other', 'Other', 'UTC');
             INSERT INTO tenant_realms VALUES ('01920000-0000-7000-8000-0000000000aa', '01920000-0000-7000-8000-000000000000');
             INSERT INTO memberships VALUES ('01920000-0000-7000-8000-0000000000aa', '{STRANGER}', '01920000-0000-7000-8000-000000000000', 'active', 'free', now(), now())"
        ))
        .await;
}

#[actix_web::test]
async fn v13_v23_a_locked_member_is_signed_out_and_has_no_rights_until_unlocked() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    order(&app, &admin, user_id(&anna), "lock").await.expect(204);

    people::profile(&app, token(&anna)).await.expect(401);
    // Before the refresh, which would end it by itself.
    let revoked = app.sql("SELECT session_id FROM revocations").await;
    assert_eq!(revoked.len(), 1, "the other services hear of it");
    people::refresh(&app, text(&anna, "refreshToken")).await.expect(401);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect_problem(403, "not_a_member");
    let introspect = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
    let seen = introspect.json(&json!({ "token": token(&anna) })).send().await.expect(200).body;
    assert_eq!(seen["active"], false);
    let told = app.events().await;
    let told = told.iter().rfind(|event| event["type"] == "membership.changed").unwrap();
    assert_eq!(told["data"]["active"], false);

    let path = format!("/api/admin/users/{}", user_id(&anna));
    let view = app.get(&path).token(token(&admin)).send().await.expect(200).body;
    assert_eq!(
        (&view["status"], &view["lock"]["reason"]),
        (&json!("suspended"), &json!("asked by the owner"))
    );
    assert_eq!((&view["lock"]["lockedBy"], &view["sessions"]), (&json!(user_id(&admin)), &json!([])));
    order(&app, &admin, user_id(&anna), "lock").await.expect_problem(409, "not_active");

    order(&app, &admin, user_id(&anna), "unlock").await.expect(204);
    order(&app, &admin, user_id(&anna), "unlock").await.expect_problem(409, "not_locked");
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    let trail = app
        .sql("SELECT action FROM audit_events WHERE action LIKE 'membership.%locked' ORDER BY number")
        .await;
    assert_eq!(trail, [json!({ "action": "membership.locked" }), json!({ "action": "membership.unlocked" })]);
}

/// Whatever an invitation came to, unlocking does not make it a membership.
#[actix_web::test]
async fn v23_only_an_active_member_can_be_locked_and_only_a_locked_one_unlocked() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    for status in ["invited", "accepted"] {
        let set = format!("UPDATE memberships SET status = '{status}' WHERE user_id = '{}'", user_id(&anna));
        app.superuser().await.run(&set).await;
        order(&app, &admin, user_id(&anna), "lock").await.expect_problem(409, "not_active");
        order(&app, &admin, user_id(&anna), "unlock").await.expect_problem(409, "not_locked");
        people::profile(&app, token(&anna)).await.expect(401);
    }
}

#[actix_web::test]
async fn v13_signing_a_member_out_ends_every_session_and_they_may_come_back() {
    let app = TestApp::<Auth>::start().await;
    let manager = staff(&app, "max", "manager").await;
    let first = people::signed_in(&app, &address(&app, "anna")).await;
    let second = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).body;
    order(&app, &manager, user_id(&first), "sign-out").await.expect(204);
    for body in [&first, &second] {
        people::profile(&app, token(body)).await.expect(401);
        people::refresh(&app, text(body, "refreshToken")).await.expect(401);
    }
    assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), 2);
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
    people::profile(&app, token(&manager)).await.expect(200);
}

#[actix_web::test]
async fn members_are_found_by_name_address_and_status_page_by_page() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    for who in ["anna", "bob", "carl_x"] {
        // Ids of one millisecond stand in no order.
        app.advance(TimeDelta::seconds(1));
        people::confirmed(&app, &address(&app, who)).await;
    }
    stranger(&app).await;
    let all = ["ada", "anna", "bob", "carl_x"].map(|who| address(&app, who));
    assert_eq!(members(&app, &admin, "").await, all);
    assert_eq!(members(&app, &admin, "q=BOB%40").await, [all[2].clone()]);
    assert_eq!(members(&app, &admin, "q=martin").await.len(), 3, "by name");
    assert_eq!(members(&app, &admin, "q=l_x").await, [all[3].clone()]);
    assert_eq!(members(&app, &admin, "q=%25").await, Vec::<String>::new(), "a sign is looked for as it is");
    assert_eq!(members(&app, &admin, "status=suspended").await, Vec::<String>::new());
    let first = app.get("/api/admin/users?limit=3").token(token(&admin)).send().await.expect(200).body;
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let next = format!("limit=3&cursor={}", text(&first, "nextCursor"));
    assert_eq!(members(&app, &admin, &next).await, [all[3].clone()]);
    for bad in ["status=dead", "limit=0", "cursor=x", "who=anna"] {
        let answer = app.get(&format!("/api/admin/users?{bad}")).token(token(&admin)).send().await;
        answer.expect_problem(422, "invalid_fields");
    }
}

/// V24: somebody of another tenant is as if they were not there.
#[actix_web::test]
async fn v24_a_member_of_another_tenant_answers_as_nobody_does() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    stranger(&app).await;
    let nobody = "01920000-0000-7000-8000-0000000000ee";
    for what in ["", "/lock", "/unlock", "/sign-out", "/impersonate"] {
        let calls = [STRANGER, nobody].map(|whom| {
            let path = format!("/api/admin/users/{whom}{what}");
            let call = if what.is_empty() { app.get(&path) } else { app.post(&path) };
            call.token(token(&admin)).json(&json!({ "reason": "out of interest" })).send()
        });
        let [theirs, nobodys] = calls;
        let (mut theirs, mut nobodys) = join(theirs, nobodys).await;
        for answer in [&mut theirs, &mut nobodys] {
            answer.body.as_object_mut().unwrap().remove("requestId");
        }
        assert_eq!((theirs.status, theirs.body), (404, nobodys.body), "{what}");
    }
    assert_eq!(app.sql("SELECT id FROM audit_events WHERE action IN ('membership.locked', 'membership.unlocked', 'membership.signed_out')").await.len(), 0);
}

#[actix_web::test]
async fn a_manager_manages_members_alone_and_nobody_manages_themselves() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let manager = staff(&app, "max", "manager").await;
    let other = staff(&app, "mia", "manager").await;
    let member = staff(&app, "anna", "member").await;
    for whom in [&admin, &other] {
        for what in ["lock", "unlock", "sign-out"] {
            order(&app, &manager, user_id(whom), what).await.expect_problem(403, "cannot_manage");
        }
    }
    for who in [&admin, &manager] {
        for what in ["lock", "unlock", "sign-out"] {
            order(&app, who, user_id(who), what).await.expect_problem(409, "own_account");
        }
    }
    for role in ["coach", "moderator", "member"] {
        let person = staff(&app, role, role).await;
        app.get("/api/admin/users")
            .token(token(&person))
            .send()
            .await
            .expect_problem(403, "permission_denied");
        order(&app, &person, user_id(&member), "lock").await.expect_problem(403, "permission_denied");
    }
    order(&app, &manager, user_id(&member), "lock").await.expect(204);
    order(&app, &admin, user_id(&other), "lock").await.expect(204);
    // What a locked manager's token says does not count any more.
    order(&app, &other, user_id(&member), "unlock").await.expect(401);
}

#[actix_web::test]
async fn two_admins_who_lock_each_other_out_do_not_both_succeed() {
    for round in 0..5 {
        let app = TestApp::<Auth>::start().await;
        let ada = staff(&app, "ada", "admin").await;
        let bea = staff(&app, "bea", "admin").await;
        let (one, two) =
            join(order(&app, &ada, user_id(&bea), "lock"), order(&app, &bea, user_id(&ada), "lock")).await;
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 401], "round {round}");
    }
}

/// Who has asked to be forgotten is nobody to rely on: a studio keeps an admin who stays.
#[actix_web::test]
async fn an_admin_who_is_about_to_be_erased_does_not_lock_the_last_other_one() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let bea = staff(&app, "bea", "admin").await;
    let delete = app.post("/api/me/delete").token(token(&ada)).json(&json!({ "password": PASSWORD }));
    delete.send().await.expect(202);
    let suspend = async || {
        let path = format!("/api/tenants/members/{}/suspend", user_id(&bea));
        app.post(&path).token(token(&ada)).json(&json!({ "reason": "asked by the owner" })).send().await
    };
    order(&app, &ada, user_id(&bea), "lock").await.expect_problem(409, "last_admin");
    suspend().await.expect_problem(409, "last_admin");
    people::profile(&app, token(&bea)).await.expect(200);
    app.post("/api/me/delete/cancel").token(token(&ada)).send().await.expect(204);
    order(&app, &ada, user_id(&bea), "lock").await.expect(204);
}

/// Somebody who took a token from staff cannot act on members with it for long.
#[actix_web::test]
async fn what_staff_do_to_members_takes_a_second_factor_shown_lately() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    app.advance(TimeDelta::minutes(11));
    let impersonate = async |access: &str| {
        let path = format!("/api/admin/users/{}/impersonate", user_id(&anna));
        app.post(&path).token(access).json(&json!({ "reason": "a look" })).send().await
    };
    for what in ["lock", "unlock", "sign-out"] {
        let refused = order(&app, &admin, user_id(&anna), what).await.expect_problem(403, "step_up_required");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("acr_values=\"aal2\""));
    }
    impersonate(token(&admin)).await.expect_problem(403, "step_up_required");
    let member = format!("/api/tenants/members/{}", user_id(&anna));
    let promote = app.call(Method::PATCH, &member).token(token(&admin)).json(&json!({ "roles": ["admin"] }));
    promote.send().await.expect_problem(403, "step_up_required");
    let remove = app.call(Method::DELETE, &member).token(token(&admin));
    remove.send().await.expect_problem(403, "step_up_required");
    people::profile(&app, token(&anna)).await.expect(200);
    // Looking is as before, and so is what the role does not give.
    members(&app, &admin, "").await;
    let coach = staff(&app, "coach", "coach").await;
    app.advance(TimeDelta::minutes(11));
    order(&app, &coach, user_id(&anna), "lock").await.expect_problem(403, "permission_denied");

    let admin = staff_again(&app, "ada").await;
    impersonate(token(&admin)).await.expect(200);
    order(&app, &admin, user_id(&anna), "lock").await.expect(204);
}

#[actix_web::test]
async fn a_reason_is_asked_for() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let path = format!("/api/admin/users/{}/lock", user_id(&anna));
    for body in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": "a\nb c" }),
        json!({ "reason": "fine", "x": 1 }),
    ] {
        app.post(&path).token(token(&admin)).json(&body).send().await.expect_problem(422, "invalid_fields");
    }
    people::profile(&app, token(&anna)).await.expect(200);
}

/// What `docs/security/sign-in.md` says of fields: nothing that somebody proves themselves with, and nothing of their own.
#[actix_web::test]
async fn staff_see_of_a_member_what_the_page_on_fields_says_and_no_more() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let names = |value: &Value| -> Vec<String> {
        let mut names: Vec<_> = value.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        names
    };
    let of_a_member = [
        "accountStatus",
        "email",
        "emailVerified",
        "expiresAt",
        "kind",
        "locale",
        "lock",
        "memberSince",
        "name",
        "roles",
        "status",
        "tier",
        "userId",
    ];
    for list in ["/api/admin/users", "/api/tenants/members"] {
        let page = app.get(list).token(token(&admin)).send().await.expect(200).body;
        for item in page["items"].as_array().expect("a page") {
            assert_eq!(names(item), of_a_member, "{list}");
        }
    }
    let path = format!("/api/admin/users/{}", user_id(&anna));
    let shown = app.get(&path).token(token(&admin)).send().await.expect(200).body;
    let mut of_one = [of_a_member.as_slice(), &["secondFactors", "sessions"]].concat();
    of_one.sort_unstable();
    assert_eq!(names(&shown), of_one);
    let of_a_session = ["impersonation", "lastUsedAt", "network", "openedAt", "sessionId", "userAgent"];
    assert_eq!(names(&shown["sessions"][0]), of_a_session);
}
