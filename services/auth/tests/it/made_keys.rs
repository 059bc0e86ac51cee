//! Keys go with whoever made them: nobody who was let go knows one that is good.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::DiscordScope;
use shinkofa_runtime::Service as _;
use shinkofa_testing::{Answer, TestApp};

use crate::factors;
use crate::machines::{self, Machine, create_key, exchange, introspect, machine};
use crate::people::{self, address, text};
use crate::staff::{staff, staff_again, token, user_id};
use crate::temporary;

const SCOPES: [&str; 1] = ["booking.classes.manage"];

/// A key that somebody made, and a token that it brought.
struct Made {
    machine: Machine,
    token: String,
}

async fn made_by(app: &TestApp<Auth>, maker: &Value) -> Made {
    let machine = machine(app, token(maker), &SCOPES).await;
    let token = exchange(app, &machine.key).await.expect(200).text("accessToken");
    Made { machine, token }
}

/// The key is revoked, its token dead everywhere, and the trail says why.
async fn assert_revoked(app: &TestApp<Auth>, made: &Made, reason: &str) {
    exchange(app, &made.machine.key).await.expect_problem(401, "key_refused");
    assert_eq!(introspect(app, &made.token).await["active"], false);
    let session = machines::claims(&made.token)["sid"].clone();
    let told = format!(
        "SELECT session_id FROM revocations WHERE session_id = '{}'",
        session.as_str().expect("a session")
    );
    assert_eq!(app.sql(&told).await.len(), 1, "the other services hear of it");
    let trail = format!(
        "SELECT details->>'reason' AS reason FROM audit_events
         WHERE action = 'api_key.revoked' AND details->>'keyId' = '{}'",
        made.machine.key_id
    );
    assert_eq!(app.sql(&trail).await, [json!({ "reason": reason })]);
}

async fn order(app: &TestApp<Auth>, by: &Value, method: Method, path: &str, body: Value) -> Answer {
    app.call(method, path).token(token(by)).json(&body).send().await
}

#[actix_web::test]
async fn the_keys_of_an_admin_who_is_demoted_removed_suspended_or_locked_are_revoked() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let adas = made_by(&app, &ada).await;
    let reason = json!({ "reason": "no longer with us" });
    for (who, why) in
        [("dan", "maker_demoted"), ("rob", "maker_left"), ("sue", "maker_locked"), ("lou", "maker_locked")]
    {
        let maker = staff(&app, who, "admin").await;
        let made = made_by(&app, &maker).await;
        // The account is ada's: it is who made the key that counts.
        let second = create_key(&app, token(&maker), &adas.machine.account).await.expect(201).body;
        let member = format!("/api/tenants/members/{}", user_id(&maker));
        let answer = match who {
            "dan" => order(&app, &ada, Method::PATCH, &member, json!({ "roles": ["manager"] })).await,
            "rob" => order(&app, &ada, Method::DELETE, &member, json!({})).await,
            "sue" => order(&app, &ada, Method::POST, &format!("{member}/suspend"), reason.clone()).await,
            _ => {
                let path = format!("/api/admin/users/{}/lock", user_id(&maker));
                order(&app, &ada, Method::POST, &path, reason.clone()).await
            }
        };
        assert!([200, 204].contains(&answer.status), "{who}: {answer:?}");
        assert_revoked(&app, &made, why).await;
        exchange(&app, text(&second, "apiKey")).await.expect_problem(401, "key_refused");
    }
    // Whoever comes back makes new ones.
    let sue = app.sql("SELECT user_id FROM memberships WHERE status = 'suspended'").await;
    for member in sue {
        let path = format!("/api/tenants/members/{}/reactivate", text(&member, "user_id"));
        order(&app, &ada, Method::POST, &path, json!({})).await.expect(204);
    }
    assert_eq!(app.sql("SELECT id FROM api_keys WHERE revoked_at IS NULL").await.len(), 1);
    exchange(&app, &adas.machine.key).await.expect(200);
    assert_eq!(introspect(&app, &adas.token).await["active"], true);
}

