//! What a service is.

use std::pin::Pin;

use diesel_migrations::EmbeddedMigrations;
use shinkofa_contracts::privacy::Recipient;
use shinkofa_db::Connection;
use shinkofa_feed::{FeedReader, Subscriber};
use shinkofa_jobs::Jobs;
use shinkofa_kernel::UserId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{Environment, Faults, Platform};

/// A service, which is also the state that its handlers and jobs are given.
pub trait Service: Clone + Send + Sync + 'static {
    /// Names the binary, the schema, the roles and the audience of service tokens.
    const NAME: &'static str;

    /// The service's own migrations; those of the shared crates run before them.
    const MIGRATIONS: EmbeddedMigrations;

    /// Reads the service's own configuration and builds the state. Faults that `environment` notes stop the start.
    fn start(
        platform: Platform,
        environment: &mut Environment,
    ) -> impl Future<Output = Result<Self, StartError>>;

    fn platform(&self) -> &Platform;

    /// Every route of the public listener.
    fn routes(config: &mut ServiceConfig<'_>);

    /// Every route of the internal listener, beneath `/internal/v1`.
    fn internal_routes(_config: &mut ServiceConfig<'_>) {}

    fn jobs() -> Jobs<Self> {
        Jobs::default()
    }

    /// The feeds that it reads.
    fn subscriptions(&self) -> Subscriptions {
        Subscriptions::default()
    }

    /// Everything this service knows about a person in the transaction's tenant, for a copy they asked for.
    fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> impl Future<Output = Result<serde_json::Value, shinkofa_db::Error>>;

    /// Forgets a person in the transaction's tenant, except what the law makes the tenant keep, without the name.
    fn erase_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> impl Future<Output = Result<(), shinkofa_db::Error>>;

    /// Whom outside the platform this service, as it is configured, tells something of people: the register of processing names them.
    fn recipients(&self) -> Vec<Recipient>;

    /// A command of the service's own, beside those that every binary has.
    fn command(&self, name: &str, _arguments: &[String]) -> impl Future<Output = Result<(), StartError>> {
        let unknown = StartError::UnknownCommand(name.to_owned());
        async { Err(unknown) }
    }
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error("unknown command {0:?}: serve, migrate, check-config, health and openapi are known")]
    UnknownCommand(String),
    #[error(transparent)]
    Database(#[from] shinkofa_db::Error),
    #[error(transparent)]
    Migration(#[from] shinkofa_db::MigrationError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

type Follow =
    Box<dyn FnOnce(Platform, tokio::sync::watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()>>>>;
type Drain = Box<dyn Fn(Platform) -> Pin<Box<dyn Future<Output = Result<usize, String>>>>>;

/// The feeds a service reads, each by a subscriber of its own.
#[derive(Default)]
pub struct Subscriptions(Vec<Subscription>);

pub(crate) struct Subscription {
    pub(crate) follow: Follow,
    pub(crate) drain: Drain,
}

impl Subscriptions {
    #[must_use]
    pub fn follow<S: Subscriber + Clone + 'static>(mut self, subscriber: S) -> Self {
        let follower = subscriber.clone();
        self.0.push(Subscription {
            follow: Box::new(move |platform, stop| {
                Box::pin(async move {
                    match reader(&platform, follower) {
                        Ok(reader) => reader.run(stopped(stop)).await,
                        Err(error) => tracing::error!(error, "a feed cannot be followed"),
                    }
                })
            }),
            drain: Box::new(move |platform| {
                let subscriber = subscriber.clone();
                Box::pin(async move { reader(&platform, subscriber)?.drain().await })
            }),
        });
        self
    }

    pub(crate) fn into_inner(self) -> Vec<Subscription> {
        self.0
    }
}

fn reader<S: Subscriber>(platform: &Platform, subscriber: S) -> Result<FeedReader<S>, String> {
    let peer = platform
        .peers
        .peer::<shinkofa_contracts::FeedScope>(subscriber.feed())
        .map_err(|error| error.to_string())?;
    Ok(FeedReader::new(platform.database.clone(), platform.clock.clone(), peer, subscriber))
}

/// Resolves when `stop` says so, or when nobody is left to say it.
pub(crate) async fn stopped(mut stop: tokio::sync::watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
