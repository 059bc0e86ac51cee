//! Passwords that are forgotten, and passwords that are changed.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shinkofa_testing::{Answer, Superuser, TestApp};

use crate::account_letters::{kinds, link, links, post};
use crate::people::{self, PASSWORD, address};

pub const NEW_PASSWORD: &str = "another sentence, only mine";

pub async fn forgot(app: &TestApp<Auth>, email: &str) -> Answer {
    let answer = app.post("/api/auth/password/forgot").json(&json!({ "email": email })).send().await;
    app.run_jobs().await;
    answer
}

pub async fn reset(app: &TestApp<Auth>, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "newPassword": password });
    app.post("/api/auth/password/reset").json(&body).send().await
}

pub async fn change(app: &TestApp<Auth>, access: &str, current: &str, new: &str) -> Answer {
    post(app, "/api/auth/password/change", access, json!({ "currentPassword": current, "newPassword": new }))
        .await
}

#[actix_web::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_signs_nobody_in() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let asked = forgot(&app, &anna.to_uppercase()).await.expect(202);
    assert_eq!(asked.body, json!({ "status": "reset_sent" }));
    let token = link(&app, &anna, "password_reset").await;
    let done = reset(&app, &token, NEW_PASSWORD).await.expect(204);
    assert_eq!(done.body, Value::Null);
    assert_eq!(app.sql("SELECT id FROM sessions").await.len(), 0);
    people::sign_in(&app, &anna, PASSWORD).await.expect_problem(401, "invalid_credentials");
    app.advance(TimeDelta::seconds(1));
    people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200);
    assert_eq!(kinds(&app, &anna).await, ["password_reset", "password_changed"]);
    reset(&app, &token, PASSWORD).await.expect_problem(410, "link_gone");
}

/// V1: nothing is done for one address before the answer that is not done for the other.
#[actix_web::test]
async fn v01_asking_for_a_link_is_answered_alike_for_every_address() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    people::sign_up(&app, &address(&app, "unconfirmed"), PASSWORD).await.expect(202);
    let counts = ["jobs", "events", "one_time_tokens", "audit_events"]
        .map(|table| format!("(SELECT count(*) FROM {table}) AS {table}"))
        .join(", ");
    let mut seen = Vec::new();
    for who in ["anna", "unconfirmed", "nobody"] {
        let before = app.sql(&format!("SELECT {counts}")).await.remove(0);
        let body = json!({ "email": address(&app, who) });
        let answer = app.post("/api/auth/password/forgot").json(&body).send().await.expect(202);
        let after = app.sql(&format!("SELECT {counts}")).await.remove(0);
        let grown: Vec<i64> = ["jobs", "events", "one_time_tokens", "audit_events"]
            .iter()
            .map(|table| after[*table].as_i64().unwrap() - before[*table].as_i64().unwrap())
            .collect();
        seen.push((answer.body, grown));
        app.run_jobs().await;
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!(kinds(&app, &address(&app, "unconfirmed")).await, ["password_reset"]);
    assert_eq!(people::mailed_tokens(&app, &address(&app, "unconfirmed")).await.len(), 1);
}

