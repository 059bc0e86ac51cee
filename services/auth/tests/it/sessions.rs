//! Where somebody is signed in, and how they sign out there.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{kinds, link, open};
use crate::people::{self, PASSWORD, address};

pub async fn sessions(app: &TestApp<Auth>, access: &str) -> Vec<Value> {
    let answer = app.get("/api/auth/sessions").token(access).send().await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.body["items"].as_array().expect("items").clone()
}

pub async fn sign_in_with(app: &TestApp<Auth>, email: &str, user_agent: &str, device: Option<&str>) -> Value {
    let body = json!({ "email": email, "password": PASSWORD, "deviceId": device });
    let call = app.post("/api/auth/signin").header("user-agent", user_agent);
    call.json(&body).send().await.expect(200).body
}

pub async fn rename(app: &TestApp<Auth>, access: &str, id: &str, name: Value) -> Answer {
    let call = app.call(Method::PATCH, &format!("/api/auth/sessions/{id}")).token(access);
    call.json(&json!({ "deviceName": name })).send().await
}

pub async fn end(app: &TestApp<Auth>, access: &str, id: &str) -> Answer {
    app.call(Method::DELETE, &format!("/api/auth/sessions/{id}")).token(access).send().await
}

#[actix_web::test]
async fn somebody_sees_where_they_are_signed_in_and_names_their_devices() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    people::signed_in(&app, &address(&app, "bob")).await;
    let phone = sign_in_with(&app, &anna, "Phone/1.0", Some("phone-1")).await;
    app.advance(TimeDelta::minutes(1));
    let laptop = sign_in_with(&app, &anna, "Laptop/2.0", Some("laptop-1")).await;
    let access = people::text(&laptop, "accessToken");
    let seen = sessions(&app, access).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0],
        json!({
            "id": seen[0]["id"], "deviceName": null, "userAgent": "Laptop/2.0", "ipPrefix": "127.0.0.0/24",
            "openedAt": "2026-12-01T09:01:00Z", "lastUsedAt": "2026-12-01T09:01:00Z",
            "expiresAt": "2026-12-08T09:01:00Z", "current": true, "methods": ["pwd"],
        })
    );
    assert_eq!((&seen[1]["userAgent"], &seen[1]["current"]), (&json!("Phone/1.0"), &json!(false)));

    let id = people::text(&seen[1], "id");
    let named = rename(&app, access, id, json!(" My phone ")).await.expect(200).body;
    assert_eq!((&named["deviceName"], &named["id"]), (&json!("My phone"), &json!(id)));
    app.advance(TimeDelta::minutes(9));
    people::refresh(&app, people::text(&phone, "refreshToken")).await.expect(200);
    let seen = sessions(&app, access).await;
    assert_eq!(seen[1]["deviceName"], "My phone", "the name stays when the session is used");
    assert_eq!(seen[1]["lastUsedAt"], "2026-12-01T09:10:00Z");
    assert_eq!(rename(&app, access, id, Value::Null).await.expect(200).body["deviceName"], Value::Null);
    for unfit in [json!(""), json!("a\nb"), json!("x".repeat(61)), json!(7)] {
        let answer = rename(&app, access, id, unfit).await.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], "/deviceName");
    }
    let named = app.sql("SELECT id FROM audit_events WHERE action = 'session.named'").await;
    assert_eq!(named.len(), 2, "what changed nothing is not told");
}

#[actix_web::test]
async fn the_list_has_pages_and_holds_only_what_lives() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    for _ in 0..4 {
        people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    }
    let access = people::text(&body, "accessToken");
    let all = sessions(&app, access).await;
    assert_eq!(all.len(), 5);
    let mut paged: Vec<Value> = Vec::new();
    let mut path = "/api/auth/sessions?limit=2".to_owned();
    loop {
        let page = app.get(&path).token(access).send().await.expect(200).body;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/api/auth/sessions?limit=2&cursor={next}");
    }
    assert_eq!(paged, all);
    app.advance(TimeDelta::days(6));
    let body = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    app.advance(TimeDelta::days(1));
    let body = people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200).body;
    assert_eq!(sessions(&app, people::text(&body, "accessToken")).await.len(), 1);
    let access = people::text(&body, "accessToken");
    for query in ["limit=0", "limit=201", "cursor=nonsense", "who=bob"] {
        app.get(&format!("/api/auth/sessions?{query}"))
            .token(access)
            .send()
            .await
            .expect_problem(422, "invalid_fields");
    }
}

