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

use crate::job::pause_after;
use crate::store::{self, Claimed};
use crate::{Attempt, Failure, Job};

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
}

struct Recurring {
    name: &'static str,
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
        self.kinds.insert(J::NAME, Kind { run, most_attempts: J::MOST_ATTEMPTS, lease: J::LEASE });
        self
    }

    /// Jobs of this kind run by themselves, again and again, on one replica at a time.
    #[must_use]
    pub fn every<J: Job<State = S>>(mut self, every: Duration, job: &J) -> Self {
        let payload = serde_json::to_value(job).unwrap_or_default();
        self.schedules.push(Recurring { name: J::NAME, payload, every });
        self.register::<J>()
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

/// Jobs in hand at once.
const CONCURRENCY: usize = 8;
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
        let mut claiming: Option<Pin<Box<dyn Future<Output = Vec<Claimed>> + '_>>> = None;
        let (mut look, mut asked) = (true, 0);
        loop {
            let room = CONCURRENCY - in_hand.len();
            if look && claiming.is_none() && room > 0 {
                claiming = Some(Box::pin(self.look(room)));
                (look, asked) = (false, room);
            }
            let is_claiming = claiming.is_some();
            tokio::select! {
                () = &mut stop => break,
                Some(()) = in_hand.next(), if !in_hand.is_empty() => {}
                claimed = pending_claim(&mut claiming), if is_claiming => {
                    claiming = None;
                    // As many as were asked for: there are probably more.
                    look = claimed.len() == asked;
                    in_hand.extend(claimed.into_iter().map(|job| self.work(job)));
                }
                () = self.wake.0.notified() => look = true,
                () = tokio::time::sleep(POLL) => look = true,
            }
        }
        let last = async { if claiming.is_some() { pending_claim(&mut claiming).await } else { Vec::new() } };
        let (last, ()) = futures_util::join!(last, async { while in_hand.next().await.is_some() {} });
        for job in last {
            self.work(job).await;
        }
    }

    /// Due jobs, or none while the queue cannot be reached.
    async fn look(&self, room: usize) -> Vec<Claimed> {
        if !self.scheduled.load(Ordering::Relaxed) {
            let installed = self.install_schedules().await.inspect_err(log_store_error).is_ok();
            self.scheduled.store(installed, Ordering::Relaxed);
        }
        self.claim(room).await.inspect_err(log_store_error).unwrap_or_default()
    }

    /// Runs what is due until nothing is: for tests, which move the clock themselves. Returns how many ran.
    pub async fn drain(&self) -> Result<usize, shinkofa_db::Error> {
        self.install_schedules().await?;
        let mut ran = 0;
        loop {
            let claimed = self.claim(CONCURRENCY).await?;
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
                let what = (recurring.name, recurring.payload.clone());
                store::schedule(tx, self.clock.new_uuid(), what, every, self.clock.now()).await?;
            }
            Ok(())
        })
        .await
    }

    async fn claim(&self, most: usize) -> Result<Vec<Claimed>, shinkofa_db::Error> {
        let now = self.clock.now();
        let leases: serde_json::Map<String, serde_json::Value> = self
            .jobs
            .kinds
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.lease.as_secs_f64().into()))
            .collect();
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        transaction(&self.database, &Scope::infrastructure(), "claim_jobs", async |tx| {
            store::claim(tx, now, leases.clone().into(), most).await.map_err(shinkofa_db::Error::from)
        })
        .await
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

async fn pending_claim(
    claiming: &mut Option<Pin<Box<dyn Future<Output = Vec<Claimed>> + '_>>>,
) -> Vec<Claimed> {
    match claiming {
        Some(claim) => claim.as_mut().await,
        None => std::future::pending().await,
    }
}

fn log_store_error(error: &shinkofa_db::Error) {
    tracing::warn!(error = %error, "the job queue cannot be reached");
}