/// V2: no step can be taken without the letter of the step before.
#[actix_web::test]
async fn v02_no_password_is_set_without_the_mailed_token() {
    let app = TestApp::<Auth>::start().await;
    let (anna, bob) = (address(&app, "anna"), address(&app, "bob"));
    let body = people::signed_in(&app, &anna).await;
    people::confirmed(&app, &bob).await;
    // Out of order: nobody asked for a link yet.
    reset(&app, "made up", NEW_PASSWORD).await.expect_problem(410, "link_gone");
    forgot(&app, &anna).await.expect(202);
    let digest = app
        .sql("SELECT encode(token_hash, 'hex') AS h FROM one_time_tokens WHERE purpose = 'password_reset'");
    let digest = digest.await[0]["h"].as_str().unwrap().to_owned();
    let verification = people::mailed_token(&app, &anna).await;
    let good = link(&app, &anna, "password_reset").await;
    let user = people::text(&body["user"], "userId");
    for token in [
        people::text(&body, "refreshToken"),
        &verification,
        &digest,
        user,
        &anna,
        &good[..good.len() - 1],
        &format!("{good} "),
        &good.to_uppercase(),
        "null",
        "*",
        "' OR 1=1 --",
    ] {
        reset(&app, token, NEW_PASSWORD).await.expect_problem(410, "link_gone");
    }
    for body in [
        json!({ "newPassword": NEW_PASSWORD }),
        json!({ "token": people::text(&body, "accessToken"), "newPassword": NEW_PASSWORD }),
        json!({ "token": null, "newPassword": NEW_PASSWORD }),
        json!({ "token": "", "newPassword": NEW_PASSWORD }),
        json!({ "token": [good], "newPassword": NEW_PASSWORD }),
        json!({ "token": good, "newPassword": NEW_PASSWORD, "email": bob }),
        json!({ "token": good, "newPassword": NEW_PASSWORD, "userId": user }),
        json!({ "token": good }),
    ] {
        app.post("/api/auth/password/reset").json(&body).send().await.expect_problem(422, "invalid_fields");
    }
    app.get(&format!("/api/auth/password/reset?token={good}")).send().await.expect(405);
    // Bob's own link is about Bob alone.
    forgot(&app, &bob).await.expect(202);
    let bobs = link(&app, &bob, "password_reset").await;
    reset(&app, &bobs, "the words that Bob has chosen").await.expect(204);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
}

/// V2, V25: every token at every door that is not its own.
#[actix_web::test]
async fn v02_v25_a_token_opens_its_own_door_alone() {
    let app = TestApp::<Auth>::start().await;
    let (anna, other) = (address(&app, "anna"), address(&app, "other"));
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    let change = json!({ "newEmail": other, "currentPassword": PASSWORD });
    post(&app, "/api/auth/email/change", access, change).await.expect(202);
    forgot(&app, &anna).await.expect(202);
    let tokens = [
        ("/api/auth/password/reset", link(&app, &anna, "password_reset").await),
        ("/api/auth/email/change/confirm", link(&app, &other, "email_change_confirmation").await),
    ];
    for door in [
        "/api/auth/password/reset",
        "/api/auth/email/change/confirm",
        "/api/auth/email/change/undo",
        "/api/auth/email/verify",
        "/api/auth/signin/not-me",
    ] {
        for (own, token) in &tokens {
            if *own == door {
                continue;
            }
            let body = if door.ends_with("reset") {
                json!({ "token": token, "newPassword": NEW_PASSWORD })
            } else {
                json!({ "token": token })
            };
            app.post(door).json(&body).send().await.expect_problem(410, "link_gone");
        }
    }
    for (_, token) in &tokens {
        let body = json!({ "mfaToken": token, "code": "123456" });
        app.post("/api/auth/signin/mfa").json(&body).send().await.expect(401);
        people::profile(&app, token).await.expect(401);
        people::refresh(&app, token).await.expect(401);
    }
    people::profile(&app, access).await.expect(200);
    people::sign_in(&app, &anna, PASSWORD).await.expect(200);
}

/// V3: the end of a link's time holds where it is used, and a newer one takes its place.
#[actix_web::test]
async fn v03_a_reset_link_is_good_for_half_an_hour_and_until_the_next() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    forgot(&app, &anna).await.expect(202);
    forgot(&app, &anna).await.expect(202);
    let links = links(&app, &anna, "password_reset").await;
    assert_eq!(links.len(), 2);
    reset(&app, &links[0], NEW_PASSWORD).await.expect_problem(410, "link_gone");
    app.advance(TimeDelta::minutes(30));
    reset(&app, &links[1], NEW_PASSWORD).await.expect_problem(410, "link_gone");
    forgot(&app, &anna).await.expect(202);
    app.advance(TimeDelta::minutes(30) - TimeDelta::seconds(1));
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
}

/// Hands everybody a link, as if it had been mailed: its token is their address and the number of the race. How links are
/// mailed has tests of its own, and a thousand letters would be more than the limits that all tests share leave them.
async fn hand_out_links(superuser: &mut Superuser, race: usize) {
    let links = format!(
        "INSERT INTO one_time_tokens (realm_id, purpose, token_hash, user_id, for_tenant, created_at, expires_at)
         SELECT u.realm_id, 'password_reset',
             sha256(int8send(14) || convert_to('one_time_token', 'UTF8')
                 || int8send(length(link.token)) || convert_to(link.token, 'UTF8')),
             u.id, m.tenant_id, u.created_at, u.created_at + interval '30 minutes'
         FROM users u JOIN memberships m ON m.user_id = u.id
             CROSS JOIN LATERAL (SELECT u.email || '/{race}' AS token) link"
    );
    superuser.run(&links).await;
}

