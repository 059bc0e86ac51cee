//! A service that does nothing but let the shared crates be looked at.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::privacy::Recipient;
use shinkofa_contracts::{Event, EventPayload};
use shinkofa_db::{Connection, Scope, prepared_query, transaction};
use shinkofa_feed::{ApplyError, Occurrence, Subscriber, append};
use shinkofa_identity::permissions::ManageSessions;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_jobs::{Attempt, Failure, Job, Jobs, Lane};
use shinkofa_kernel::{Actor, TenantId, UserId};
use shinkofa_runtime::{Confirmed, Environment, Platform, Service, StartError, Subscriptions};
use shinkofa_web::Problem;
use tokio::sync::Semaphore;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Probe {
    pub(crate) platform: Platform,
    pub(crate) runs: Arc<AtomicUsize>,
    /// Poison does no harm any more.
    pub(crate) cured: Arc<AtomicBool>,
    /// The numbers of those that were sent, in their order.
    pub(crate) sent: Arc<Mutex<Vec<u32>>>,
    /// As many receivers answer as there are permits.
    pub(crate) receivers: Arc<Semaphore>,
}

impl Service for Probe {
    const NAME: &'static str = "probe";

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

    async fn start(platform: Platform, _environment: &mut Environment) -> Result<Self, StartError> {
        let receivers = Arc::new(Semaphore::new(0));
        Ok(Self { platform, runs: Arc::default(), cured: Arc::default(), sent: Arc::default(), receivers })
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        config.service(who_am_i).service(plan).service(settle).service(hang);
    }

    fn jobs() -> Jobs<Self> {
        Jobs::default().register::<Fail>().register::<Count>().register::<Deliver>()
    }

    fn subscriptions(&self) -> Subscriptions {
        Subscriptions::default().follow(Effects(self.cured.clone()))
    }

    async fn export_personal_data(
        &self,
        _tx: &mut Connection,
        _user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        Ok(serde_json::Value::Null)
    }

    async fn erase_personal_data(
        &self,
        _tx: &mut Connection,
        _user: UserId,
    ) -> Result<(), shinkofa_db::Error> {
        Ok(())
    }

    /// Nobody outside the platform is told anything.
    fn recipients(&self) -> Vec<Recipient> {
        Vec::new()
    }
}

/// Says who asks.
#[utoipa::path(security(("bearer" = [])), responses((status = 200)))]
#[get("/api/probe/me")]
async fn who_am_i(actor: CurrentActor) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "userId": actor.user_id }))
}

/// For who may plan.
#[utoipa::path(security(("bearer" = [])), responses((status = 204)))]
#[post("/api/probe/plan")]
async fn plan(_caller: RequirePermission<ManageSessions>) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// For who may plan, as auth knows it now.
#[utoipa::path(security(("bearer" = [])), responses((status = 204)))]
#[post("/api/probe/settle")]
async fn settle(_caller: Confirmed<RequirePermission<ManageSessions>>) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Begins a transaction for its tenant and is cancelled in the middle of it.
#[utoipa::path(security(("bearer" = [])), responses((status = 503)))]
#[post("/api/probe/hang")]
async fn hang(state: web::Data<Probe>, actor: CurrentActor) -> Result<HttpResponse, Problem> {
    let scope = Scope::tenant(actor.tenant_id);
    let work = transaction(&state.platform.database, &scope, "hang", async |_tx| {
        std::future::pending::<Result<(), shinkofa_db::Error>>().await
    });
    match tokio::time::timeout(Duration::from_millis(50), work).await {
        Ok(_) => Ok(HttpResponse::Ok().finish()),
        Err(_) => Err(Problem::unavailable("cancelled")),
    }
}

/// Something that happened, for the feed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ticked {
    pub(crate) number: i64,
    /// A subscriber cannot apply it.
    #[serde(default)]
    pub(crate) poison: bool,
}

impl EventPayload for Ticked {
    const TYPE: &'static str = "probe.ticked";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "probe";
    type Personal = ();
}

/// Something that is nobody's concern.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hummed {}

