//! Accounts that a bot makes for a day.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join_all, join3};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::{DiscordScope, TrustScope};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::kinds;
use crate::people::{self, text};
use crate::staff::token;
use crate::studios::studio;
use crate::trail;

const STRANGERS: &str = "a sentence of a stranger's";

pub async fn create(app: &TestApp<Auth>, discord: &str) -> Answer {
    let call = app.internal::<DiscordScope>("bot", Method::POST, "/internal/v1/discord/accounts");
    call.json(&json!({ "discordId": discord, "username": "marin" })).send().await
}

/// No other test's: attempts are counted in a Redis that all share.
pub fn discord_id(app: &TestApp<Auth>) -> String {
    let digits: String = app.database.name.chars().rev().filter(char::is_ascii_digit).collect();
    format!("{digits}000000000000000000")[..18].to_owned()
}

async fn signed_in(app: &TestApp<Auth>, made: &Value) -> Value {
    people::sign_in(app, text(made, "email"), text(made, "password")).await.expect(200).body
}

/// Somebody with an account for a day, another one for each number, who has signed in.
pub async fn temporary(app: &TestApp<Auth>, number: usize) -> Value {
    let made = create(app, &format!("{number:018}")).await.expect(201).body;
    signed_in(app, &made).await
}

#[actix_web::test]
async fn an_account_is_made_once_and_its_password_is_told_once() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    assert_eq!(made["expiresAt"], "2026-12-02T09:00:00Z");
    assert!(text(&made, "password").len() >= 24, "144 bits");
    let again = create(&app, &id).await.expect(200).body;
    assert_eq!((&again["userId"], &again["password"]), (&made["userId"], &Value::Null));
    let body = signed_in(&app, &made).await;
    assert_eq!(body["user"]["roles"], json!(["member"]));
    let claims = people::profile(&app, token(&body)).await.expect(200).body;
    assert_eq!(claims["emailVerified"], false);
    let rows = app.sql("SELECT password_phc FROM users").await;
    assert!(!rows[0].to_string().contains(text(&made, "password")));
}

/// Whoever read what somebody types at sign-in gets no say over it: no mail could show whose it is.
#[actix_web::test]
async fn signing_up_with_what_is_typed_at_sign_in_changes_nothing() {
    let app = TestApp::<Auth>::start().await;
    let made = create(&app, &discord_id(&app)).await.expect(201).body;
    let refused = people::sign_up(&app, text(&made, "email"), STRANGERS).await;
    refused.expect_problem(422, "invalid_fields");

    // Nor where what is typed looks like anybody's address.
    let looks = people::address(&app, "marin");
    let rename = format!("UPDATE users SET email = '{looks}', email_canonical = '{looks}'");
    app.superuser().await.run(&rename).await;
    let theirs =
        async || app.sql("SELECT name, locale, password_phc FROM users WHERE kind = 'temporary'").await;
    let before = theirs().await;
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    people::sign_up(&app, &looks, STRANGERS).await.expect(202);
    let body = json!({ "email": looks, "password": STRANGERS, "name": "Marin" });
    let upgrade = app.post("/api/auth/anonymous/upgrade").token(token(&guest)).json(&body);
    upgrade.send().await.expect(202);
    app.post("/api/auth/email/resend").json(&json!({ "email": looks })).send().await.expect(202);
    app.run_jobs().await;
    assert_eq!(theirs().await, before);
    assert!(app.sql("SELECT id FROM signups").await.is_empty());
    let to_them = |event: &Value| event["personal"]["email"] == looks.as_str();
    assert!(!app.events().await.iter().any(to_them), "nobody is written to");
    signed_in(&app, &json!({ "email": looks, "password": made["password"] })).await;
}

#[actix_web::test]
async fn of_many_orders_at_once_one_makes_it() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let answers = join_all((0..12).map(|_| create(&app, &id))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.text("userId")).collect();
    assert_eq!(ids.len(), 1);
    let logins: BTreeSet<_> = answers.iter().map(|answer| answer.text("email")).collect();
    assert_eq!(logins.len(), 1);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1, "of the others nothing is left");
    signed_in(&app, &made[0].body).await;
}

