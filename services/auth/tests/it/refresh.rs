//! Refresh tokens: each works once, tabs may race, and theft ends the session.

use std::collections::BTreeSet;

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

use crate::account_letters::{kinds, link, open};
use crate::factors;
use crate::people::{self, PASSWORD, address};
use crate::staff::{set_role, staff, token, user_id};

async fn refresh_on(app: &TestApp<Auth>, token: &str, device: &str) -> Answer {
    let body = json!({ "refreshToken": token, "deviceId": device });
    app.post("/api/auth/refresh").json(&body).send().await
}

async fn signed_in_on(app: &TestApp<Auth>, device: &str) -> Value {
    people::confirmed(app, &address(app, "anna")).await;
    let body = json!({ "email": address(app, "anna"), "password": PASSWORD, "deviceId": device });
    app.post("/api/auth/signin").json(&body).send().await.expect(200).body
}

/// Does `work`, which moves sessions on in so many transactions: none of them goes on before all wait for it, and so all have read
/// their session by then.
async fn at_once<T>(app: &TestApp<Auth>, transactions: usize, work: impl Future<Output = T>) -> T {
    let mut holder = app.superuser().await;
    holder.run("BEGIN; SELECT id FROM sessions FOR UPDATE").await;
    let let_go = async {
        app.until_waiting(transactions).await;
        holder.run("COMMIT").await;
    };
    join(work, let_go).await.0
}

/// A service in which so many requests have a connection at once, on whichever thread they are answered.
async fn roomy(requests: usize) -> TestApp<Auth> {
    let builder = TestApp::<Auth>::builder().env("SHINKOFA_DATABASE_CONNECTIONS", &requests.to_string());
    builder.start::<Auth>().await
}

/// V11: fifty tabs wake at once; one rotates, all get the same next token, nobody is signed out.
#[actix_web::test]
async fn v11_parallel_refreshes_rotate_once_and_all_get_the_same_generation() {
    const TABS: usize = 50;
    let app = roomy(TABS).await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "refreshToken");
    let answers = at_once(&app, TABS, join_all((0..TABS).map(|_| people::refresh(&app, token)))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    let next: BTreeSet<_> = answers.iter().map(|answer| answer.text("refreshToken")).collect();
    assert_eq!(next.len(), 1);
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 2);
    let count = "SELECT count(*) FILTER (WHERE action = 'session.rotated') AS rotated,
        count(*) FILTER (WHERE action = 'session.repeated') AS repeated FROM audit_events";
    assert_eq!(app.sql(count).await[0], json!({ "rotated": 1, "repeated": TABS - 1 }));
    people::refresh(&app, next.first().unwrap()).await.expect(200);
}

/// V11: two tabs that had both read the session before either of them moved it on.
#[actix_web::test]
async fn v11_of_two_refreshes_that_waited_together_one_rotates() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "refreshToken");
    let both = join(people::refresh(&app, token), people::refresh(&app, token));
    let (one, other) = at_once(&app, 2, both).await;
    let (one, other) = (one.expect(200), other.expect(200));
    assert_eq!(one.text("refreshToken"), other.text("refreshToken"));
    assert_eq!(app.sql("SELECT generation FROM sessions").await[0]["generation"], 2);
    let count = "SELECT count(*) FILTER (WHERE action = 'session.rotated') AS rotated,
        count(*) FILTER (WHERE action = 'session.repeated') AS repeated FROM audit_events";
    assert_eq!(app.sql(count).await[0], json!({ "rotated": 1, "repeated": 1 }));
}

