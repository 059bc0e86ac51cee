//! What a key brings: a token that is short, says what it may do, and dies with the key.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use shinkofa_testing::{TestApp, assert_service_accounts_are_kept_out};

use crate::machines::{Machine, PATH, claims, create_key, exchange, introspect, machine, order, revoke};
use crate::people::{self, address, text};
use crate::staff::{staff, staff_again, token, user_id};

const ROUTES: &str = include_str!("../../src/routes.rs");
const SCOPES: [&str; 2] = ["auth.users.manage", "booking.classes.manage"];

async fn scene() -> (TestApp<Auth>, String, Machine) {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin).to_owned();
    let made = machine(&app, &by, &SCOPES).await;
    (app, by, made)
}

async fn is_good(app: &TestApp<Auth>, token: &str) -> bool {
    let status = app.get("/api/admin/users").token(token).send().await.status;
    let active = introspect(app, token).await["active"] == true;
    assert_eq!(status == 200, active, "{status}");
    active
}

#[actix_web::test]
async fn a_key_brings_a_token_for_a_quarter_of_an_hour_that_says_what_it_may_do() {
    let (app, _, made) = scene().await;
    let answer = exchange(&app, &made.key).await.expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.body.get("refreshToken").is_none());
    let scope = "booking.classes.manage auth.users.manage";
    assert_eq!(
        (&answer.body["tokenType"], &answer.body["expiresIn"], &answer.body["scope"]),
        (&json!("Bearer"), &json!(900), &json!(scope))
    );
    let token = answer.text("accessToken");
    let said = claims(&token);
    assert_eq!(
        (&said["acct"], &said["roles"], &said["amr"]),
        (&json!("service"), &json!([]), &json!(["api_key"]))
    );
    assert_eq!(
        (&said["acr"], &said["sub"], &said["scope"]),
        (&json!("aal1"), &json!(made.account), &json!(scope))
    );
    assert!(made.key.starts_with(&format!("{}_", text(&said, "client_id"))));
    assert!(is_good(&app, &token).await);
    let told = introspect(&app, &token).await;
    assert_eq!((&told["roles"], &told["scope"]), (&json!([]), &json!(scope)));

    // Less where less is enough, and never more.
    let ask = async |scope: &str| {
        let body = json!({ "grantType": "client_credentials", "apiKey": made.key, "scope": scope });
        app.post("/api/auth/token").json(&body).send().await
    };
    let less = ask("booking.classes.manage").await.expect(200).text("accessToken");
    app.get("/api/admin/users").token(&less).send().await.expect_problem(403, "permission_denied");
    for more in ["auth.audit.read", "booking.classes.manage auth.audit.read", "root", ""] {
        ask(more).await.expect_problem(422, "invalid_fields");
    }
    app.advance(TimeDelta::seconds(901));
    assert!(!is_good(&app, &token).await);
}

/// What it does is told with the key, and found by the account.
#[actix_web::test]
async fn what_a_program_does_is_audited_in_its_name() {
    let (app, _, made) = scene().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let token = exchange(&app, &made.key).await.expect(200).text("accessToken");
    let path = format!("/api/admin/users/{}/lock", user_id(&anna));
    app.post(&path).token(&token).json(&json!({ "reason": "a chargeback" })).send().await.expect(204);
    people::profile(&app, text(&anna, "accessToken")).await.expect(401);
    let entry = app.sql("SELECT actor FROM audit_events WHERE action = 'membership.locked'").await;
    let prefix = made.key.rsplit_once('_').unwrap().0;
    assert_eq!(entry[0]["actor"], json!({ "kind": "apiKey", "prefix": prefix, "userId": made.account }));
    let admin = staff_again(&app, "ada").await;
    let trail = format!("/api/admin/audit?userId={}", made.account);
    let trail = app.get(&trail).token(crate::staff::token(&admin)).send().await.expect(200).body;
    let found: Vec<_> = trail["items"].as_array().unwrap().iter().map(|item| text(item, "action")).collect();
    assert!(found.contains(&"membership.locked") && found.contains(&"api_key.created"), "{found:?}");
}

