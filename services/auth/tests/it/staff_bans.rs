//! Staff ban, see who was banned and why, and lift it again, in their own tenant alone.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::BanScope;
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::machines::machine;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, staff_again, token, user_id};
use crate::studios::{anonymous, studio};

const PATH: &str = "/api/admin/bans";
const BAN: &str = "01920000-0000-7000-8000-0000000000b1";
const NOBODY: &str = "01920000-0000-7000-8000-0000000000ee";

async fn ban_as(app: &TestApp<Auth>, by: &Value, id: &str, what: Value) -> Answer {
    let mut body = json!({ "banId": id, "reason": "spam in three salons" });
    body.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
    app.post(PATH).token(token(by)).json(&body).send().await
}

async fn ban(app: &TestApp<Auth>, by: &Value, what: Value) -> Answer {
    ban_as(app, by, BAN, what).await
}

async fn lift(app: &TestApp<Auth>, by: &Value, id: &str) -> Answer {
    app.call(Method::DELETE, &format!("{PATH}/{id}")).token(token(by)).send().await
}

async fn page(app: &TestApp<Auth>, by: &Value, query: &str) -> Value {
    app.get(&format!("{PATH}?{query}")).token(token(by)).send().await.expect(200).body
}

async fn sign_in_on(app: &TestApp<Auth>, who: &str, device: &str, user_agent: &str) -> Answer {
    let body = json!({ "email": address(app, who), "password": PASSWORD, "deviceId": device });
    app.post("/api/auth/signin").header("user-agent", user_agent).json(&body).send().await
}

#[actix_web::test]
async fn a_member_whom_staff_ban_is_signed_out_and_kept_out_until_the_ban_is_lifted() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    people::confirmed(&app, &address(&app, "sock")).await;
    people::confirmed(&app, &address(&app, "troll")).await;
    let troll = sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200).body;
    let answer = ban(&app, &admin, json!({ "userId": user_id(&troll) })).await.expect(200).body;
    assert_eq!(answer, json!({ "banId": BAN, "fingerprints": 3 }));
    people::profile(&app, token(&troll)).await.expect(401);
    people::refresh(&app, text(&troll, "refreshToken")).await.expect(401);
    assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), 1, "the other services hear of it");
    sign_in_on(&app, "troll", "new", "New").await.expect_problem(403, "banned");
    sign_in_on(&app, "sock", "phone-1", "New").await.expect_problem(403, "banned");
    sign_in_on(&app, "sock", "new", "Phone").await.expect_problem(403, "banned");

    let listed = page(&app, &admin, "").await;
    let expected = json!({
        "banId": BAN, "reason": "spam in three salons", "until": null, "createdAt": app.clock.now(),
        "createdBy": { "kind": "user", "userId": user_id(&admin) },
        "fingerprints": 3, "kinds": ["account", "device", "surroundings"],
    });
    assert_eq!(listed, json!({ "items": [expected], "nextCursor": null }));

    lift(&app, &admin, BAN).await.expect(204);
    lift(&app, &admin, BAN).await.expect_problem(404, "not_found");
    assert_eq!(page(&app, &admin, "").await["items"], json!([]));
    sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200);
    let trail = "SELECT action, actor FROM audit_events WHERE action LIKE 'ban.%' ORDER BY number";
    let by = json!({ "kind": "user", "userId": user_id(&admin) });
    assert_eq!(
        app.sql(trail).await,
        [json!({ "action": "ban.placed", "actor": by }), json!({ "action": "ban.lifted", "actor": by })]
    );
}

#[actix_web::test]
async fn the_list_shows_the_newest_first_and_those_of_services_and_none_that_is_over() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let ids: Vec<String> = (1..=3).map(|n| format!("01920000-0000-7000-8000-0000000000c{n}")).collect();
    for id in &ids {
        let what = json!({ "address": "192.0.2.9", "deviceId": "tablet-1", "until": "2026-12-01T10:00:00Z" });
        ban_as(&app, &admin, id, what).await.expect(200);
        app.advance(TimeDelta::seconds(1));
    }
    crate::bans::ban(&app, json!({ "address": "192.0.2.9" })).await.expect(200);
    let first = page(&app, &admin, "limit=2").await;
    let next = page(&app, &admin, &format!("limit=2&cursor={}", text(&first, "nextCursor"))).await;
    let items = [&first, &next].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let shown: Vec<_> = items.iter().map(|item| text(item, "banId")).collect();
    assert_eq!(shown, [BAN, &ids[2], &ids[1], &ids[0]]);
    assert_eq!(next["nextCursor"], Value::Null);
    assert_eq!(items[0]["createdBy"], json!({ "kind": "service", "name": "community" }));
    assert_eq!((&items[0]["kinds"], &items[0]["fingerprints"]), (&json!(["network"]), &json!(1)));
    assert_eq!(
        (&items[1]["kinds"], &items[1]["until"]),
        (&json!(["device", "network"]), &json!("2026-12-01T10:00:00Z"))
    );
    for bad in ["limit=0", "cursor=x", "who=anna"] {
        let answer = app.get(&format!("{PATH}?{bad}")).token(token(&admin)).send().await;
        answer.expect_problem(422, "invalid_fields");
    }
    app.advance(TimeDelta::hours(1));
    let admin = staff_again(&app, "ada").await;
    let shown = page(&app, &admin, "").await;
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "{shown:#}");
    // Whoever made it, it is the studio's.
    lift(&app, &admin, BAN).await.expect(204);
}