/// V11: two tabs wake together a thousand times, on twenty devices: each race rotates once, both go on with one token. Every race is
/// one: both tabs have read the session before either moves it on.
#[actix_web::test]
async fn v11_of_a_thousand_races_of_two_tabs_each_rotates_once() {
    const DEVICES: usize = 20;
    const RACES: usize = 50;
    let app = roomy(2 * DEVICES).await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let mut tokens = Vec::new();
    for _ in 0..DEVICES {
        tokens.push(people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("refreshToken"));
    }
    for race in 1..=RACES {
        let tabs =
            tokens.iter().map(|token| join(people::refresh(&app, token), people::refresh(&app, token)));
        let mut next = Vec::new();
        for (one, other) in at_once(&app, 2 * DEVICES, join_all(tabs)).await {
            let (one, other) = (one.expect(200), other.expect(200));
            assert_eq!(one.text("refreshToken"), other.text("refreshToken"), "race {race}");
            next.push(one.text("refreshToken"));
        }
        assert!(next.iter().zip(&tokens).all(|(next, last)| next != last), "race {race} rotates");
        tokens = next;
    }
    let sessions =
        "SELECT count(*) AS sessions, min(generation) AS least, max(generation) AS most FROM sessions";
    let generation = 1 + RACES;
    assert_eq!(
        app.sql(sessions).await[0],
        json!({ "sessions": DEVICES, "least": generation, "most": generation })
    );
    let count = "SELECT count(*) FILTER (WHERE action = 'session.rotated') AS rotated,
        count(*) FILTER (WHERE action = 'session.repeated') AS repeated FROM audit_events";
    let races = DEVICES * RACES;
    assert_eq!(app.sql(count).await[0], json!({ "rotated": races, "repeated": races }));
}

#[actix_web::test]
async fn the_previous_token_gets_the_current_one_for_ten_seconds_on_its_device() {
    let app = TestApp::<Auth>::start().await;
    let first = signed_in_on(&app, "phone-7f3a").await;
    let first = people::text(&first, "refreshToken");
    let second = refresh_on(&app, first, "phone-7f3a").await.expect(200).text("refreshToken");
    app.advance(TimeDelta::seconds(9));
    let again = refresh_on(&app, first, "phone-7f3a").await.expect(200).text("refreshToken");
    assert_eq!(again, second);
    app.advance(TimeDelta::seconds(2));
    refresh_on(&app, first, "phone-7f3a").await.expect_problem(401, "refresh_refused");
    refresh_on(&app, &second, "phone-7f3a").await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn the_previous_token_from_another_device_ends_the_session_at_once() {
    let app = TestApp::<Auth>::start().await;
    let first = signed_in_on(&app, "phone-7f3a").await;
    let first = people::text(&first, "refreshToken");
    let second = refresh_on(&app, first, "phone-7f3a").await.expect(200);
    refresh_on(&app, first, "thief").await.expect_problem(401, "refresh_refused");
    refresh_on(&app, &second.text("refreshToken"), "phone-7f3a").await.expect(401);
    people::profile(&app, &second.text("accessToken")).await.expect(401);
    let revocations = app.sql("SELECT session_id FROM revocations").await;
    assert_eq!(revocations.len(), 1);
}

/// V12: what was rotated away stays so, whatever was restarted or restored in between: the fence is the generation in
/// PostgreSQL.
#[actix_web::test]
async fn v12_an_older_token_ends_the_session_for_whoever_holds_one() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let first = people::text(&body, "refreshToken");
    let second = people::refresh(&app, first).await.expect(200).text("refreshToken");
    let third = people::refresh(&app, &second).await.expect(200);
    people::refresh(&app, first).await.expect_problem(401, "refresh_refused");
    people::refresh(&app, &third.text("refreshToken")).await.expect_problem(401, "refresh_refused");
    people::profile(&app, &third.text("accessToken")).await.expect_problem(401, "unauthenticated");
    // Another device of the same person stays signed in.
    people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200);
}

