//! Jobs run at least once, are retried with pauses, and are never lost.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use shinkofa_testing::TestApp;

use crate::probe::{Count, Fail, Probe, later};

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
