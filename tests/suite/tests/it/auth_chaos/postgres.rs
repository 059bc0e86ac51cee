//! PostgreSQL killed and restarted under sign-ins, refreshes and introspection; and guesses while it is away.

use std::time::Instant;

use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::totp;
use shinkofa_kernel::Role;
use suite::{Answer, App, DemoAccount, Stack, invariants, until, until_within};

use super::PROMISED;
use super::traffic::{Kind, Traffic, assert_orderly, assert_served};
use crate::absence::Absence;
use crate::auth_ways::until_not_locked;

#[tokio::test]
async fn a_postgres_that_is_killed_is_a_short_503_and_everything_goes_on() {
    let stack = Stack::attach().await;
    let traffic = Traffic::start(&stack).await;
    let (mut away, mut well) = (Vec::new(), Vec::new());
    for round in 1..=2 {
        let quiet = Instant::now();
        until("everybody is served", async || traffic.is_well(quiet, 3).then_some(())).await;
        let before = stack.postgres_started_at().await.expect("PostgreSQL takes connections");
        stack.kill("postgres").await;
        let killed = Instant::now();
        let back = until("PostgreSQL takes connections again", async || {
            let started = stack.postgres_started_at().await?;
            (started != before).then(Instant::now)
        })
        .await;
        until_within(PROMISED, "everybody is served again", async || traffic.is_well(back, 3).then_some(()))
            .await;
        let [gone, recovery] = [back - killed, back.elapsed()].map(|time| time.as_secs_f64());
        eprintln!("round {round}: away for {gone:.1} s, everybody served {recovery:.1} s later");
        // What is promised from then on is seen for a while.
        let promised = back + PROMISED;
        until("it stays so", async || traffic.is_well(promised, 5).then_some(())).await;
        away.push((killed, back));
        well.push((promised, Instant::now()));
    }
    let replies = traffic.end().await;
    assert_orderly(&replies);
    for (killed, back) in away {
        let mut during = replies.iter().filter(|reply| reply.asked > killed && reply.asked < back);
        assert!(during.any(|reply| reply.status() == 503), "nobody asked while PostgreSQL was away");
    }
    for window in well {
        assert_served(&replies, window);
    }
    for kind in Kind::ALL {
        let of_kind = |status: u16| {
            replies.iter().filter(|reply| reply.kind == kind && reply.status() == status).count()
        };
        eprintln!("{kind:?}: {} answers of 200, {} of 503", of_kind(200), of_kind(503));
    }
    invariants::check(&stack).await;
}

/// Somebody with an authenticator app, whose password somebody has mistyped twice before they came half way in.
struct Guessed<'a> {
    stack: &'a Stack,
    account: DemoAccount,
    /// Whose failed attempts are counted together, in hexadecimal.
    subject: String,
    half_way: String,
}

const SIGN_IN: &str = "/api/auth/signin";
const SECOND_STEP: &str = "/api/auth/signin/mfa";

impl<'a> Guessed<'a> {
    async fn prepare(stack: &'a Stack) -> Self {
        let account = stack.hire(Role::Member, App::Enrolled).await;
        let mut guessed = Self { stack, account, subject: String::new(), half_way: String::new() };
        for _ in 0..2 {
            let wrong = guessed.password("not this one at all");
            until_not_locked(stack, SIGN_IN, &wrong).await.expect_problem(401, "invalid_credentials");
        }
        let newest = "SELECT encode(subject, 'hex') AS subject FROM auth.auth_failures ORDER BY counting_since DESC LIMIT 1";
        let rows = stack.superuser().await.rows(newest).await;
        rows[0]["subject"].as_str().expect("a text").clone_into(&mut guessed.subject);
        let right = guessed.password(&guessed.account.password);
        guessed.half_way = until_not_locked(stack, SIGN_IN, &right).await.expect(200).text("mfaToken");
        guessed
    }

    fn password(&self, password: &str) -> Value {
        json!({ "email": self.account.email, "password": password })
    }

