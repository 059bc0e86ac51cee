//! The service as the runtime starts it, and as handlers are given it.

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use shinkofa_contracts::privacy::Recipient;
use shinkofa_db::Connection;
use shinkofa_kernel::UserId;
use shinkofa_runtime::{Environment, Platform, Service, StartError};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{db, routes};

#[derive(Clone)]
pub struct State {
    pub platform: Platform,
}

impl Service for State {
    const NAME: &'static str = "{{service}}";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

    async fn start(platform: Platform, _environment: &mut Environment) -> Result<Self, StartError> {
        Ok(Self { platform })
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::public(config);
    }

    async fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        let notes = db::notes::of_user(tx, user).await?;
        let texts: Vec<_> = notes.into_iter().map(|note| note.text).collect();
        Ok(serde_json::json!({ "userId": user, "notes": texts }))
    }

    async fn erase_personal_data(&self, tx: &mut Connection, user: UserId) -> Result<(), shinkofa_db::Error> {
        Ok(db::notes::delete_of_user(tx, user).await?)
    }

    /// Nobody outside the platform is told anything.
    fn recipients(&self) -> Vec<Recipient> {
        Vec::new()
    }
}
