//! Takes due jobs and runs them, several at once, on one thread.

use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use shinkofa_db::{Database, Scope, transaction};
use shinkofa_kernel::Clock;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::job::pause_after;
use crate::lanes::{Lanes, Search};
use crate::store::{self, Claimed};
use crate::{Attempt, Failure, Job, Lane};

/// Tells the runner of this process that a commit enqueued something. Without it the runner looks again soon anyway.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

type Run<S> = Rc<
    dyn for<'a> Fn(
        serde_json::Value,
        &'a S,
        Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>,
>;

struct Kind<S> {
    run: Run<S>,
    most_attempts: i32,
    lease: Duration,
    lane: Lane,
}

struct Recurring {
    name: &'static str,
    lane: Lane,
    payload: serde_json::Value,
    every: Duration,
}

/// The jobs a service knows: on one page, like its routes.
pub struct Jobs<S> {
    kinds: HashMap<&'static str, Kind<S>>,
    schedules: Vec<Recurring>,
}

impl<S> Default for Jobs<S> {
    fn default() -> Self {
        Self { kinds: HashMap::new(), schedules: Vec::new() }
    }
}

impl<S: 'static> Jobs<S> {
    /// Jobs of this kind can be run.
    #[must_use]
    pub fn register<J: Job<State = S>>(mut self) -> Self {
        let run: Run<S> = Rc::new(|payload, state, attempt| {
            Box::pin(async move {
                let job: J = serde_json::from_value(payload).map_err(|error| Failure::Abort(error.into()))?;
                job.run(state, attempt).await
            })
        });
        let kind = Kind { run, most_attempts: J::MOST_ATTEMPTS, lease: J::LEASE, lane: J::LANE };
        self.kinds.insert(J::NAME, kind);
        self
    }

    /// Jobs of this kind run by themselves, again and again, on one replica at a time.
    #[must_use]
    pub fn every<J: Job<State = S>>(mut self, every: Duration, job: &J) -> Self {
        let payload = serde_json::to_value(job).unwrap_or_default();
        self.schedules.push(Recurring { name: J::NAME, lane: J::LANE, payload, every });
        self.register::<J>()
    }

    /// The lanes that there is something to find in. A newer replica's jobs may be in the main one.
    fn lanes(&self) -> impl Iterator<Item = Lane> {
        let kinds = &self.kinds;
        let is_used = move |lane: &Lane| *lane == Lane::Main || kinds.values().any(|kind| kind.lane == *lane);
        Lane::ALL.into_iter().filter(is_used)
    }
}

/// Runs a service's jobs.
pub struct Runner<S> {
    database: Database,
    clock: Clock,
    state: S,
    jobs: Jobs<S>,
    wake: Wake,
    scheduled: AtomicBool,
}

/// What was looked for, and what was found.
type Found = (Search, Vec<Claimed>);

/// How soon a job that another replica enqueued, or whose time has come, is noticed.
const POLL: Duration = Duration::from_millis(200);