/// A copy that somebody has is nothing that the owner would see: they are written to, once, however often it is used.
#[actix_web::test]
async fn a_token_that_is_used_a_second_time_is_told_to_its_owner_by_one_letter() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let first = signed_in_on(&app, "phone-7f3a").await;
    let first = people::text(&first, "refreshToken");
    let second = refresh_on(&app, first, "phone-7f3a").await.expect(200).text("refreshToken");
    refresh_on(&app, first, "phone-7f3a").await.expect(200);
    assert_eq!(kinds(&app, &anna).await, [""; 0], "tabs that race are no news");
    for answer in join_all((0..10).map(|_| refresh_on(&app, first, "thief"))).await {
        answer.expect_problem(401, "refresh_refused");
    }
    refresh_on(&app, first, "thief").await.expect_problem(401, "refresh_refused");
    refresh_on(&app, &second, "phone-7f3a").await.expect_problem(401, "refresh_refused");
    assert_eq!(kinds(&app, &anna).await, ["token_reused"]);

    let token = link(&app, &anna, "token_reused").await;
    open(&app, "/api/auth/signin/not-me", &token).await.expect(204);
    open(&app, "/api/auth/signin/not-me", &token).await.expect_problem(410, "link_gone");
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(401, "invalid_credentials");
    assert_eq!(kinds(&app, &anna).await, ["token_reused", "password_reset"]);
    let told = app.sql("SELECT details FROM audit_events WHERE action = 'account.not_me_reported'").await;
    assert_eq!(told[0]["details"]["action"], "session.ended");

    // Nobody is written to at an address that nobody has confirmed.
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201);
    let guest = guest.text("refreshToken");
    people::refresh(&app, &guest).await.expect(200);
    app.advance(TimeDelta::seconds(11));
    people::refresh(&app, &guest).await.expect_problem(401, "refresh_refused");
    let letters = people::event_types(&app).await;
    assert_eq!(letters.iter().filter(|kind| *kind == "account_letter.requested").count(), 2);
}

/// Whoever had a copy may have made themselves a way to come back in that session, and in no other.
#[actix_web::test]
async fn with_a_session_that_was_copied_go_the_factors_that_were_added_since_it_was_opened() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    let thief = signed_in_on(&app, "phone-7f3a").await;
    app.advance(TimeDelta::seconds(1));
    factors::enrolled(&app, people::text(&thief, "accessToken")).await;
    let copied = people::text(&thief, "refreshToken");
    refresh_on(&app, copied, "phone-7f3a").await.expect(200);
    refresh_on(&app, copied, "another").await.expect_problem(401, "refresh_refused");
    app.advance(TimeDelta::hours(1));
    let token = link(&app, &anna, "token_reused").await;
    open(&app, "/api/auth/signin/not-me", &token).await.expect(204);
    for table in ["user_factors", "recovery_codes"] {
        assert!(app.sql(&format!("SELECT user_id FROM {table}")).await.is_empty(), "{table}");
    }

    let with = factors::person_with_app(&app, &bob).await;
    let body = factors::sign_in_with(&app, &bob, &with).await;
    let copied = people::text(&body, "refreshToken");
    people::refresh(&app, copied).await.expect(200);
    app.advance(TimeDelta::seconds(11));
    people::refresh(&app, copied).await.expect_problem(401, "refresh_refused");
    let token = link(&app, &bob, "token_reused").await;
    open(&app, "/api/auth/signin/not-me", &token).await.expect(204);
    let kept = app.sql("SELECT kind FROM user_factors").await;
    assert_eq!(kept, [json!({ "kind": "totp" })], "an older one stays");
}

#[actix_web::test]
async fn a_forged_token_ends_nothing() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let token = people::text(&body, "refreshToken");
    let mut forged: Vec<char> = token.chars().collect();
    // The last digits belong to the authentication code, the ones before to the generation.
    for place in [25, 40, forged.len() - 2] {
        let kept = forged[place];
        forged[place] = if kept == 'A' { 'B' } else { 'A' };
        people::refresh(&app, &forged.iter().collect::<String>())
            .await
            .expect_problem(401, "refresh_refused");
        forged[place] = kept;
    }
    for hostile in ["", "A", "not base64 at all", &"A".repeat(71), &"A".repeat(5_000)] {
        people::refresh(&app, hostile).await.expect_problem(401, "refresh_refused");
    }
    people::refresh(&app, token).await.expect(200);
}

#[actix_web::test]
async fn a_session_ends_when_it_is_idle_for_a_week_and_in_any_case_after_a_month() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let idle = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).text("refreshToken");
    let mut token = people::text(&body, "refreshToken").to_owned();
    for _ in 0..4 {
        app.advance(TimeDelta::days(6));
        token = people::refresh(&app, &token).await.expect(200).text("refreshToken");
    }
    people::refresh(&app, &idle).await.expect_problem(401, "refresh_refused");
    app.advance(TimeDelta::days(6));
    people::refresh(&app, &token).await.expect_problem(401, "refresh_refused");
}

