//! The service itself: what its handlers and jobs are given, and how the runtime starts it.

use chrono::TimeDelta;
use diesel_migrations::EmbeddedMigrations;
use shinkofa_contracts::privacy::Recipient;
use shinkofa_db::Connection;
use shinkofa_jobs::Jobs;
use shinkofa_kernel::UserId;
use shinkofa_runtime::{Environment, Platform, Service, StartError};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::clients::Credits;
use crate::{jobs, measures, privacy, routes};

#[derive(Clone)]
pub struct Booking {
    pub platform: Platform,
    pub(crate) credits: Credits,
    /// How long a seat is kept while the credits are being set aside.
    pub(crate) seat_hold: TimeDelta,
}

const SEAT_HOLD_SECONDS: u32 = 300;
const LONGEST_SEAT_HOLD_SECONDS: u32 = 3600;

impl Service for Booking {
    const NAME: &'static str = "booking";

    const MIGRATIONS: EmbeddedMigrations = diesel_migrations::embed_migrations!();

    async fn start(platform: Platform, environment: &mut Environment) -> Result<Self, StartError> {
        let seconds = environment.parsed("BOOKING_SEAT_HOLD_SECONDS", SEAT_HOLD_SECONDS);
        if !(1..=LONGEST_SEAT_HOLD_SECONDS).contains(&seconds) {
            environment.fault(format!(
                "BOOKING_SEAT_HOLD_SECONDS must be between 1 and {LONGEST_SEAT_HOLD_SECONDS}"
            ));
        }
        let credits = Credits::new(&platform.peers);
        if let Err(error) = &credits {
            environment.fault(format!("SHINKOFA_PEER_CREDITS is needed: {error}"));
        }
        environment.finish()?;
        measures::describe();
        Ok(Self {
            platform,
            credits: credits.map_err(anyhow::Error::from)?,
            seat_hold: TimeDelta::seconds(i64::from(seconds)),
        })
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::public(config);
    }

    fn internal_routes(config: &mut ServiceConfig<'_>) {
        routes::internal(config);
    }

    fn jobs() -> Jobs<Self> {
        jobs::all()
    }

    async fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        privacy::export(tx, user).await
    }

    async fn erase_personal_data(&self, tx: &mut Connection, user: UserId) -> Result<(), shinkofa_db::Error> {
        privacy::erase(self, tx, user).await
    }

    /// Nobody outside the platform is told anything.
    fn recipients(&self) -> Vec<Recipient> {
        Vec::new()
    }
}
