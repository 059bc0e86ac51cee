//! PostgreSQL killed and restarted under sign-ins, refreshes and introspection.

use std::time::Instant;

use suite::{Stack, invariants, until, until_within};

use super::PROMISED;
use super::traffic::{Kind, Traffic, assert_orderly};

#[tokio::test]
async fn a_postgres_that_is_killed_is_a_short_503_and_everything_goes_on() {
    let stack = Stack::attach().await;
    let traffic = Traffic::start(&stack).await;
    for round in 1..=2 {
        let quiet = Instant::now();
        until("everybody is served", async || traffic.is_well(quiet, 3).then_some(())).await;
        let before = stack.processes_of("postgres").await;
        stack.kill("postgres").await;
        let killed = Instant::now();
        until("PostgreSQL is back", async || {
            let now = stack.processes_of("postgres").await;
            let is_new = now.iter().all(|new| new.pid != before[0].pid && new.state == "ready");
            is_new.then_some(())
        })
        .await;
        let back = Instant::now();
        until_within(PROMISED, "everybody is served again", async || traffic.is_well(back, 3).then_some(()))
            .await;
        let [away, recovery] = [back - killed, back.elapsed()].map(|time| time.as_secs_f64());
        eprintln!("round {round}: away for {away:.1} s, everybody served {recovery:.1} s later");
    }
    let since = Instant::now();
    until("it stays so", async || traffic.is_well(since, 10).then_some(())).await;
    let replies = traffic.end().await;
    assert_orderly(&replies);
    let late: Vec<_> = replies.iter().filter(|reply| reply.asked > since && reply.status() != 200).collect();
    assert!(late.is_empty(), "{late:#?}");
    for kind in Kind::ALL {
        let of_kind = |status: u16| {
            replies.iter().filter(|reply| reply.kind == kind && reply.status() == status).count()
        };
        eprintln!("{kind:?}: {} answers of 200, {} of 503", of_kind(200), of_kind(503));
    }
    invariants::check(&stack).await;
}
