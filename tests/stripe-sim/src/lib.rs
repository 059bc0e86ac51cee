//! A stand-in for the part of Stripe that the credits service calls: its API, its Checkout page and
//! its webhooks, with controls that let tests make all three misbehave.

// The shapes are `json!` literals with more members than the default limit lets a macro take.
#![recursion_limit = "512"]

pub mod clock;
pub mod config;
pub mod logging;

mod api_call;
mod domain;
mod error;
mod faults;
mod front_desk;
mod handlers;
mod page;
mod routes;
mod shapes;
mod sim_body;
mod stand_in;
mod store;
mod webhooks;

pub use config::Config;

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use clock::WallClock;
use domain::ids::IdSource;
use stand_in::StandIn;
use webhooks::pump;

/// How long a stop waits for calls that are under way.
const DRAIN_SECONDS: u64 = 5;

/// A server that has its port, and answers once it is run.
pub struct Running {
    pub address: SocketAddr,
    server: Server,
    stand_in: Arc<StandIn>,
}

/// Binds the port and reads the journal. Must be called inside a Tokio runtime.
pub fn start(config: Config, wall: WallClock) -> anyhow::Result<Running> {
    let address = config.address;
    let ids = IdSource::from_entropy();
    let stand_in = Arc::new(StandIn::new(config, wall, ids)?);
    let shared = web::Data::from(Arc::clone(&stand_in));
    let server = HttpServer::new(move || App::new().app_data(shared.clone()).configure(routes::configure))
        // Longer than a gateway keeps an idle connection, so that it never writes to one that is just being closed.
        .keep_alive(std::time::Duration::from_secs(75))
        .workers(2)
        .shutdown_timeout(DRAIN_SECONDS)
        .bind(address)
        .with_context(|| format!("cannot listen on {address}"))?;
    let address = server.addrs().first().copied().context("the server has no address")?;
    tracing::info!(%address, "listening");
    Ok(Running { address, server: server.run(), stand_in })
}

impl Running {
    /// Stops the server from outside.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves and delivers until the server is stopped.
    pub async fn run(self) -> anyhow::Result<()> {
        let deliveries = tokio::spawn(pump::run(self.stand_in));
        let served = self.server.await;
        deliveries.abort();
        served.context("the server failed")
    }
}
