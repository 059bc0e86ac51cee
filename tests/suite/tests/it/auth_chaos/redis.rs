//! Redis killed, emptied, and put back to what it knew before.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use suite::{Answer, Person, Stack, invariants, until, until_within};

use super::PROMISED;
use super::revocation::{assert_refused_everywhere, is_answered};
use super::traffic::{Reply, Traffic, assert_orderly, introspect_url, introspection};
use crate::absence::Absence;

async fn sign_in(stack: &Stack, person: &Person, password: &str) -> Answer {
    let credentials = json!({ "email": person.email, "password": password });
    stack.post("/api/auth/signin").json(&credentials).send().await
}

async fn refresh(stack: &Stack, token: &str) -> Answer {
    stack.post("/api/auth/refresh").json(&json!({ "refreshToken": token })).send().await
}

/// Twenty guesses at once. How many of them were looked at.
async fn guess(stack: &Stack, person: &Person) -> usize {
    let statuses: Vec<u16> = stream::iter(0..20)
        .map(async |number| sign_in(stack, person, &format!("wrong password {number}")).await.status)
        .buffer_unordered(20)
        .collect()
        .await;
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 401).count()
}

/// How many guesses the progressive lock looks at in so much time: at each of its steps one in every process.
fn most_looks(time: Duration, processes: usize) -> usize {
    let (mut looks, mut elapsed) = (processes, Duration::ZERO);
    loop {
        elapsed += Duration::from_secs(match looks {
            0..=2 => 1,
            3..=8 => 3,
            9..=24 => 5,
            _ => 10,
        });
        if elapsed > time {
            return looks;
        }
        looks += processes;
    }
}

#[tokio::test]
async fn v14_guesses_are_as_few_whatever_is_done_to_redis() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let began = Instant::now();
    let mut looked_at = guess(&stack, &person).await;
    for _ in 0..2 {
        stack.flush_redis().await;
        looked_at += guess(&stack, &person).await;
        let redis = Absence::of(&stack, "redis").await;
        looked_at += guess(&stack, &person).await;
        assert!(!stack.redis_answers().await, "the guesses were made without Redis");
        redis.end(&stack).await;
        looked_at += guess(&stack, &person).await;
    }
    let elapsed = began.elapsed();
    let most = most_looks(elapsed, stack.processes_of("auth").await.len());
    assert!((1..=most).contains(&looked_at), "{looked_at} guesses were looked at in {elapsed:?}, not {most}");
    eprintln!("{looked_at} of 140 guesses were looked at in {:.1} s", elapsed.as_secs_f64());
    // The right password waits as well, and is right when the wait is over.
    until("the wait is over", async || {
        (sign_in(&stack, &person, &person.password).await.status == 200).then_some(())
    })
    .await;
    invariants::check(&stack).await;
}

/// Waits until everybody is served by requests that begin from now on, for as long as is promised.
async fn everybody_is_served(traffic: &Traffic, when: &str) {
    let since = Instant::now();
    until_within(PROMISED, &format!("everybody is served {when}"), async || {
        traffic.is_well(since, 3).then_some(())
    })
    .await;
}

/// Kills Redis and holds it down until everybody was served without it.
async fn serve_without_redis(stack: &Stack, traffic: &Traffic) -> Absence {
    let absence = Absence::of(stack, "redis").await;
    everybody_is_served(traffic, "without Redis").await;
    assert!(!stack.redis_answers().await, "Redis was away all the time");
    absence
}

/// Lets Redis come back, and waits until it takes commands.
async fn bring_back(stack: &Stack, absence: Absence) {
    drop(absence);
    until("Redis answers again", async || stack.redis_answers().await.then_some(())).await;
}

/// Fails the test unless everybody was served all the time.
fn assert_undisturbed(replies: &[Reply]) {
    assert_orderly(replies);
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status() != 200).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn a_redis_that_is_killed_costs_nobody_an_answer() {
    let stack = Stack::attach().await;
    let traffic = Traffic::start(&stack).await;
    for _ in 0..2 {
        everybody_is_served(&traffic, "before").await;
        let redis = serve_without_redis(&stack, &traffic).await;
        bring_back(&stack, redis).await;
        everybody_is_served(&traffic, "when Redis is back").await;
        stack.wait_until_ready().await;
    }
    assert_undisturbed(&traffic.end().await);
    invariants::check(&stack).await;
}

/// Somebody whose refresh token was used twice since, and whose other session was signed out.
struct Rotated {
    person: Person,
    /// Two generations old.
    stolen: String,
    newest: Answer,
    signed_out: (String, String),
}