/// Discord's ids are public: whoever could tell from one what is typed at sign-in could lock its owner out for the day.
#[actix_web::test]
async fn what_is_typed_at_sign_in_says_nothing_of_the_member_and_stays_the_same_for_the_day() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    assert!(!text(&made, "email").contains(&id), "{made}");
    let guessed = format!("discord-{id}@temporary.invalid");
    for _ in 0..3 {
        assert!(matches!(people::sign_in(&app, &guessed, "a guess").await.status, 401 | 429));
    }
    signed_in(&app, &made).await;
    assert_eq!(create(&app, &id).await.expect(200).body["email"], made["email"]);
    app.advance(TimeDelta::hours(24));
    let next = create(&app, &id).await.expect(201).body;
    assert_ne!(next["email"], made["email"]);
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);

    // One that was made when it was the id stays as it is.
    let rename = format!("UPDATE users SET email = '{guessed}', email_canonical = '{guessed}'");
    app.superuser().await.run(&rename).await;
    let again = create(&app, &id).await.expect(200).body;
    assert_eq!((&again["userId"], &again["email"]), (&next["userId"], &json!(guessed)));
    let old = json!({ "email": guessed, "password": next["password"] });
    signed_in(&app, &old).await;
}

#[actix_web::test]
async fn a_live_token_is_dead_when_the_account_ends() {
    let app = TestApp::<Auth>::start().await;
    let made = create(&app, &discord_id(&app)).await.expect(201).body;
    app.advance(TimeDelta::hours(24) - TimeDelta::minutes(5));
    let body = signed_in(&app, &made).await;
    assert_eq!(body["expiresIn"], 300, "no token outlives its account");
    app.advance(TimeDelta::minutes(5));
    people::profile(&app, token(&body)).await.expect(401);
    people::refresh(&app, text(&body, "refreshToken")).await.expect(401);
}

#[actix_web::test]
async fn what_is_over_is_purged_within_five_minutes_and_each_purge_is_written_down() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT id FROM users").await.len(), 1);
    app.advance(TimeDelta::hours(24));
    app.run_jobs().await;
    for table in ["users", "memberships", "discord_links", "sessions", "one_time_tokens"] {
        assert_eq!(app.sql(&format!("SELECT * FROM {table}")).await, Vec::<Value>::new(), "{table}");
    }
    let purged = trail::entry(trail::by_service("auth"), "user", text(&made, "userId"));
    assert_eq!(trail::told(&app, "account.temporary_purged").await, [purged]);
    let events = app.events().await;
    assert_eq!(events.last().unwrap()["type"], "user.erasure_requested", "the other services forget as well");
    assert!(events.iter().all(|event| event["personal"].is_null()));
    // Whatever a service was still writing down from before is found by the second telling.
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    let told = app.events().await.into_iter().filter(|event| event["type"] == "user.erasure_requested");
    let told: Vec<_> = told.map(|event| event["data"]["userId"].clone()).collect();
    assert_eq!(told, [made["userId"].clone(), made["userId"].clone()]);
    // The member may come back.
    let next = create(&app, &id).await.expect(201).body;
    assert_ne!(next["userId"], made["userId"]);
}

/// However many are over at once, each is written down in the tenant that it was made in.
#[actix_web::test]
async fn those_of_several_tenants_are_purged_in_one_run_and_nobody_beside_them() {
    let app = TestApp::<Auth>::start().await;
    let elsewhere: TenantId = studio(&app, "olga", "moss").await.id.parse().expect("an id");
    let order = async |tenant: TenantId, number: usize| {
        let path = "/internal/v1/discord/accounts";
        let call = app.internal_for::<DiscordScope>("bot", (Some(tenant), None), Method::POST, path);
        let body = json!({ "discordId": format!("{number:018}"), "username": "marin" });
        call.json(&body).send().await.expect(201).text("userId")
    };
    let mut over = Vec::new();
    for number in 1..=3 {
        over.push((order(TenantId::DEFAULT, number).await, TenantId::DEFAULT.to_string()));
        over.push((order(elsewhere, 10 + number).await, elsewhere.to_string()));
    }
    over.sort();
    app.advance(TimeDelta::hours(1));
    let mut neighbours = [order(TenantId::DEFAULT, 20).await, order(elsewhere, 21).await];
    neighbours.sort();
    app.advance(TimeDelta::hours(23));
    app.run_jobs().await;

    for told in [
        "SELECT subject_id AS who, tenant_id AS tenant FROM audit_events WHERE action = 'account.temporary_purged'",
        "SELECT aggregate_id AS who, for_tenant AS tenant FROM events WHERE type = 'user.erasure_requested'",
        "SELECT payload ->> 'user' AS who, for_tenant AS tenant FROM jobs WHERE name = 'repeat_erasure'",
    ] {
        let rows = app.sql(told).await;
        let mut rows: Vec<_> =
            rows.iter().map(|row| (text(row, "who").to_owned(), text(row, "tenant").to_owned())).collect();
        rows.sort();
        assert_eq!(rows, over, "{told}");
    }
    let revoked = "SELECT user_id, token_version FROM revocations WHERE user_id IS NOT NULL ORDER BY user_id";
    let mut revoked = app.sql(revoked).await;
    revoked.retain(|row| over.iter().any(|(user, _)| row["user_id"] == user.as_str()));
    let each: Vec<_> = over.iter().map(|(user, _)| json!({ "user_id": user, "token_version": 2 })).collect();
    assert_eq!(revoked, each);

    let left = "SELECT users.id, users.status, users.token_version, users.name FROM users
        JOIN discord_links ON discord_links.user_id = users.id JOIN memberships ON memberships.user_id = users.id
        WHERE users.kind = 'temporary' ORDER BY users.id";
    let untouched =
        neighbours.map(|id| json!({ "id": id, "status": "active", "token_version": 1, "name": "marin" }));
    assert_eq!(app.sql(left).await, untouched);
    assert_eq!(app.sql("SELECT id FROM users WHERE kind = 'temporary'").await.len(), 2);
}