/// Its key is shown for every token: it does not stop acting on members ten minutes after the first one.
#[actix_web::test]
async fn a_program_acts_on_members_as_long_as_it_shows_its_key() {
    let (app, _, made) = scene().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    exchange(&app, &made.key).await.expect(200);
    for (minutes, what) in [(11, "lock"), (20, "unlock"), (29, "sign-out")] {
        app.advance(TimeDelta::minutes(minutes));
        let token = exchange(&app, &made.key).await.expect(200).text("accessToken");
        let path = format!("/api/admin/users/{}/{what}", user_id(&anna));
        app.post(&path).token(&token).json(&json!({ "reason": "a chargeback" })).send().await.expect(204);
    }
    assert_eq!(app.sql("SELECT id FROM sessions WHERE amr = 'api_key'").await.len(), 1, "one all the while");
}

/// A program is an admin's to disable and enable, who may do what it may: no route for members goes around that.
#[actix_web::test]
async fn a_program_is_locked_unlocked_and_signed_out_by_nobody() {
    let (app, by, made) = scene().await;
    let other = machine(&app, &by, &["auth.users.manage"]).await;
    let other = exchange(&app, &other.key).await.expect(200).text("accessToken");
    let manager = staff(&app, "max", "manager").await;
    order(&app, &by, &made.account, "disable").await.expect(204);
    let reason = json!({ "reason": "it misbehaves" });
    for who in [by.as_str(), token(&manager), other.as_str()] {
        for what in ["lock", "unlock", "sign-out"] {
            let path = format!("/api/admin/users/{}/{what}", made.account);
            app.post(&path).token(who).json(&reason).send().await.expect_problem(403, "cannot_manage");
        }
    }
    for who in [by.as_str(), token(&manager)] {
        for what in ["suspend", "reactivate"] {
            let path = format!("/api/tenants/members/{}/{what}", made.account);
            app.post(&path).token(who).json(&reason).send().await.expect_problem(403, "cannot_manage");
        }
    }
    exchange(&app, &made.key).await.expect_problem(403, "account_suspended");
}

#[actix_web::test]
async fn v23_a_program_does_what_its_scope_names_and_nothing_that_is_a_persons() {
    let (app, _, made) = scene().await;
    let token = exchange(&app, &made.key).await.expect(200).text("accessToken");
    let refused = assert_service_accounts_are_kept_out(&app, ROUTES, (&token, &["auth.users.manage"])).await;
    assert!(refused > 40, "{refused}");
    app.get("/api/admin/users").token(&token).send().await.expect(200);
    // A role that somebody gives its membership gives the program nothing.
    let give = format!(
        "INSERT INTO membership_roles SELECT tenant_id, user_id, 'admin' FROM memberships WHERE user_id = '{}'",
        made.account
    );
    app.superuser().await.run(&give).await;
    let token = exchange(&app, &made.key).await.expect(200).text("accessToken");
    assert_eq!(claims(&token)["roles"], json!([]));
    app.get("/api/admin/audit").token(&token).send().await.expect_problem(403, "permission_denied");
}

/// V28: what is taken back stops bringing tokens at once, and those that it brought die everywhere.
#[actix_web::test]
async fn v28_a_disabled_service_account_and_a_revoked_key_stop_minting_at_once_and_their_tokens_die() {
    let (app, by, made) = scene().await;
    let revocations = async || app.sql("SELECT session_id FROM revocations").await.len();
    let first = exchange(&app, &made.key).await.expect(200).text("accessToken");
    order(&app, &by, &made.account, "disable").await.expect(204);
    exchange(&app, &made.key).await.expect_problem(403, "account_suspended");
    assert!(!is_good(&app, &first).await);
    assert_eq!(revocations().await, 1, "the other services hear of it");
    create_key(&app, &by, &made.account).await.expect_problem(409, "service_account_disabled");
    order(&app, &by, &made.account, "enable").await.expect(204);

    let second = exchange(&app, &made.key).await.expect(200).text("accessToken");
    assert!(is_good(&app, &second).await && !is_good(&app, &first).await);
    let other = create_key(&app, &by, &made.account).await.expect(201).text("apiKey");
    let others = exchange(&app, &other).await.expect(200).text("accessToken");
    revoke(&app, &by, &made.account, &made.key_id).await.expect(204);
    exchange(&app, &made.key).await.expect_problem(401, "key_refused");
    assert!(!is_good(&app, &second).await);
    assert!(is_good(&app, &others).await, "the other key goes on");

    let path = format!("{PATH}/{}", made.account);
    app.call(Method::DELETE, &path).token(&by).send().await.expect(204);
    exchange(&app, &other).await.expect_problem(401, "key_refused");
    assert!(!is_good(&app, &others).await);
    assert_eq!(revocations().await, 3);
}