impl<S: 'static> Runner<S> {
    pub fn new(database: Database, clock: Clock, state: S, jobs: Jobs<S>, wake: Wake) -> Self {
        Self { database, clock, state, jobs, wake, scheduled: AtomicBool::new(false) }
    }

    /// Runs until `stop` resolves; jobs in hand are finished first.
    ///
    /// A claim and the jobs in hand are polled together, always: a job that holds a database connection must be able to
    /// give it back while the claim waits for one. And a claim is never dropped half-way: it may have committed.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut in_hand = FuturesUnordered::new();
        let mut claiming: Option<Pin<Box<dyn Future<Output = Found> + '_>>> = None;
        let mut lanes = Lanes::new(self.jobs.lanes());
        // Ticks however busy one lane is: another one is looked into all the same.
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if claiming.is_none()
                && let Some(search) = lanes.search()
            {
                claiming = Some(Box::pin(self.look(search)));
            }
            let is_claiming = claiming.is_some();
            tokio::select! {
                () = &mut stop => break,
                Some(lane) = in_hand.next(), if !in_hand.is_empty() => lanes.finished(lane),
                (search, claimed) = pending_claim(&mut claiming), if is_claiming => {
                    claiming = None;
                    lanes.found(search, claimed.len());
                    in_hand.extend(claimed.into_iter().map(|job| self.work_in(search.lane, job)));
                }
                () = self.wake.0.notified() => lanes.look_again(),
                _ = poll.tick() => lanes.look_again(),
            }
        }
        let last =
            async { if claiming.is_some() { pending_claim(&mut claiming).await.1 } else { Vec::new() } };
        let (last, ()) = futures_util::join!(last, async { while in_hand.next().await.is_some() {} });
        for job in last {
            self.work(job).await;
        }
    }

    /// Due jobs, or none while the queue cannot be reached.
    async fn look(&self, search: Search) -> Found {
        if !self.scheduled.load(Ordering::Relaxed) {
            let installed = self.install_schedules().await.inspect_err(log_store_error).is_ok();
            self.scheduled.store(installed, Ordering::Relaxed);
        }
        (search, self.claim(search).await.inspect_err(log_store_error).unwrap_or_default())
    }

    /// Runs what is due, in every lane, until nothing is: for tests, which move the clock themselves. Returns how many ran.
    pub async fn drain(&self) -> Result<usize, shinkofa_db::Error> {
        self.install_schedules().await?;
        let mut ran = 0;
        loop {
            let mut claimed = Vec::new();
            for lane in self.jobs.lanes() {
                claimed.extend(self.claim(Search { lane, most: lane.most() }).await?);
            }
            if claimed.is_empty() {
                return Ok(ran);
            }
            for job in claimed {
                self.work(job).await;
                ran += 1;
            }
        }
    }

    /// Reports the queue's length and age.
    pub async fn report(&self) -> Result<(), shinkofa_db::Error> {
        let now = self.clock.now();
        let backlog = transaction(&self.database, &Scope::infrastructure(), "measure_jobs", async |tx| {
            store::measure(tx, now).await.map_err(shinkofa_db::Error::from)
        })
        .await?;
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!("jobs_waiting").set(backlog.waiting as f64);
            metrics::gauge!("jobs_dead").set(backlog.dead as f64);
            metrics::gauge!("jobs_oldest_seconds").set(backlog.oldest_seconds as f64);
        }
        Ok(())
    }

    async fn install_schedules(&self) -> Result<(), shinkofa_db::Error> {
        transaction(&self.database, &Scope::infrastructure(), "install_schedules", async |tx| {
            for recurring in &self.jobs.schedules {
                let every = i64::try_from(recurring.every.as_secs()).unwrap_or(i64::MAX);
                let what = (recurring.name, recurring.lane, recurring.payload.clone());
                store::schedule(tx, self.clock.new_uuid(), what, every, self.clock.now()).await?;
            }
            Ok(())
        })
        .await
    }

    async fn claim(&self, search: Search) -> Result<Vec<Claimed>, shinkofa_db::Error> {
        let now = self.clock.now();
        let leases: serde_json::Map<String, serde_json::Value> = self
            .jobs
            .kinds
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.lease.as_secs_f64().into()))
            .collect();
        transaction(&self.database, &Scope::infrastructure(), "claim_jobs", async |tx| {
            store::claim(tx, now, leases.clone().into(), search).await.map_err(shinkofa_db::Error::from)
        })
        .await
    }

    /// Says whose hand is free again.
    async fn work_in(&self, lane: Lane, job: Claimed) -> Lane {
        self.work(job).await;
        lane
    }

    async fn work(&self, job: Claimed) {
        let attempt = Attempt { number: job.attempts, tenant: job.for_tenant };
        let (result, most_attempts) = match self.jobs.kinds.get(job.name.as_str()) {
            Some(kind) => ((kind.run)(job.payload.clone(), &self.state, attempt).await, kind.most_attempts),
            // A newer replica's job: leave it to that one.
            None => (Err(Failure::Wait(Duration::from_secs(10))), i32::MAX),
        };
        let outcome = if result.is_ok() { "done" } else { "failed" };
        metrics::counter!("jobs_total", "name" => job.name.clone(), "outcome" => outcome).increment(1);
        let settled = transaction(&self.database, &Scope::infrastructure(), "settle_job", async |tx| {
            self.settle(tx, &job, &result, most_attempts).await.map_err(shinkofa_db::Error::from)
        })
        .await;
        // A job that cannot be settled now is taken again when its lease lapses.
        let _ = settled.inspect_err(log_store_error);
    }

    async fn settle(
        &self,
        tx: &mut shinkofa_db::Connection,
        job: &Claimed,
        result: &Result<(), Failure>,
        most_attempts: i32,
    ) -> diesel::QueryResult<()> {
        let now = self.clock.now();
        match (result, job.repeat_seconds) {
            (Ok(()), None) => store::delete(tx, job.id).await,
            (Ok(()), Some(every)) => {
                store::postpone(tx, job.id, now + TimeDelta::seconds(every), (0, None)).await
            }
            (Err(Failure::Wait(pause)), _) => {
                let pause = TimeDelta::from_std(*pause).unwrap_or(TimeDelta::minutes(1));
                store::postpone(tx, job.id, now + pause, (job.attempts - 1, None)).await
            }
            (Err(Failure::Retry(error) | Failure::Abort(error)), Some(every)) => {
                tracing::warn!(job = job.name, error = format!("{error:#}"), "a scheduled job failed");
                store::postpone(tx, job.id, now + TimeDelta::seconds(every), (0, Some(format!("{error:#}"))))
                    .await
            }
            (Err(Failure::Retry(error)), None) if job.attempts < most_attempts => {
                tracing::info!(
                    job = job.name,
                    attempts = job.attempts,
                    error = format!("{error:#}"),
                    "job will be retried"
                );
                let again = now + pause_after(job.attempts);
                store::postpone(tx, job.id, again, (job.attempts, Some(format!("{error:#}")))).await
            }
            (Err(Failure::Retry(error) | Failure::Abort(error)), None) => {
                tracing::error!(job = job.name, id = %job.id, error = format!("{error:#}"), "job given up");
                store::bury(tx, job.id, now, format!("{error:#}")).await
            }
        }
    }
}

async fn pending_claim(claiming: &mut Option<Pin<Box<dyn Future<Output = Found> + '_>>>) -> Found {
    match claiming {
        Some(claim) => claim.as_mut().await,
        None => std::future::pending().await,
    }
}

fn log_store_error(error: &shinkofa_db::Error) {
    tracing::warn!(error = %error, "the job queue cannot be reached");
}