    /// The code that the app shows now, and one that it does not.
    fn codes(&self) -> [Value; 2] {
        let secret = self.account.totp_secret.as_deref().expect("an app is enrolled");
        let secret = BASE32_NOPAD.decode(secret.as_bytes()).expect("base 32");
        let shown = totp::code(&secret, totp::step_at(self.stack.clock.now()));
        let number: u32 = shown.parse().expect("digits");
        let wrong = format!("{:06}", (number + 1) % 1_000_000);
        [shown, wrong].map(|code| json!({ "mfaToken": self.half_way, "code": code }))
    }

    async fn try_once(&self, path: &str, body: &Value) -> Answer {
        self.stack.post(path).json(body).send().await
    }

    /// What is counted against whoever guesses: at the address, of the token between the steps, and in the step of the app.
    async fn counted(&self) -> Value {
        let (subject, email) = (&self.subject, &self.account.email);
        let query = format!(
            "SELECT (SELECT failures FROM auth.auth_failures WHERE subject = decode('{subject}', 'hex')) AS failures,
                (SELECT sum(attempts) FROM auth.one_time_tokens t JOIN auth.users u ON u.id = t.user_id
                 WHERE u.email = '{email}' AND t.purpose = 'second_factor') AS tries,
                (SELECT sum(guesses) FROM auth.factor_guesses g JOIN auth.users u ON u.id = g.user_id
                 WHERE u.email = '{email}') AS codes"
        );
        self.stack.superuser().await.rows(&query).await.remove(0)
    }
}

/// Where guesses cannot be counted none is looked at, and none is let in, right or wrong. What was counted before counts on.
#[tokio::test]
async fn v14_no_guess_is_looked_at_while_postgres_is_away_and_the_lock_goes_on_where_it_was() {
    let stack = Stack::attach().await;
    let guessed = Guessed::prepare(&stack).await;
    let before = guessed.counted().await;
    assert_eq!(before, json!({ "failures": 2, "tries": 0, "codes": null }));

    let auth = stack.processes_of("auth").await;
    let ready = format!("http://127.0.0.1:{}/readyz", auth[0].ports[1]);
    let postgres = Absence::of(&stack, "postgres").await;
    until("auth has no database", async || {
        (stack.call(Method::GET, ready.clone()).send().await.status == 503).then_some(())
    })
    .await;
    for number in 0..4 {
        let [shown, wrong] = guessed.codes();
        for (path, body) in [
            (SIGN_IN, guessed.password(&format!("wrong password {number}"))),
            (SIGN_IN, guessed.password(&guessed.account.password)),
            (SECOND_STEP, wrong),
            (SECOND_STEP, shown),
        ] {
            let refused = guessed.try_once(path, &body).await.expect_problem(503, "database_unavailable");
            assert!(refused.headers.contains_key("retry-after"), "{path}: {refused:?}");
        }
    }
    postgres.end(&stack).await;

    until("auth has its database again", async || {
        (stack.call(Method::GET, ready.clone()).send().await.status == 200).then_some(())
    })
    .await;
    assert_eq!(guessed.counted().await, before, "what nobody looked at is counted nowhere");
    let wrong = guessed.password("not this one either");
    guessed.try_once(SIGN_IN, &wrong).await.expect_problem(401, "invalid_credentials");
    // The third failure makes everybody wait for three seconds, by whichever way they come.
    let [shown, wrong] = guessed.codes();
    for (path, body) in [(SIGN_IN, guessed.password(&guessed.account.password)), (SECOND_STEP, shown)] {
        guessed.try_once(path, &body).await.expect_problem(429, "too_many_attempts");
    }
    until_not_locked(&stack, SECOND_STEP, &wrong).await.expect_problem(401, "second_factor_refused");
    assert_eq!(guessed.counted().await["failures"], 4);
    stack.sign_in_with_app(&guessed.account).await;
    invariants::check(&stack).await;
}