impl EventPayload for Hummed {
    const TYPE: &'static str = "probe.hummed";
    const VERSION: i32 = 1;
    const AGGREGATE: &'static str = "probe";
    type Personal = ();
}

/// Records a hum of `aggregate`, inside the caller's transaction.
pub(crate) async fn hum(
    tx: &mut Connection,
    platform: &Platform,
    aggregate: Uuid,
) -> diesel::QueryResult<i64> {
    let occurrence = Occurrence {
        clock: &platform.clock,
        tenant: Some(TenantId::DEFAULT),
        actor: Actor::service("probe"),
    };
    append(tx, &occurrence, aggregate, &Hummed {}, None).await
}

/// Records a tick of `aggregate`, inside the caller's transaction.
pub(crate) async fn tick(
    tx: &mut Connection,
    platform: &Platform,
    aggregate: Uuid,
    ticked: &Ticked,
) -> diesel::QueryResult<i64> {
    let occurrence = Occurrence {
        clock: &platform.clock,
        tenant: Some(TenantId::DEFAULT),
        actor: Actor::service("probe"),
    };
    append(tx, &occurrence, aggregate, ticked, None).await
}

/// Writes down every event that it applies.
#[derive(Clone)]
pub(crate) struct Effects(Arc<AtomicBool>);

prepared_query! {
    struct RecordEffect { tenant: TenantId as Uuid, event: Uuid as Uuid, aggregate: Uuid as Uuid, seq: i64 as BigInt }
    " INSERT INTO effects (tenant_id, event_id, aggregate_id, aggregate_seq)
    SELECT tenant, event, aggregate, seq FROM input"
}

impl Subscriber for Effects {
    fn feed(&self) -> &'static str {
        "probe"
    }

    fn concerns(&self, event: &Event) -> bool {
        event.is::<Ticked>()
    }

    async fn apply(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        use diesel_async::RunQueryDsl as _;
        if event.payload::<Ticked>()?.poison && !AtomicBool::load(&self.0, Ordering::Relaxed) {
            return Err(ApplyError::Poison(anyhow::anyhow!("it is poison")));
        }
        RecordEffect {
            tenant: TenantId::DEFAULT,
            event: event.id,
            aggregate: event.aggregate.id,
            seq: event.aggregate.seq,
        }
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Never succeeds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fail {
    pub(crate) hopeless: bool,
}

impl Job for Fail {
    const NAME: &'static str = "probe.fail";
    const MOST_ATTEMPTS: i32 = 3;

    type State = Probe;

    async fn run(self, state: &Probe, _attempt: Attempt) -> Result<(), Failure> {
        state.runs.fetch_add(1, Ordering::Relaxed);
        let error = std::io::Error::other("not today");
        if self.hopeless { Err(Failure::Abort(error.into())) } else { Err(Failure::Retry(error.into())) }
    }
}

/// Counts its runs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Count;

impl Job for Count {
    const NAME: &'static str = "probe.count";

    type State = Probe;

    async fn run(self, state: &Probe, _attempt: Attempt) -> Result<(), Failure> {
        state.runs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Waits until a receiver answers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Deliver {
    pub(crate) number: u32,
}

impl Job for Deliver {
    const NAME: &'static str = "probe.deliver";
    const LANE: Lane = Lane::Outbound;

    type State = Probe;

    async fn run(self, state: &Probe, _attempt: Attempt) -> Result<(), Failure> {
        state.sent.lock().unwrap().push(self.number);
        drop(state.receivers.acquire().await?);
        Ok(())
    }
}

/// Random numbers that are the same in every run.
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        x % bound
    }
}

pub(crate) async fn later(
    app: &shinkofa_testing::TestApp<Probe>,
    job: &impl Job<State = Probe>,
    at: DateTime<Utc>,
) {
    let platform = &app.service().platform;
    transaction(app.pool(), &Scope::infrastructure(), "enqueue", async |tx| {
        shinkofa_jobs::enqueue(tx, &platform.clock, None, at, job).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .unwrap();
}
