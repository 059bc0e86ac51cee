//! Jobs run at least once, are retried with pauses, and are never lost.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use shinkofa_jobs::{Runner, Wake};
use shinkofa_runtime::Service as _;
use shinkofa_testing::{TestApp, eventually};
use tokio::sync::oneshot;

use crate::probe::{Count, Deliver, Fail, Probe, later};

#[actix_web::test]
async fn a_failing_job_is_tried_again_after_growing_pauses_and_then_kept_for_the_operator() {
    let app = TestApp::<Probe>::start().await;
    later(&app, &Fail { hopeless: false }, app.clock.now()).await;
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(app.run_jobs().await, 0, "not before its pause is over");
    for _ in 0..10 {
        app.advance(TimeDelta::minutes(1));
        app.run_jobs().await;
    }
    assert_eq!(app.service().runs.load(Ordering::Relaxed), 3);
    let kept = app.sql("SELECT last_error FROM jobs WHERE dead_at IS NOT NULL").await;
    assert_eq!(kept[0]["last_error"], "not today");
    app.stop().await;
}

#[actix_web::test]
async fn a_hopeless_job_is_kept_at_once() {
    let app = TestApp::<Probe>::start().await;
    later(&app, &Fail { hopeless: true }, app.clock.now()).await;
    app.run_jobs().await;
    assert_eq!(app.sql("SELECT 1 AS one FROM jobs WHERE dead_at IS NOT NULL").await.len(), 1);
    app.stop().await;
}

#[actix_web::test]
async fn a_job_whose_worker_died_is_taken_again_when_its_lease_lapses() {
    let app = TestApp::<Probe>::start().await;
    later(&app, &Count, app.clock.now()).await;
    let until = (app.clock.now() + TimeDelta::seconds(60)).to_rfc3339();
    app.superuser().await.run(&format!("UPDATE jobs SET locked_until = '{until}', attempts = 1")).await;
    assert_eq!(app.run_jobs().await, 0);
    app.advance(TimeDelta::seconds(61));
    assert_eq!(app.run_jobs().await, 1);
    assert!(app.sql("SELECT * FROM jobs").await.is_empty());
    app.stop().await;
}

#[actix_web::test]
async fn a_job_that_the_database_refused_to_commit_was_never_enqueued() {
    let app = TestApp::<Probe>::start().await;
    let platform = &app.service().platform;
    let scope = shinkofa_db::Scope::infrastructure();
    let refused = shinkofa_db::transaction(app.pool(), &scope, "refused", async |tx| {
        shinkofa_jobs::enqueue(tx, &platform.clock, None, platform.clock.now(), &Count).await?;
        Err::<(), _>(shinkofa_db::Error::Unavailable("changed my mind".to_owned()))
    })
    .await;
    assert!(refused.is_err());
    assert_eq!(app.run_jobs().await, 0);
    app.stop().await;
}

/// All that waits for receivers is older than the rest, and no receiver answers.
#[actix_web::test]
async fn however_much_waits_for_receivers_the_other_jobs_run() {
    let app = TestApp::<Probe>::start().await;
    let state = app.service();
    for number in 0..20 {
        later(&app, &Deliver { number }, app.clock.now() - TimeDelta::seconds(60 - i64::from(number))).await;
    }
    for _ in 0..20 {
        later(&app, &Count, app.clock.now()).await;
    }
    let (stop, is_stopped) = oneshot::channel::<()>();
    let runner =
        Runner::new(app.pool().clone(), app.clock.clone(), state.clone(), Probe::jobs(), Wake::default());
    let running = runner.run(async {
        let _ = is_stopped.await;
    });
    let looking = async {
        eventually("the others ran, and half of the hands are full", async || {
            let sent = state.sent.lock().unwrap().len();
            (state.runs.load(Ordering::Relaxed) == 20 && sent >= 4).then_some(())
        })
        .await;
        assert_eq!(*state.sent.lock().unwrap(), [0, 1, 2, 3], "no more than that, and the oldest");
        state.receivers.add_permits(20);
        eventually("all are sent", async || app.sql("SELECT id FROM jobs").await.is_empty().then_some(()))
            .await;
        stop.send(()).unwrap();
    };
    tokio::join!(running, looking);
    let mut sent = state.sent.lock().unwrap().clone();
    sent.sort_unstable();
    assert_eq!(sent, (0..20).collect::<Vec<u32>>(), "each once");
    app.stop().await;
}

#[actix_web::test]
async fn each_lane_keeps_its_order_and_the_leases() {
    let app = TestApp::<Probe>::start().await;
    app.service().receivers.add_permits(1);
    for number in [3, 1, 2, 0, 5, 4] {
        later(&app, &Deliver { number }, app.clock.now() + TimeDelta::seconds(i64::from(number))).await;
    }
    later(&app, &Count, app.clock.now()).await;
    app.advance(TimeDelta::seconds(10));
    let until = (app.clock.now() + TimeDelta::seconds(60)).to_rfc3339();
    app.superuser().await.run(&format!("UPDATE jobs SET locked_until = '{until}', attempts = 1")).await;
    assert_eq!(app.run_jobs().await, 0);
    app.advance(TimeDelta::seconds(61));
    assert_eq!(app.run_jobs().await, 7);
    assert_eq!(*app.service().sent.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    assert!(app.sql("SELECT id FROM jobs").await.is_empty());
    app.stop().await;
}