impl Rotated {
    /// What happens after the snapshot was taken.
    async fn by(stack: &Stack, person: Person, other: &serde_json::Value) -> Self {
        let stolen = person.refresh_token.clone();
        let second = refresh(stack, &stolen).await.expect(200).text("refreshToken");
        let newest = refresh(stack, &second).await.expect(200);
        let text = |member: &str| other[member].as_str().expect("a token").to_owned();
        let signed_out = (text("accessToken"), text("refreshToken"));
        stack.post("/api/auth/logout").bearer(&signed_out.0).send().await.expect(204);
        Self { person, stolen, newest, signed_out }
    }

    /// What was taken back stays so, and the use of the stolen token ends the session for whoever holds its newest one.
    async fn assert_nothing_is_good_again(&self, stack: &Stack) {
        assert_refused_everywhere(stack, &self.signed_out.0, "the session that was signed out").await;
        refresh(stack, &self.signed_out.1).await.expect_problem(401, "refresh_refused");
        let access = self.newest.text("accessToken");
        assert!(is_answered(stack, &access, 200).await, "the session lives until then");
        refresh(stack, &self.stolen).await.expect_problem(401, "refresh_refused");
        refresh(stack, &self.newest.text("refreshToken")).await.expect_problem(401, "refresh_refused");
        let url = introspect_url(stack).await;
        let told = introspection(stack, &url, &access).send().await.expect(200);
        assert_eq!(told.body["active"], false, "{:#}", told.body);
        assert_refused_everywhere(stack, &access, "the family of the stolen token").await;
        // The person themselves comes in again.
        sign_in(stack, &self.person, &self.person.password).await.expect(200);
    }
}

#[tokio::test]
async fn v12_an_older_redis_brings_back_no_token_that_was_used_or_revoked() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let other = stack.sign_in(&person.email, &person.password).await;
    let guessed = stack.sign_up("en").await;
    let marker = stack.fresh("suite-marker");
    stack.tell_redis(&marker, "older").await;
    let snapshot = stack.snapshot_redis().await;
    stack.tell_redis(&marker, "newer").await;

    let rotated = Rotated::by(&stack, person, &other).await;
    let began = Instant::now();
    let mut looked_at = guess(&stack, &guessed).await;
    // Not beside the guesses, which keep the hashing busy.
    let traffic = Traffic::start(&stack).await;
    let redis = serve_without_redis(&stack, &traffic).await;
    stack.restore_redis(&snapshot);
    bring_back(&stack, redis).await;
    assert_eq!(stack.word_of_redis(&marker).await.as_deref(), Some("older"), "Redis knows what it knew then");
    everybody_is_served(&traffic, "by the older Redis").await;
    stack.wait_until_ready().await;
    assert_undisturbed(&traffic.end().await);
    let auth = stack.processes_of("auth").await;
    stack.kill("auth").await;
    stack.wait_for_successors(&auth).await;
    let back = Instant::now();

    looked_at += guess(&stack, &guessed).await;
    let most = most_looks(began.elapsed(), auth.len());
    assert!(looked_at <= most, "{looked_at} guesses were looked at, not {most}");
    rotated.assert_nothing_is_good_again(&stack).await;
    let newcomer = until_within(PROMISED, "somebody signs in", async || {
        let answer = sign_in(&stack, &rotated.person, &rotated.person.password).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert!(is_answered(&stack, &newcomer.text("accessToken"), 200).await);
    eprintln!("all of it {:.1} s after auth and Redis were back", back.elapsed().as_secs_f64());
    invariants::check(&stack).await;
}

#[tokio::test]
async fn v12_a_redis_that_is_emptied_brings_back_no_token_that_was_used_or_revoked() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let other = stack.sign_in(&person.email, &person.password).await;
    let traffic = Traffic::start(&stack).await;
    let marker = stack.fresh("suite-marker");
    let rotated = Rotated::by(&stack, person, &other).await;
    for _ in 0..3 {
        stack.tell_redis(&marker, "known").await;
        stack.flush_redis().await;
        assert_eq!(stack.word_of_redis(&marker).await, None, "Redis knows nothing");
        everybody_is_served(&traffic, "by an emptied Redis").await;
    }
    assert_undisturbed(&traffic.end().await);
    let auth = stack.processes_of("auth").await;
    stack.kill("auth").await;
    stack.wait_for_successors(&auth).await;
    rotated.assert_nothing_is_good_again(&stack).await;
    invariants::check(&stack).await;
}

#[test]
fn a_lock_with_steps_looks_at_few_guesses() {
    assert_eq!(most_looks(Duration::from_millis(900), 1), 1);
    assert_eq!(most_looks(Duration::from_millis(900), 3), 3);
    assert_eq!(most_looks(Duration::from_secs(20), 1), 9);
}