#[actix_web::test]
async fn the_keys_of_an_admin_who_leaves_or_whom_the_operator_suspends_are_revoked() {
    let app = TestApp::<Auth>::start().await;
    staff(&app, "ada", "admin").await;
    let lea = staff(&app, "lea", "admin").await;
    let made = made_by(&app, &lea).await;
    order(&app, &lea, Method::DELETE, "/api/tenants/members/me", json!({})).await.expect(204);
    assert_revoked(&app, &made, "maker_left").await;

    let opa = staff(&app, "opa", "admin").await;
    let made = made_by(&app, &opa).await;
    let suspend = ["--email", &address(&app, "opa"), "--reason", "chargebacks"].map(str::to_owned);
    app.service().command("suspend-account", &suspend).await.unwrap();
    assert_revoked(&app, &made, "maker_locked").await;

    let dem = staff(&app, "dem", "admin").await;
    let made = made_by(&app, &dem).await;
    factors::create_account(&app, &address(&app, "dem"), "member", None).await;
    assert_revoked(&app, &made, "maker_demoted").await;
}

/// Whether its day is over or a bot wants it gone before. That it made the key is written by hand: it shows no second factor.
#[actix_web::test]
async fn the_keys_of_a_temporary_account_are_revoked_when_it_is_purged() {
    let app = TestApp::<Auth>::start().await;
    staff(&app, "ada", "admin").await;
    let removed = temporary::create(&app, "000000000000000001").await.expect(201).body;
    let over = temporary::create(&app, "000000000000000002").await.expect(201).body;
    app.advance(TimeDelta::hours(24) - TimeDelta::minutes(6));
    let ada = staff_again(&app, "ada").await;
    let adas = made_by(&app, &ada).await;
    let mut theirs = Vec::new();
    for maker in [&removed, &over] {
        let made = made_by(&app, &ada).await;
        let (key, maker) = (&made.machine.key_id, text(maker, "userId"));
        let hand_over = format!("UPDATE api_keys SET created_by = '{maker}' WHERE id = '{key}'");
        app.superuser().await.run(&hand_over).await;
        theirs.push(made);
    }
    let live = async || app.sql("SELECT id FROM api_keys WHERE revoked_at IS NULL").await.len();

    let path = "/internal/v1/discord/accounts/000000000000000001";
    app.internal::<DiscordScope>("bot", Method::DELETE, path).send().await.expect(204);
    assert_revoked(&app, &theirs[0], "maker_left").await;
    assert_eq!(live().await, 2);
    app.advance(TimeDelta::minutes(6));
    app.run_jobs().await;
    assert_revoked(&app, &theirs[1], "maker_left").await;
    assert_eq!(live().await, 1);
    exchange(&app, &adas.machine.key).await.expect(200);
}

const KEYS: &str = "auth.service_accounts.manage";

/// Somebody who makes keys by a role of the studio's own, and fills its calendar.
async fn keeper(app: &TestApp<Auth>, admin: &Value) -> Value {
    let permissions = [KEYS, "booking.classes.manage", "booking.sessions.manage"];
    let role = json!({ "name": "keeper", "permissions": permissions });
    order(app, admin, Method::POST, "/api/tenants/roles", role).await.expect(201);
    let kim = factors::signed_in_as(app, &address(app, "kim"), "member").await.0;
    let member = format!("/api/tenants/members/{}", user_id(&kim));
    order(app, admin, Method::PATCH, &member, json!({ "roles": ["member", "keeper"] })).await.expect(200);
    people::refresh(app, text(&kim, "refreshToken")).await.expect(200).body
}

async fn keeper_may(app: &TestApp<Auth>, admin: &Value, permissions: &[&str]) {
    let body = json!({ "permissions": permissions });
    order(app, admin, Method::PUT, "/api/tenants/roles/keeper", body).await.expect(200);
}