#[actix_web::test]
async fn one_that_is_over_but_not_purged_yet_makes_room_for_the_next() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    app.advance(TimeDelta::hours(25));
    let next = create(&app, &id).await.expect(201).body;
    assert_ne!(next["userId"], made["userId"]);
    signed_in(&app, &next).await;
}

/// What else a ban names stays banned.
#[actix_web::test]
async fn a_ban_forgets_an_account_that_is_gone() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    let what = json!({ "userId": made["userId"], "address": "192.0.2.9" });
    assert_eq!(crate::bans::ban(&app, what).await.expect(200).body["fingerprints"], 2);
    let path = format!("/internal/v1/discord/accounts/{id}");
    app.internal::<DiscordScope>("bot", Method::DELETE, &path).send().await.expect(204);
    assert_eq!(app.sql("SELECT kind FROM bans").await, [json!({ "kind": "network" })]);
}

#[actix_web::test]
async fn it_can_be_removed_before_its_time_and_takes_its_own_scope() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    let body = signed_in(&app, &made).await;
    let path = format!("/internal/v1/discord/accounts/{id}");
    app.internal::<TrustScope>("bot", Method::DELETE, &path).send().await.expect(403);
    for _ in 0..2 {
        app.internal::<DiscordScope>("bot", Method::DELETE, &path).send().await.expect(204);
    }
    people::profile(&app, token(&body)).await.expect(401);
    let purged = trail::entry(trail::by_service("bot"), "user", text(&made, "userId"));
    assert_eq!(trail::told(&app, "account.temporary_purged").await, [purged], "in the name of who wanted it");
    for bad in ["123", "not a number at all"] {
        create(&app, bad).await.expect_problem(422, "invalid_fields");
    }
}

/// Held up when both have found it, so that each would tell of it.
#[actix_web::test]
async fn of_two_removals_at_once_one_is_written_down_and_told() {
    let app = TestApp::<Auth>::start().await;
    let id = discord_id(&app);
    let made = create(&app, &id).await.expect(201).body;
    let path = format!("/internal/v1/discord/accounts/{id}");
    let remove = || app.internal::<DiscordScope>("bot", Method::DELETE, &path).send();
    let mut holder = app.superuser().await;
    holder.run("BEGIN; SELECT id FROM users FOR UPDATE").await;
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (first, second, ()) = join3(remove(), remove(), let_go).await;
    first.expect(204);
    second.expect(204);
    let purged = trail::entry(trail::by_service("bot"), "user", text(&made, "userId"));
    assert_eq!(trail::told(&app, "account.temporary_purged").await, [purged]);
    let told = app.sql("SELECT id FROM events WHERE type = 'user.erasure_requested'").await;
    assert_eq!(told.len(), 1);
}

/// Nobody reads what is written to it, and it would stay what it is under an address that somebody reads.
#[actix_web::test]
async fn it_takes_no_other_address_and_no_letter_tells_of_its_erasure() {
    let app = TestApp::<Auth>::start().await;
    let made = create(&app, &discord_id(&app)).await.expect(201).body;
    let body = signed_in(&app, &made).await;
    let post = async |path: &str, sent: Value| app.post(path).token(token(&body)).json(&sent).send().await;
    post("/api/me/delete", json!({ "password": made["password"] })).await.expect(202);
    app.post("/api/me/delete/cancel").token(token(&body)).send().await.expect(204);
    assert_eq!(kinds(&app, text(&made, "email")).await, [""; 0]);

    let (path, real) = ("/api/auth/email/change", people::address(&app, "marin"));
    let shown = json!({ "newEmail": real, "currentPassword": made["password"] });
    post(path, shown).await.expect_problem(403, "email_not_verified");
    // Nor where no password is asked for.
    app.superuser().await.run("UPDATE users SET password_phc = NULL").await;
    post(path, json!({ "newEmail": real })).await.expect_problem(403, "email_not_verified");
    assert!(app.sql("SELECT id FROM email_changes").await.is_empty());
}