#[actix_web::test]
async fn v28_of_tokens_asked_for_while_the_account_is_disabled_none_outlives_it() {
    let (app, by, made) = scene().await;
    for _ in 0..5 {
        let asking = join_all((0..10).map(|_| exchange(&app, &made.key)));
        let disabling = order(&app, &by, &made.account, "disable");
        let (answers, disabled) = futures_util::future::join(asking, disabling).await;
        disabled.expect(204);
        for answer in answers {
            match answer.status {
                200 => {
                    assert!(!is_good(&app, &answer.text("accessToken")).await, "minted before, dead after")
                }
                _ => drop(answer.expect_problem(403, "account_suspended")),
            }
        }
        order(&app, &by, &made.account, "enable").await.expect(204);
    }
}

#[actix_web::test]
async fn other_scopes_end_the_tokens_that_have_the_old_ones() {
    let (app, by, made) = scene().await;
    let before = exchange(&app, &made.key).await.expect(200).text("accessToken");
    let path = format!("{PATH}/{}", made.account);
    let change = json!({ "scopes": ["booking.classes.manage"] });
    app.call(Method::PATCH, &path).token(&by).json(&change).send().await.expect(200);
    assert!(!is_good(&app, &before).await);
    let after = exchange(&app, &made.key).await.expect(200);
    assert_eq!(after.body["scope"], "booking.classes.manage");
    app.get("/api/admin/users")
        .token(&after.text("accessToken"))
        .send()
        .await
        .expect_problem(403, "permission_denied");
}

/// V17: no way in goes around what keeps people out.
#[actix_web::test]
async fn v17_failed_keys_make_the_next_one_wait_and_locked_and_banned_ones_get_no_token() {
    let (app, by, made) = scene().await;
    let wrong = create_key(&app, &by, &made.account).await.expect(201).body;
    // The key of this name is another one now.
    let another =
        format!("UPDATE api_keys SET digest = sha256('another key') WHERE id = '{}'", text(&wrong, "id"));
    app.superuser().await.run(&another).await;
    let wrong = text(&wrong, "apiKey");
    for seconds in [1, 1, 3, 3] {
        exchange(&app, wrong).await.expect_problem(401, "key_refused");
        let refused = exchange(&app, wrong).await.expect_problem(429, "too_many_attempts");
        assert_eq!(refused.headers["retry-after"], seconds.to_string().as_str());
        app.advance(TimeDelta::seconds(seconds));
    }
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted, [json!({ "failures": 4 })]);
    // One key's failures are not another's.
    exchange(&app, &made.key).await.expect(200);

    let lock = format!("UPDATE memberships SET status = 'suspended' WHERE user_id = '{}'", made.account);
    app.superuser().await.run(&lock).await;
    exchange(&app, &made.key).await.expect_problem(403, "not_a_member");
    order(&app, &by, &made.account, "enable").await.expect(204);
    exchange(&app, &made.key).await.expect(200);

    crate::bans::ban(&app, json!({ "address": "127.0.0.1" })).await.expect(200);
    exchange(&app, &made.key).await.expect_problem(403, "banned");
}