#[actix_web::test]
async fn one_session_is_ended_from_another_and_is_gone_at_once() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let other = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    let access = people::text(&body, "accessToken");
    let seen = sessions(&app, access).await;
    let id = people::text(seen.iter().find(|session| session["current"] == false).unwrap(), "id");
    end(&app, access, id).await.expect(204);
    people::profile(&app, people::text(&other, "accessToken")).await.expect(401);
    people::refresh(&app, people::text(&other, "refreshToken")).await.expect(401);
    assert_eq!(sessions(&app, access).await.len(), 1);
    let revoked = app.sql("SELECT session_id FROM revocations").await;
    assert_eq!(revoked, [json!({ "session_id": id })]);
    end(&app, access, id).await.expect_problem(404, "not_found");
    rename(&app, access, id, json!("ghost")).await.expect_problem(404, "not_found");
    // The one that asks may end itself.
    let own = people::text(&sessions(&app, access).await[0], "id").to_owned();
    end(&app, access, &own).await.expect(204);
    people::profile(&app, access).await.expect(401);
}

/// A refresh from the same place leaves it as it is; whatever else moves a session writes where it was moved from.
#[actix_web::test]
async fn a_session_is_listed_where_it_was_used_last() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut tokens = sign_in_with(&app, &anna, "Phone/1.0", Some("phone-1")).await;
    for user_agent in ["Phone/1.0", "Phone/1.1", "Phone/1.1", "Phone/1.0"] {
        let body = json!({ "refreshToken": tokens["refreshToken"], "deviceId": "phone-1" });
        let call = app.post("/api/auth/refresh").header("user-agent", user_agent).json(&body);
        tokens = call.send().await.expect(200).body;
        let seen = sessions(&app, people::text(&tokens, "accessToken")).await;
        assert_eq!(seen[0]["userAgent"], user_agent);
    }
    let again = app.post("/api/auth/reauthenticate").header("user-agent", "Phone/2.0");
    let again = again.token(people::text(&tokens, "accessToken")).json(&json!({ "password": PASSWORD }));
    tokens = again.send().await.expect(200).body;
    for _ in 0..2 {
        let seen = sessions(&app, people::text(&tokens, "accessToken")).await;
        assert_eq!(seen[0]["userAgent"], "Phone/2.0");
        let body = json!({ "refreshToken": tokens["refreshToken"], "deviceId": "phone-1" });
        let call = app.post("/api/auth/refresh").header("user-agent", "Phone/2.0").json(&body);
        tokens = call.send().await.expect(200).body;
    }
}

/// Whoever found a session open does not sign its owner out elsewhere with it.
#[actix_web::test]
async fn other_sessions_are_ended_by_somebody_who_showed_lately_who_they_are() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let other = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
    app.advance(TimeDelta::minutes(11));
    let access = people::text(&body, "accessToken");
    let seen = sessions(&app, access).await;
    let id = |current: bool| people::text(seen.iter().find(|s| s["current"] == current).unwrap(), "id");
    end(&app, access, id(false)).await.expect_problem(403, "step_up_required");
    for path in ["/api/auth/sessions", "/api/auth/sessions?except=current"] {
        let call = app.call(Method::DELETE, path).token(access);
        call.send().await.expect_problem(403, "step_up_required");
    }
    people::refresh(&app, people::text(&other, "refreshToken")).await.expect(200);
    let again = app.post("/api/auth/reauthenticate").token(access).json(&json!({ "password": PASSWORD }));
    let access = again.send().await.expect(200).text("accessToken");
    end(&app, &access, id(false)).await.expect(204);
    // The session that asks ends itself whenever it likes.
    app.advance(TimeDelta::minutes(11));
    end(&app, &access, id(true)).await.expect(204);
}

/// V24: somebody else's session answers as one that does not exist, in every way of asking.
#[actix_web::test]
async fn v24_another_persons_session_is_not_there() {
    let app = TestApp::<Auth>::start().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let (annas, bobs) = (people::text(&anna, "accessToken"), people::text(&bob, "accessToken"));
    let bobs_id = people::text(&sessions(&app, bobs).await[0], "id").to_owned();
    let nobodys = "01920000-0000-7000-8000-00000000ffff";
    for (theirs, missing) in [
        (end(&app, annas, &bobs_id).await, end(&app, annas, nobodys).await),
        (
            rename(&app, annas, &bobs_id, json!("mine")).await,
            rename(&app, annas, nobodys, json!("mine")).await,
        ),
        (end(&app, annas, &bobs_id.to_uppercase()).await, end(&app, annas, "nonsense").await),
    ] {
        let (mut theirs, missing) = (theirs.expect_problem(404, "not_found"), missing.expect(404));
        theirs.body["requestId"] = missing.body["requestId"].clone();
        assert_eq!(theirs.body, missing.body);
    }
    app.call(Method::DELETE, "/api/auth/sessions").token(annas).send().await.expect(204);
    people::profile(&app, bobs).await.expect(200);
    let seen = sessions(&app, bobs).await;
    assert_eq!((seen.len(), &seen[0]["deviceName"]), (1, &Value::Null));
}

