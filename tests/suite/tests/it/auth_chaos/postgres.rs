//! PostgreSQL killed and restarted under sign-ins, refreshes and introspection.

use std::time::Instant;

use suite::{Stack, invariants, until, until_within};

use super::PROMISED;
use super::traffic::{Kind, Traffic, assert_orderly, assert_served};

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