/// V09, V25: a key is no token, a token is no key, and neither is anything else that was given out.
#[actix_web::test]
async fn v09_v25_a_key_is_taken_where_keys_are_and_nothing_else_is() {
    let (app, _, made) = scene().await;
    let token = exchange(&app, &made.key).await.expect(200).text("accessToken");
    for path in ["/api/admin/users", "/api/user/profile", "/api/auth/sessions"] {
        app.get(path).token(&made.key).send().await.expect_problem(401, "unauthenticated");
    }
    let internal = app.internal_anonymous(Method::GET, "/internal/v1/revocations").token(&made.key);
    internal.send().await.expect_problem(401, "unauthenticated");
    assert_eq!(introspect(&app, &made.key).await["active"], false);
    people::refresh(&app, &made.key).await.expect_problem(401, "refresh_refused");
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    for other in [token.as_str(), text(&anna, "accessToken"), text(&anna, "refreshToken"), "shk_", "x"] {
        exchange(&app, other).await.expect_problem(401, "key_refused");
    }
    let grant = json!({ "grantType": "password", "apiKey": made.key });
    app.post("/api/auth/token").json(&grant).send().await.expect_problem(422, "invalid_fields");
    // In a header a key is no more than anything else.
    let body = json!({ "grantType": "client_credentials" });
    app.post("/api/auth/token")
        .token(&made.key)
        .json(&body)
        .send()
        .await
        .expect_problem(422, "invalid_fields");
}

#[actix_web::test]
async fn one_session_stands_behind_all_tokens_of_a_key_also_when_many_are_asked_for_at_once() {
    let (app, _, made) = scene().await;
    let answers = join_all((0..20).map(|_| exchange(&app, &made.key))).await;
    let tokens: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).text("accessToken")).collect();
    let behind = format!("SELECT id, absolute_expires_at FROM sessions WHERE user_id = '{}'", made.account);
    let sessions = app.sql(&behind).await;
    assert_eq!(sessions.len(), 1);
    assert!(tokens.iter().all(|token| claims(token)["sid"] == sessions[0]["id"]));
    // It is prolonged by showing the key, seldom, and is one still.
    for _ in 0..8 {
        app.advance(TimeDelta::minutes(10));
        let token = exchange(&app, &made.key).await.expect(200);
        assert_eq!(token.body["expiresIn"], 900);
        assert!(is_good(&app, &token.text("accessToken")).await);
    }
    assert_eq!(app.sql(&behind).await.len(), 1);
    let told = app.sql("SELECT action FROM audit_events WHERE action = 'session.prolonged'").await;
    assert_eq!(told.len(), 2, "every half an hour");
    // A while without the key, and the next one begins.
    app.advance(TimeDelta::hours(2));
    exchange(&app, &made.key).await.expect(200);
    assert_eq!(app.sql(&behind).await.len(), 2);
}

#[actix_web::test]
async fn a_token_ends_with_its_key_at_the_latest_and_the_last_use_is_told_to_the_minute() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let made = machine(&app, token(&admin), &SCOPES).await;
    let used = async || app.sql("SELECT last_used_at FROM api_keys").await.remove(0)["last_used_at"].clone();
    assert_eq!(used().await, json!(null));
    exchange(&app, &made.key).await.expect(200);
    let first = used().await;
    app.advance(TimeDelta::seconds(59));
    exchange(&app, &made.key).await.expect(200);
    assert_eq!(used().await, first);
    app.advance(TimeDelta::seconds(1));
    exchange(&app, &made.key).await.expect(200);
    assert_ne!(used().await, first);

    app.advance(TimeDelta::days(90) - TimeDelta::seconds(60 + 120));
    let last = exchange(&app, &made.key).await.expect(200);
    assert_eq!(last.body["expiresIn"], 120);
    app.advance(TimeDelta::seconds(120));
    assert!(!is_good(&app, &last.text("accessToken")).await);
    exchange(&app, &made.key).await.expect_problem(401, "key_refused");
    // It is forgotten long after.
    app.advance(TimeDelta::days(91));
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT id FROM api_keys").await.len(), 0);
}

#[actix_web::test]
async fn tokens_are_not_asked_for_without_end() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let admin = staff(&app, "ada", "admin").await;
    let made = machine(&app, token(&admin), &SCOPES).await;
    for _ in 0..30 {
        exchange(&app, &made.key).await.expect(200);
    }
    exchange(&app, &made.key).await.expect(429);
    for _ in 31..120 {
        exchange(&app, "no key at all").await.expect_problem(401, "key_refused");
    }
    let refused = exchange(&app, "no key at all").await.expect(429);
    assert!(refused.headers.contains_key("retry-after"));
}