#[actix_web::test]
async fn signing_out_elsewhere_spares_one_session_and_an_unknown_wish_none_and_all() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    for query in ["except=others", "except=", "keep=current", "except=current&except=current"] {
        let path = format!("/api/auth/sessions?{query}");
        app.call(Method::DELETE, &path).token(access).send().await.expect_problem(422, "invalid_fields");
    }
    let elsewhere = app.call(Method::DELETE, "/api/auth/sessions?except=current");
    elsewhere.token(access).send().await.expect(204);
    assert_eq!(sessions(&app, access).await.len(), 1);
    let told = app.sql("SELECT id FROM audit_events WHERE action = 'account.sessions_ended'").await;
    assert_eq!(told.len(), 0, "nothing was ended, so nothing is told");
}

#[actix_web::test]
async fn a_sign_in_on_a_new_device_is_told_and_can_be_disowned() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, &anna, "Phone/1.0", Some("phone-1")).await;
    assert_eq!(kinds(&app, &anna).await, [""; 0], "the first device of all is no news");
    sign_in_with(&app, &anna, "Phone/2.0", Some("phone-1")).await;
    sign_in_with(&app, &anna, "Phone/1.0", None).await;
    assert_eq!(kinds(&app, &anna).await, [""; 0], "a known device or program is no news");
    let thief = sign_in_with(&app, &anna, "Thief/1.0", Some("thief-1")).await;
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in"]);

    let token = link(&app, &anna, "new_sign_in").await;
    open(&app, "/api/auth/signin/not-me", &token).await.expect(204);
    open(&app, "/api/auth/signin/not-me", &token).await.expect_problem(410, "link_gone");
    people::profile(&app, people::text(&thief, "accessToken")).await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(401);
    assert_eq!(kinds(&app, &anna).await, ["new_sign_in", "password_reset"]);
}

/// A stranger who adds a factor of their own would else be asked for it for ever, instead of the owner.
#[actix_web::test]
async fn with_a_disowned_sign_in_go_the_factors_that_were_added_since() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    sign_in_with(&app, &anna, "Phone/1.0", Some("phone-1")).await;
    app.advance(TimeDelta::seconds(1));
    let thief = sign_in_with(&app, &anna, "Thief/1.0", Some("thief-1")).await;
    crate::factors::enrolled(&app, people::text(&thief, "accessToken")).await;
    open(&app, "/api/auth/signin/not-me", &link(&app, &anna, "new_sign_in").await).await.expect(204);
    for table in ["user_factors", "recovery_codes"] {
        assert!(app.sql(&format!("SELECT user_id FROM {table}")).await.is_empty(), "{table}");
    }
    app.advance(TimeDelta::seconds(31));
    let path = "/api/auth/password/reset";
    let token = link(&app, &anna, "password_reset").await;
    let body = json!({ "token": token, "newPassword": "another long sentence of hers" });
    app.post(path).json(&body).send().await.expect(204);
    let back = people::sign_in(&app, &anna, "another long sentence of hers").await.expect(200).body;
    assert!(back["accessToken"].is_string(), "{back}");
}

/// So many rows like the one session that there is, after it.
async fn crowd(app: &TestApp<Auth>, sessions: u32) {
    let copies = format!(
        "INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object(
            'id', 'ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0')))).*
         FROM sessions s, generate_series(1, {sessions}) n"
    );
    app.superuser().await.run(&copies).await;
}

#[actix_web::test]
async fn one_session_too_many_ends_the_oldest_and_none_before() {
    for (others, ends) in [(98, false), (99, true)] {
        let app = TestApp::<Auth>::start().await;
        let anna = address(&app, "anna");
        let oldest = people::signed_in(&app, &anna).await;
        crowd(&app, others).await;
        let newest = people::sign_in(&app, &anna, PASSWORD).await.expect(200).body;
        people::profile(&app, people::text(&newest, "accessToken")).await.expect(200);
        let live = app.sql("SELECT id FROM sessions WHERE ended_at IS NULL").await;
        assert_eq!(live.len(), 100);
        let (status, told) = if ends { (401, 1) } else { (200, 0) };
        people::profile(&app, people::text(&oldest, "accessToken")).await.expect(status);
        people::refresh(&app, people::text(&oldest, "refreshToken")).await.expect(status);
        assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), told);
        let trail = "SELECT details->>'reason' AS reason FROM audit_events WHERE action = 'session.ended'";
        assert_eq!(app.sql(trail).await, vec![json!({ "reason": "too_many" }); told]);
    }
}

/// A person's sessions elsewhere, and those that are over, take no place.
#[actix_web::test]
async fn only_live_sessions_of_one_studio_are_counted() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let oldest = people::signed_in(&app, &anna).await;
    crowd(&app, 150).await;
    let away = "UPDATE sessions SET for_tenant = '01920000-0000-7000-8000-0000000000aa' WHERE id > 'ffffffff-0000-7000-8000-000000000032';
        UPDATE sessions SET ended_at = now() WHERE id BETWEEN 'ffffffff-0000-7000-8000-000000000000' AND 'ffffffff-0000-7000-8000-000000000019'";
    app.superuser().await.run(away).await;
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    people::profile(&app, people::text(&oldest, "accessToken")).await.expect(200);
    assert_eq!(app.sql("SELECT session_id FROM revocations").await.len(), 0);
}