/// Rows of before it was noted who made a ban, and of what.
#[actix_web::test]
async fn a_ban_of_before_is_listed_and_holds() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    ban(&app, &admin, json!({ "deviceId": "tablet-1" })).await.expect(200);
    app.superuser().await.run("UPDATE bans SET kind = NULL, banned_by = NULL").await;
    let listed = page(&app, &admin, "").await;
    let item = &listed["items"][0];
    assert_eq!((&item["createdBy"], &item["kinds"]), (&Value::Null, &json!([])));
    people::confirmed(&app, &address(&app, "anna")).await;
    sign_in_on(&app, "anna", "tablet-1", "Tablet").await.expect_problem(403, "banned");
}

#[actix_web::test]
async fn a_manager_bans_members_alone_and_nobody_themselves() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let manager = staff(&app, "max", "manager").await;
    let other = staff(&app, "mia", "manager").await;
    let anna = staff(&app, "anna", "member").await;
    for whom in [&admin, &other] {
        let answer = ban(&app, &manager, json!({ "userId": user_id(whom) })).await;
        answer.expect_problem(403, "cannot_manage");
    }
    for who in [&admin, &manager] {
        ban(&app, who, json!({ "userId": user_id(who) })).await.expect_problem(409, "own_account");
    }
    for role in ["coach", "moderator", "member"] {
        let person = staff(&app, role, role).await;
        ban(&app, &person, json!({ "userId": user_id(&anna) }))
            .await
            .expect_problem(403, "permission_denied");
        lift(&app, &person, BAN).await.expect_problem(403, "permission_denied");
        let list = app.get(PATH).token(token(&person)).send().await;
        list.expect_problem(403, "permission_denied");
    }
    // These may be those of an admin, who would find out at the door.
    for what in [json!({ "address": "192.0.2.9" }), json!({ "deviceId": "tablet-1" })] {
        ban(&app, &manager, what).await.expect_problem(403, "cannot_manage");
    }
    let both = json!({ "userId": user_id(&anna), "address": "192.0.2.9" });
    ban(&app, &manager, both).await.expect_problem(403, "cannot_manage");
    assert_eq!(app.sql("SELECT ban_id FROM bans").await, [] as [Value; 0]);
    people::profile(&app, token(&anna)).await.expect(200);
    ban(&app, &manager, json!({ "userId": user_id(&anna) })).await.expect(200);
    ban_as(&app, &admin, NOBODY, json!({ "userId": user_id(&other) })).await.expect(200);
    people::profile(&app, token(&other)).await.expect(401);
    // A program has operations of its own.
    let program = machine(&app, token(&admin), &["booking.classes.manage"]).await;
    let answer =
        ban_as(&app, &admin, "01920000-0000-7000-8000-0000000000c1", json!({ "userId": program.account }));
    answer.await.expect_problem(403, "cannot_manage");
}

/// Where staff looked on in a member's place, that they did stands among the member's sessions.
#[actix_web::test]
async fn with_a_member_nobody_is_banned_who_looked_on_in_their_place() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let other = staff(&app, "mia", "admin").await;
    people::confirmed(&app, &address(&app, "troll")).await;
    let troll = sign_in_on(&app, "troll", "phone-1", "Phone").await.expect(200).body;
    let path = format!("/api/admin/users/{}/impersonate", user_id(&troll));
    let call = app.post(&path).header("user-agent", "Office").token(token(&other));
    call.json(&json!({ "reason": "asked by mail" })).send().await.expect(200);
    let kinds = ban(&app, &admin, json!({ "userId": user_id(&troll) })).await.expect(200).body;
    assert_eq!(kinds["fingerprints"], 3, "the account, its device, and its surroundings");
    people::confirmed(&app, &address(&app, "bob")).await;
    sign_in_on(&app, "bob", "desk-1", "Office").await.expect(200);
}