/// Two at once with the same link, each with a password of its own: the password that was set, and nothing of the other.
async fn race_for(app: &TestApp<Auth>, email: &str, race: usize) -> String {
    let words = ["one", "other"].map(|racer| format!("the sentence of the {racer} racer in race {race}"));
    let [one, other] = words.each_ref().map(|password| {
        let body = json!({ "token": format!("{email}/{race}"), "newPassword": password });
        // A network for each race: what is counted here are not requests.
        app.post("/api/auth/password/reset")
            .header("x-real-ip", &format!("198.18.{race}.1"))
            .json(&body)
            .send()
    });
    let (one, other) = join(one, other).await;
    let [first, second] = words;
    match (one.status, other.status) {
        (204, 410) => first,
        (410, 204) => second,
        statuses => panic!("race {race} for {email}: {statuses:?}"),
    }
}

/// V3: a thousand links, each used twice at the same moment: one of the two changes the password, the other is told that the
/// link is gone.
#[actix_web::test]
async fn v03_of_a_thousand_reset_races_each_link_wins_one() {
    const PEOPLE: usize = 10;
    const RACES: usize = 100;
    let app = TestApp::<Auth>::start().await;
    let racers: Vec<String> = (0..PEOPLE).map(|n| address(&app, &format!("anna{n}"))).collect();
    for email in &racers {
        people::confirmed(&app, email).await;
    }
    let mut superuser = app.superuser().await;
    let mut won = Vec::new();
    for race in 1..=RACES {
        hand_out_links(&mut superuser, race).await;
        won = join_all(racers.iter().map(|email| race_for(&app, email, race))).await;
    }
    for (email, password) in racers.iter().zip(&won) {
        people::sign_in(&app, email, password).await.expect(200);
    }
    let versions = "SELECT min(token_version) AS least, max(token_version) AS most FROM users";
    assert_eq!(app.sql(versions).await[0], json!({ "least": 1 + RACES, "most": 1 + RACES }));
    let changed = "SELECT count(*) AS changes FROM audit_events WHERE action = 'account.password_reset'";
    assert_eq!(app.sql(changed).await[0]["changes"], PEOPLE * RACES);
    let told = app.events().await;
    let told = told.iter().filter(|event| event["data"]["letter"]["kind"] == "password_changed").count();
    assert_eq!(told, PEOPLE * RACES);
    // Where both were let in before either had won, the race was one.
    let close = "SELECT count(*) FILTER (WHERE attempts = 2) AS close FROM one_time_tokens WHERE purpose = 'password_reset'";
    let close = app.sql(close).await[0]["close"].as_u64().unwrap();
    assert!(close > (PEOPLE * RACES / 2) as u64, "{close} races were close");
}

/// V3: the same once, for whoever looks what becomes of it without the fence.
#[actix_web::test]
async fn v03_of_fifty_resets_at_once_one_wins() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    race_for_a_reset(&app, &anna, 1).await;
}

/// Fifty at once have one link. Exactly one of them sets the password.
async fn race_for_a_reset(app: &TestApp<Auth>, email: &str, round: i32) {
    forgot(app, email).await.expect(202);
    let token = link(app, email, "password_reset").await;
    let sentence = |racer: usize| format!("the sentence of racer {racer} in round {round}");
    let race = (0..50).map(|racer| {
        let (token, password) = (&token, sentence(racer));
        async move { reset(app, token, &password).await }
    });
    let answers = join_all(race).await;
    let winners: Vec<usize> = (0..50).filter(|racer| answers[*racer].status == 204).collect();
    assert_eq!(winners.len(), 1, "round {round}");
    assert!(answers.iter().all(|answer| [204, 410].contains(&answer.status)), "round {round}");
    people::sign_in(app, email, &sentence(winners[0])).await.expect(200);
    let version = app.sql("SELECT token_version FROM users").await;
    assert_eq!(version[0]["token_version"], 1 + round);
}

