//! A service with its two listeners, bound and ready to run: by its binary, or inside a test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use shinkofa_db::{Migrations, WorkerIndex};
use shinkofa_web::{ContinueTrace, observe};
use tokio::sync::watch;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::documentation::{Document, KnownPaths, document, openapi, openapi_internal, unmatched};
use crate::health::{self, Draining};
use crate::known_hosts::answer_at_known_hosts;
use crate::privacy::{self, Exporter};
use crate::processing::{Recipients, read_processing_register};
use crate::{Service, StartError, background, trust};

/// Everything a service's schema consists of, in the order it is made.
pub fn migrations<S: Service>() -> Migrations {
    Migrations::new([
        shinkofa_db::MIGRATIONS,
        shinkofa_jobs::MIGRATIONS,
        shinkofa_feed::MIGRATIONS,
        shinkofa_web::MIGRATIONS,
        S::MIGRATIONS,
    ])
}

/// The internal routes that every service has.
pub(crate) fn shared_internal_routes(config: &mut ServiceConfig<'_>) {
    config.service(shinkofa_feed::read_feed);
    config.service(privacy::export_personal_data);
    config.service(privacy::erasure_progress);
    config.service(read_processing_register);
}

/// A running service.
pub struct Server<S> {
    service: S,
    pub public_addr: SocketAddr,
    pub internal_addr: SocketAddr,
    handles: [ServerHandle; 2],
    draining: Draining,
}

/// Bodies larger than this are refused. Uploads have services and limits of their own.
const BODY_LIMIT: usize = 256 * 1024;
/// How long requests in hand may take once the process was told to stop.
const DRAIN_SECONDS: u64 = 25;

impl<S: Service> Server<S> {
    /// Binds both listeners and starts answering. Background work is started apart.
    pub fn start(
        service: S,
        metrics: Option<PrometheusHandle>,
        trace: Option<ContinueTrace>,
    ) -> Result<Self, StartError> {
        let settings = service.platform().settings.clone();
        let draining = Draining::default();
        // Pool 0 is the main thread's.
        let next_worker = Arc::new(AtomicUsize::new(1));

        let document = openapi::<S>();
        let served = Document(serde_json::to_vec(&document).map_err(anyhow::Error::from)?.into());
        let known = KnownPaths::of(&document);
        let (state, worker) = (service.clone(), next_worker.clone());
        let public = HttpServer::new(move || {
            WorkerIndex(worker.fetch_add(1, Ordering::Relaxed)).enter();
            App::new()
                .into_utoipa_app()
                .configure(S::routes)
                .into_app()
                .configure(|config| shared_data(config, &state, trace))
                .app_data(web::Data::new(served.clone()))
                .app_data(web::Data::new(known.clone()))
                .route(&format!("/api/docs/{}.json", S::NAME), web::get().to(self::document))
                .default_service(web::to(unmatched))
                .wrap(from_fn(answer_at_known_hosts))
                .wrap(from_fn(observe))
        });

        let known = KnownPaths::of(&openapi_internal::<S>());
        let (state, draining_state) = (service.clone(), draining.clone());
        let recipients = Recipients(service.recipients());
        let internal = HttpServer::new(move || {
            WorkerIndex(next_worker.fetch_add(1, Ordering::Relaxed)).enter();
            App::new()
                .into_utoipa_app()
                .configure(S::internal_routes)
                .configure(shared_internal_routes)
                .into_app()
                .configure(|config| shared_data(config, &state, trace))
                .app_data(web::Data::new(known.clone()))
                .app_data(web::Data::new(metrics.clone()))
                .app_data(web::Data::new(draining_state.clone()))
                .app_data(web::Data::new(Exporter::of::<S>()))
                .app_data(web::Data::new(recipients.clone()))
                .service(health::healthz)
                .service(health::readyz)
                .service(health::metrics)
                .default_service(web::to(unmatched))
                .wrap(from_fn(observe))
        });

        let bind = |addr: SocketAddr| {
            bind(addr).map_err(|error| anyhow::anyhow!("cannot listen on {addr}: {error}"))
        };
        let (public_socket, internal_socket) = (bind(settings.public_addr)?, bind(settings.internal_addr)?);
        let addresses = (public_socket.local_addr(), internal_socket.local_addr());
        let public = public
            .workers(settings.workers)
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS)
            .keep_alive(Duration::from_secs(75))
            .listen(public_socket)
            .map_err(anyhow::Error::from)?
            .run();
        let internal = internal
            .workers(settings.workers)
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS)
            .keep_alive(Duration::from_secs(75))
            .listen(internal_socket)
            .map_err(anyhow::Error::from)?
            .run();
        let handles = [public.handle(), internal.handle()];
        actix_web::rt::spawn(public);
        actix_web::rt::spawn(internal);
        Ok(Self {
            service,
            public_addr: addresses.0.map_err(anyhow::Error::from)?,
            internal_addr: addresses.1.map_err(anyhow::Error::from)?,
            handles,
            draining,
        })
    }

    pub fn service(&self) -> &S {
        &self.service
    }

    /// Runs jobs, feeds and snapshots until `stop`; then finishes what is in hand and closes the listeners.
    pub async fn run_background(self, stop: watch::Receiver<bool>) {
        background::run(self.service.clone(), stop).await;
        self.stop().await;
    }

    /// Asks for no more requests: `/readyz` says so from now on, and nobody waits here for an event any more.
    pub fn drain(&self) -> impl Fn() + 'static + use<S> {
        let (draining, appended) = (self.draining.clone(), self.service.platform().appended.clone());
        move || {
            draining.0.store(true, Ordering::Relaxed);
            appended.close();
        }
    }

    /// Finishes the requests in hand and closes both listeners.
    pub async fn stop(self) {
        let [public, internal] = self.handles;
        public.stop(true).await;
        internal.stop(true).await;
        self.service.platform().database.close();
    }

    /// Runs due jobs until none is due, for tests. Returns how many ran.
    pub async fn run_jobs(&self) -> Result<usize, shinkofa_db::Error> {
        background::runner(&self.service).drain().await
    }

    /// Reads what auth has revoked since `after`, for tests. Returns where to go on from.
    pub async fn read_revocations(&self, after: i64) -> Result<i64, String> {
        let read = trust::read_revocations(self.service.platform(), after).await;
        read.map_err(|error| format!("{error:#}"))
    }

    /// Applies every event that the peers' feeds hold now, for tests, and looks at the tenants again. Returns how many.
    pub async fn read_feeds(&self) -> Result<usize, String> {
        let mut passed = 0;
        for subscription in background::subscriptions(&self.service) {
            passed += (subscription.drain)(self.service.platform().clone()).await?;
        }
        self.service.platform().refresh_tenants().await.map_err(|error| error.to_string())?;
        Ok(passed)
    }
}

/// `SO_REUSEADDR` as the standard library sets it, so that a restart does not wait for old connections to time out.
fn bind(addr: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn shared_data<S: Service>(config: &mut web::ServiceConfig, service: &S, trace: Option<ContinueTrace>) {
    let platform = service.platform();
    config
        .app_data(web::Data::new(service.clone()))
        .app_data(web::Data::new(platform.clone()))
        .app_data(web::Data::new(platform.identity.clone()))
        .app_data(web::Data::new(platform.database.clone()))
        .app_data(web::Data::new(platform.clock.clone()))
        .app_data(web::Data::new(platform.appended.clone()))
        .app_data(web::PayloadConfig::new(BODY_LIMIT));
    if let Some(trace) = trace {
        config.app_data(web::Data::new(trace));
    }
}