/// Nobody locks the door behind themselves.
#[actix_web::test]
async fn what_the_caller_comes_with_is_refused_where_it_is_named_and_left_out_of_a_members_traces() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    ban(&app, &admin, json!({ "address": "127.0.0.1" })).await.expect_problem(409, "own_surroundings");
    // From the same network, with the same program.
    let troll = people::signed_in(&app, &address(&app, "troll")).await;
    let answer = ban(&app, &admin, json!({ "userId": user_id(&troll) })).await.expect(200).body;
    assert_eq!(answer["fingerprints"], 1, "the account alone");
    people::sign_in(&app, &address(&app, "troll"), PASSWORD).await.expect_problem(403, "banned");
    staff_again(&app, "ada").await;
}

#[actix_web::test]
async fn the_device_of_the_callers_own_session_is_not_banned() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    people::confirmed(&app, &address(&app, "troll")).await;
    let troll = sign_in_on(&app, "troll", "tablet-1", "Tablet").await.expect(200).body;
    // They share it.
    let share = format!(
        "UPDATE sessions SET device_hash = (SELECT device_hash FROM sessions WHERE user_id = '{}') WHERE user_id = '{}'",
        user_id(&troll),
        user_id(&admin)
    );
    app.superuser().await.run(&share).await;
    ban(&app, &admin, json!({ "deviceId": "tablet-1" })).await.expect_problem(409, "own_surroundings");
    ban(&app, &admin, json!({ "userId": user_id(&troll) })).await.expect(200);
    assert_eq!(page(&app, &admin, "").await["items"][0]["kinds"], json!(["account", "surroundings"]));
}

/// Somebody who took a token from staff does not go far with it.
#[actix_web::test]
async fn banning_and_lifting_take_a_second_factor_shown_lately_and_looking_does_not() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    ban(&app, &admin, json!({ "address": "192.0.2.9" })).await.expect(200);
    app.advance(TimeDelta::minutes(11));
    for what in [json!({ "userId": user_id(&anna) }), json!({ "address": "192.0.2.8" })] {
        let refused = ban_as(&app, &admin, NOBODY, what).await.expect_problem(403, "step_up_required");
        assert!(refused.headers["www-authenticate"].to_str().unwrap().contains("acr_values=\"aal2\""));
    }
    lift(&app, &admin, BAN).await.expect_problem(403, "step_up_required");
    assert_eq!(page(&app, &admin, "").await["items"].as_array().unwrap().len(), 1);
    let admin = staff_again(&app, "ada").await;
    lift(&app, &admin, BAN).await.expect(204);
}

/// A ban, and a person, of another tenant are as if they were not there.
#[actix_web::test]
async fn bans_and_people_of_another_tenant_answer_as_nobody_does() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mona = people::signed_in(&app, &address(&app, "mona")).await;
    crate::bans::ban(&app, json!({ "address": "192.0.2.9" })).await.expect(200);
    assert_eq!(elan.get(&app, PATH, &elan.admin).await.expect(200).body["items"], json!([]));
    let lift = async |id: &str| elan.delete(&app, &format!("{PATH}/{id}"), &elan.admin).await;
    assert_eq!(anonymous(lift(BAN).await.expect(404)), anonymous(lift(NOBODY).await));
    lift("not-an-id").await.expect_problem(404, "not_found");
    let ban = async |whom: &str| {
        let body = json!({ "banId": NOBODY, "userId": whom, "reason": "spam in three salons" });
        elan.post(&app, PATH, &elan.admin, body).await
    };
    assert_eq!(anonymous(ban(user_id(&mona)).await.expect(404)), anonymous(ban(NOBODY).await));
    // The same id is another ban elsewhere.
    let body = json!({ "banId": BAN, "deviceId": "tablet-1", "reason": "spam in three salons" });
    elan.post(&app, PATH, &elan.admin, body).await.expect(200);
    assert_eq!(app.sql("SELECT DISTINCT tenant_id FROM bans").await.len(), 2);
    lift(BAN).await.expect(204);
    let left = app.sql("SELECT tenant_id FROM bans").await;
    assert_eq!(left, [json!({ "tenant_id": TenantId::DEFAULT })]);
}

#[actix_web::test]
async fn a_ban_by_staff_says_of_what_and_why() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    ban(&app, &admin, json!({})).await.expect_problem(422, "invalid_fields");
    ban(&app, &admin, json!({ "address": "all" })).await.expect_problem(422, "invalid_fields");
    ban(&app, &admin, json!({ "address": "192.0.2.9", "reason": "x" }))
        .await
        .expect_problem(422, "invalid_fields");
    ban(&app, &admin, json!({ "address": "192.0.2.9", "tenantId": NOBODY }))
        .await
        .expect_problem(422, "invalid_fields");
    ban(&app, &admin, json!({ "address": "192.0.2.9" })).await.expect(200);
    // A service lifts it as well.
    let path = format!("/internal/v1/bans/{BAN}");
    app.internal::<BanScope>("community", Method::DELETE, &path).send().await.expect(204);
    assert_eq!(page(&app, &admin, "").await["items"], json!([]));
}