/// Links asked for at the same moment leave one.
#[actix_web::test]
async fn v03_of_many_requests_at_once_one_link_is_left() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let body = json!({ "email": anna });
    join_all((0..10).map(|_| app.post("/api/auth/password/forgot").json(&body).send())).await;
    app.run_jobs().await;
    let live =
        "SELECT 1 AS one FROM one_time_tokens WHERE purpose = 'password_reset' AND consumed_at IS NULL";
    assert_eq!(app.sql(live).await.len(), 1);
}

#[actix_web::test]
async fn a_reset_ends_the_wait_that_a_stranger_caused_and_forgets_every_device() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let on_phone = json!({ "email": anna, "password": PASSWORD, "deviceId": "phone-7f3a" });
    app.post("/api/auth/signin").json(&on_phone).send().await.expect(200);
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(429);
    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200);
    assert_eq!(app.sql("SELECT * FROM known_devices").await.len(), 0);
}

/// V15: half a sign-in with the old password is worth nothing, and the second factor is asked for as before.
#[actix_web::test]
async fn v15_a_reset_skips_no_second_factor_and_voids_steps_under_way() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    let enrol = "INSERT INTO user_factors (realm_id, user_id, id, kind, secret_sealed, confirmed_at, created_at)
         SELECT realm_id, id, '01920000-0000-7000-8000-00000000abcd', 'totp', 'x', created_at, created_at FROM users";
    app.superuser().await.run(enrol).await;
    let step = people::sign_in(&app, &anna, PASSWORD).await.expect(200).text("mfaToken");
    forgot(&app, &anna).await.expect(202);
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(204);
    let live = "SELECT purpose FROM one_time_tokens WHERE consumed_at IS NULL";
    assert_eq!(app.sql(live).await.len(), 0);
    let body = json!({ "mfaToken": step, "code": "123456" });
    app.post("/api/auth/signin/mfa").json(&body).send().await.expect_problem(401, "second_factor_refused");
    let again = people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200).body;
    assert_eq!(again["mfaRequired"], true);
    assert_eq!(app.sql("SELECT id FROM user_factors").await.len(), 1);
}

#[actix_web::test]
async fn only_members_with_a_confirmed_address_get_a_link() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    for unfit in [
        "UPDATE users SET status = 'suspended'",
        "UPDATE users SET status = 'active', kind = 'temporary'",
        "UPDATE users SET kind = 'member'; UPDATE memberships SET status = 'suspended'",
    ] {
        app.superuser().await.run(unfit).await;
        forgot(&app, &anna).await.expect(202);
    }
    assert_eq!(kinds(&app, &anna).await, [""; 0]);
    // A link that was mailed before the account was suspended opens nothing either.
    app.superuser().await.run("UPDATE memberships SET status = 'active'").await;
    forgot(&app, &anna).await.expect(202);
    app.superuser().await.run("UPDATE users SET status = 'suspended'").await;
    reset(&app, &link(&app, &anna, "password_reset").await, NEW_PASSWORD).await.expect(410);
}

#[actix_web::test]
async fn an_unfit_password_is_refused_and_the_link_stays_good() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    people::confirmed(&app, &anna).await;
    forgot(&app, &anna).await.expect(202);
    let token = link(&app, &anna, "password_reset").await;
    for unfit in ["short", "password1234", &"x".repeat(1025)] {
        let answer = reset(&app, &token, unfit).await.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], "/newPassword");
    }
    reset(&app, &token, NEW_PASSWORD).await.expect(204);
}

#[actix_web::test]
async fn a_password_is_changed_by_whoever_knows_the_present_one() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    change(&app, access, "not the password", NEW_PASSWORD).await.expect_problem(403, "wrong_password");
    let locked = change(&app, access, PASSWORD, NEW_PASSWORD).await.expect_problem(429, "too_many_attempts");
    assert_eq!(locked.headers["retry-after"], "1");
    app.advance(TimeDelta::seconds(1));
    for unfit in ["short", "password1234", PASSWORD] {
        let answer = change(&app, access, PASSWORD, unfit).await.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], "/newPassword");
    }
    change(&app, access, PASSWORD, NEW_PASSWORD).await.expect(204);
    people::sign_in(&app, &anna, NEW_PASSWORD).await.expect(200);
    assert_eq!(kinds(&app, &anna).await, ["password_changed"]);
    app.post("/api/auth/password/change").json(&json!({})).send().await.expect(401);
}

