//! What runs beside the listeners: jobs, feeds, the trust snapshot, gauges.

use std::time::Duration;

use futures_util::future::join_all;
use shinkofa_contracts::auth;
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::Runner;
use tokio::sync::watch;

use crate::service::stopped;
use crate::{Platform, PlatformEvents, Service, trust};

/// Runs everything until `stop`, and returns when the jobs in hand are finished.
pub(crate) async fn run<S: Service>(service: S, stop: watch::Receiver<bool>) {
    let platform = service.platform().clone();
    let runner = runner(&service);
    let feeds = subscriptions(&service).into_iter().map(|feed| (feed.follow)(platform.clone(), stop.clone()));
    futures_util::join!(
        runner.run(stopped(stop.clone())),
        join_all(feeds),
        trust::keep_current(platform.clone(), stop.clone()),
        forget_old_answers(platform, stop.clone()),
        report(service, stop.clone()),
    );
}

pub(crate) fn runner<S: Service>(service: &S) -> Runner<S> {
    let platform = service.platform();
    let (database, clock) = (platform.database.clone(), platform.clock.clone());
    Runner::new(database, clock, service.clone(), S::jobs(), platform.wake.clone())
}

/// The service's own feeds, and auth's for what every service takes from it. Auth knows its tenants itself.
pub(crate) fn subscriptions<S: Service>(service: &S) -> Vec<crate::service::Subscription> {
    let own = service.subscriptions();
    let all = if S::NAME == auth::SERVICE { own } else { own.follow(PlatformEvents(service.clone())) };
    all.into_inner()
}

const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// No client repeats a request after this long. Stripe keeps its keys for a day; we are more patient.
const ANSWERS_LIVE: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// Removes the answers of idempotency keys that nobody repeats any more.
async fn forget_old_answers(platform: Platform, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    loop {
        let older_than = platform.clock.now() - ANSWERS_LIVE;
        let scope = Scope::infrastructure();
        let forgotten = transaction(&platform.database, &scope, "forget_old_answers", async |tx| {
            shinkofa_web::idempotency::forget(tx, older_than).await.map_err(shinkofa_db::Error::from)
        });
        if let Err(error) = forgotten.await {
            tracing::debug!(%error, "old idempotency keys cannot be removed");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(FORGET_EVERY) => {}
        }
    }
}

const REPORT_EVERY: Duration = Duration::from_secs(10);

async fn report<S: Service>(service: S, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    let runner = runner(&service);
    loop {
        pool_gauges(service.platform());
        if let Err(error) = runner.report().await {
            tracing::debug!(%error, "the job queue cannot be measured");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(REPORT_EVERY) => {}
        }
    }
}

fn pool_gauges(platform: &Platform) {
    let (used, open) = platform.database.usage();
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    {
        metrics::gauge!("db_client_connections", "state" => "used").set(used as f64);
        metrics::gauge!("db_client_connections", "state" => "open").set(open as f64);
    }
}
