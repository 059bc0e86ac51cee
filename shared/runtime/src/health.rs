//! Probes and metrics, on the internal listener only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use shinkofa_db::{Scope, transaction};

use crate::Platform;

/// Set when the process was told to stop: it then asks to be sent nothing more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(pub(crate) Arc<AtomicBool>);

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    degraded: Vec<&'static str>,
}

/// The process answers.
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Ready means: its own database answers, and it knows what auth has revoked. What it knows may grow old while auth is away; only
/// a process that never heard anything waits. Redis is a help, not a need, so its absence only degrades.
#[get("/readyz")]
pub(crate) async fn readyz(platform: web::Data<Platform>, draining: web::Data<Draining>) -> HttpResponse {
    if draining.0.load(Ordering::Relaxed) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "draining", Vec::new());
    }
    let scope = Scope::infrastructure();
    let database =
        transaction(&platform.database, &scope, "readiness", async |_| Ok::<_, shinkofa_db::Error>(()));
    if !matches!(tokio::time::timeout(Duration::from_secs(2), database).await, Ok(Ok(()))) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", Vec::new());
    }
    if !platform.identity.revocations.is_whole() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "revocations_unknown", Vec::new());
    }
    let degraded = if redis_answers(&platform).await { Vec::new() } else { vec!["redis"] };
    answer(StatusCode::OK, "ready", degraded)
}

async fn redis_answers(platform: &Platform) -> bool {
    match &platform.redis {
        Some(redis) => redis.answers(Duration::from_millis(300)).await,
        None => false,
    }
}

fn answer(status: StatusCode, text: &'static str, degraded: Vec<&'static str>) -> HttpResponse {
    HttpResponse::build(status).json(Readiness { status: text, degraded })
}

/// Prometheus text format.
#[get("/metrics")]
pub(crate) async fn metrics(handle: web::Data<Option<PrometheusHandle>>) -> HttpResponse {
    match handle.as_ref() {
        Some(handle) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render()),
        None => HttpResponse::NotFound().finish(),
    }
}