#[actix_web::test]
async fn strangers_cannot_keep_somebody_inside_from_changing_their_password() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    people::sign_in(&app, &anna, "a stranger guesses").await.expect(401);
    people::sign_in(&app, &anna, PASSWORD).await.expect(429);
    change(&app, people::text(&body, "accessToken"), PASSWORD, NEW_PASSWORD).await.expect(204);
}

/// V14: guesses with a stolen token are counted in the database, also when they come at once.
#[actix_web::test]
async fn v14_parallel_guesses_at_the_present_password_are_counted_and_stopped() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    let access = people::text(&body, "accessToken");
    let guesses = join_all((0..100).map(|_| change(&app, access, "a thief guesses", NEW_PASSWORD))).await;
    let tried = guesses.iter().filter(|answer| answer.status == 403).count();
    assert_eq!(tried, 1, "of 100 guesses one is looked at");
    assert!(guesses.iter().all(|answer| [403, 429, 503].contains(&answer.status)));
    let counted = app.sql("SELECT failures FROM auth_failures").await;
    assert_eq!(counted[0]["failures"], tried);
}

/// Held up until all of them have shown the present password and want to replace it: only the first still has a token.
#[actix_web::test]
async fn of_many_changes_at_once_one_is_made() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let access = people::text(&body, "accessToken");
    let mut holder = app.superuser().await;
    holder.run("BEGIN; SELECT id FROM users FOR UPDATE").await;
    let changes = (0..3).map(|n| {
        let app = &app;
        async move { change(app, access, PASSWORD, &format!("the sentence of racer {n}")).await }
    });
    let let_go = async {
        app.until_waiting(3).await;
        holder.run("COMMIT").await;
    };
    let (answers, ()) = futures_util::future::join(join_all(changes), let_go).await;
    let winners: Vec<_> = (0..3).filter(|n| answers[*n].status == 204).collect();
    assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    people::sign_in(&app, &anna, &format!("the sentence of racer {}", winners[0])).await.expect(200);
}

/// V4: no header of the request reaches a letter.
#[actix_web::test]
async fn v04_a_forged_host_reaches_no_letter() {
    let app = TestApp::<Auth>::start().await;
    let anna = address(&app, "anna");
    let body = people::signed_in(&app, &anna).await;
    let forged =
        [("x-forwarded-host", "evil.test"), ("x-forwarded-proto", "http"), ("forwarded", "host=evil.test")];
    let forge = |call: shinkofa_testing::Call| {
        forged.iter().fold(call, |call, (name, value)| call.header(name, value))
    };
    forge(app.post("/api/auth/password/forgot")).json(&json!({ "email": anna })).send().await.expect(202);
    let change = json!({ "newEmail": address(&app, "new"), "currentPassword": PASSWORD });
    let access = people::text(&body, "accessToken");
    forge(app.post("/api/auth/email/change")).token(access).json(&change).send().await.expect(202);
    app.run_jobs().await;
    let plain =
        app.http.post(format!("{}/api/auth/password/forgot", app.public_url())).header("host", "evil.test");
    assert_eq!(plain.json(&json!({ "email": anna })).send().await.unwrap().status(), 202);
    app.run_jobs().await;
    assert_eq!(kinds(&app, &anna).await, ["password_reset", "password_reset"]);
    assert!(!serde_json::to_string(&app.events().await).unwrap().contains("evil.test"));
}

#[actix_web::test]
async fn an_address_is_written_to_five_times_in_an_hour_whether_it_is_known_or_not() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    for who in ["anna", "nobody"] {
        let body = json!({ "email": address(&app, who) });
        let call = || app.post("/api/auth/password/forgot").json(&body).send();
        for _ in 0..5 {
            call().await.expect(202);
        }
        assert!(call().await.expect_problem(429, "too_many_requests").headers.contains_key("retry-after"));
    }
}