/// A member with an app, signed in by both steps, whom an admin made one as well.
async fn promoted(app: &TestApp<Auth>, who: &str) -> (Value, factors::App) {
    let ada = staff(app, "ada", "admin").await;
    let (body, with) = factors::signed_in_as(app, &address(app, who), "member").await;
    let member = format!("/api/tenants/members/{}", user_id(&body));
    let roles = json!({ "roles": ["member", "admin"] });
    app.call(Method::PATCH, &member).token(token(&ada)).json(&roles).send().await.expect(200);
    (body, with)
}

/// Refreshes every 29 minutes, `times` over: no admin is idle for longer than 30.
async fn kept_alive(app: &TestApp<Auth>, body: &Value, times: usize) -> Answer {
    let mut refresh = people::text(body, "refreshToken").to_owned();
    for _ in 1..times {
        app.advance(TimeDelta::minutes(29));
        refresh = people::refresh(app, &refresh).await.expect(200).text("refreshToken");
    }
    app.advance(TimeDelta::minutes(29));
    people::refresh(app, &refresh).await.expect(200)
}

/// What somebody is decides how long their session is, not what they were when they signed in.
#[actix_web::test]
async fn a_member_who_becomes_an_admin_is_asked_again_after_twelve_hours_and_another_is_not() {
    let app = TestApp::<Auth>::start().await;
    let bob = people::signed_in(&app, &address(&app, "bob")).await;
    let (anna, _) = promoted(&app, "anna").await;
    // Twelve hours less 24 minutes, and ten more.
    let last = kept_alive(&app, &anna, 24).await;
    assert_eq!(last.body["expiresIn"], 900);
    app.advance(TimeDelta::minutes(14));
    let last = people::refresh(&app, &last.text("refreshToken")).await.expect(200);
    assert_eq!(last.body["expiresIn"], 600, "no token outlives the session");
    app.advance(TimeDelta::minutes(10));
    let refused = people::refresh(&app, &last.text("refreshToken")).await;
    refused.expect_problem(401, "refresh_refused");
    people::profile(&app, &last.text("accessToken")).await.expect(401);
    people::refresh(&app, people::text(&bob, "refreshToken")).await.expect(200);
}

#[actix_web::test]
async fn a_member_who_becomes_an_admin_is_asked_again_after_half_an_hour_without_a_refresh() {
    let app = TestApp::<Auth>::start().await;
    let (anna, _) = promoted(&app, "anna").await;
    app.advance(TimeDelta::minutes(30));
    let refused = people::refresh(&app, people::text(&anna, "refreshToken")).await;
    refused.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn showing_again_who_one_is_makes_no_session_of_a_new_admin_longer() {
    let app = TestApp::<Auth>::start().await;
    let (anna, with) = promoted(&app, "anna").await;
    app.advance(TimeDelta::minutes(14));
    let code = json!({ "code": with.shown(&app) });
    let again = factors::reauthenticate(&app, token(&anna), code).await.expect(200).body;
    // 14 minutes, and eleven hours and 36.
    let last = kept_alive(&app, &again, 24).await;
    assert_eq!(last.body["expiresIn"], 600);
    app.advance(TimeDelta::minutes(10));
    let refused = people::refresh(&app, &last.text("refreshToken")).await;
    refused.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn whoever_is_an_admin_no_longer_keeps_a_session_for_no_longer_than_they_had_it() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    set_role(&app, &address(&app, "ada"), "member").await;
    app.advance(TimeDelta::minutes(29));
    let next = people::refresh(&app, people::text(&ada, "refreshToken")).await.expect(200);
    app.advance(TimeDelta::hours(11));
    let next = people::refresh(&app, &next.text("refreshToken")).await.expect(200);
    app.advance(TimeDelta::minutes(31));
    people::refresh(&app, &next.text("refreshToken")).await.expect_problem(401, "refresh_refused");
}

#[actix_web::test]
async fn nothing_that_could_be_replayed_is_stored() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let (access, refresh) = (people::text(&body, "accessToken"), people::text(&body, "refreshToken"));
    let mailed = people::mailed_token(&app, &address(&app, "anna")).await;
    for table in [
        "sessions",
        "session_places",
        "one_time_tokens",
        "users",
        "events",
        "jobs",
        "audit_events",
        "signups",
    ] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        for secret in [access, refresh, &mailed, PASSWORD] {
            assert!(!rows.contains(secret), "{table} holds a secret");
        }
    }
}