/// By a role of the studio's own, and by what that role allows.
#[actix_web::test]
async fn the_keys_of_whoever_may_manage_service_accounts_no_longer_are_revoked() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let kim = keeper(&app, &ada).await;
    let made = made_by(&app, &kim).await;

    // Another permission less takes no key.
    keeper_may(&app, &ada, &[KEYS, "booking.classes.manage"]).await;
    exchange(&app, &made.machine.key).await.expect(200);
    assert_eq!(introspect(&app, &made.token).await["active"], true);
    keeper_may(&app, &ada, &["booking.classes.manage"]).await;
    assert_revoked(&app, &made, "maker_demoted").await;
}

/// Not what whoever made it lost since, and not what others gave its account.
#[actix_web::test]
async fn a_key_brings_no_more_than_its_maker_may_do_at_that_moment() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let kim = keeper(&app, &ada).await;
    let (classes, sessions) = ("booking.classes.manage", "booking.sessions.manage");
    let made = machine(&app, token(&kim), &[classes, sessions]).await;
    let brought = exchange(&app, &made.key).await.expect(200);
    assert_eq!(brought.body["scope"], format!("{classes} {sessions}"));

    keeper_may(&app, &ada, &[KEYS, sessions]).await;
    assert_eq!(introspect(&app, &brought.text("accessToken")).await["active"], false, "it says too much");
    let brought = exchange(&app, &made.key).await.expect(200);
    assert_eq!(brought.body["scope"], sessions);
    let asked = json!({ "grantType": "client_credentials", "apiKey": made.key, "scope": classes });
    app.post("/api/auth/token").json(&asked).send().await.expect_problem(422, "invalid_fields");

    // What others give the account their own keys bring.
    let path = format!("{}/{}", machines::PATH, made.account);
    let more = json!({ "scopes": [classes, sessions, "auth.audit.read"] });
    order(&app, &ada, Method::PATCH, &path, more).await.expect(200);
    assert_eq!(exchange(&app, &made.key).await.expect(200).body["scope"], sessions);
    let adas = create_key(&app, token(&ada), &made.account).await.expect(201).text("apiKey");
    let scope = exchange(&app, &adas).await.expect(200).text("scope");
    assert_eq!(scope, format!("{classes} {sessions} auth.audit.read"));

    keeper_may(&app, &ada, &[KEYS]).await;
    // However often it is shown: it is right, so it is no guess, and nobody waits once it is good again.
    for _ in 0..5 {
        exchange(&app, &made.key).await.expect_problem(401, "key_refused");
    }
    exchange(&app, &adas).await.expect(200);
    assert!(app.sql("SELECT failures FROM auth_failures").await.is_empty());
    keeper_may(&app, &ada, &[KEYS, classes]).await;
    assert_eq!(exchange(&app, &made.key).await.expect(200).body["scope"], classes);
    assert!(app.sql("SELECT id FROM api_keys WHERE revoked_at IS NOT NULL").await.is_empty());
}

/// Held up when the key is written and not committed, so that whoever removes its maker cannot see it yet.
#[actix_web::test]
async fn a_key_that_is_made_while_its_maker_is_removed_is_revoked_with_the_others() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let rob = staff(&app, "rob", "admin").await;
    let account = machines::create(&app, token(&rob), &SCOPES).await.expect(201).text("id");
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE api_keys IN SHARE MODE").await;
    let making = create_key(&app, token(&rob), &account);
    let removing = async {
        app.until_waiting(1).await;
        order(&app, &ada, Method::DELETE, &format!("/api/tenants/members/{}", user_id(&rob)), json!({})).await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (made, removed, ()) = futures_util::future::join3(making, removing, let_go).await;
    removed.expect(204);
    exchange(&app, &made.expect(201).text("apiKey")).await.expect_problem(401, "key_refused");
}
