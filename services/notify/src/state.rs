//! What handlers and jobs are given, and how it is configured.

use std::sync::Arc;

use chrono_tz::Tz;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use lettre::message::Mailbox;
use shinkofa_contracts::privacy::{Country, Recipient};
use shinkofa_db::Connection;
use shinkofa_identity::SealingKey;
use shinkofa_jobs::Jobs;
use shinkofa_kernel::UserId;
use shinkofa_runtime::{Environment, Platform, Service, StartError, Subscriptions};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::clients::{DevelopmentMailbox, Outbox, SmtpRelay};
use crate::domain::LetterTemplates;
use crate::handlers::MailboxPage;
use crate::subscriptions::{AuthEvents, BookingEvents, CreditsEvents};
use crate::{jobs, measures, privacy, routes};

/// The service.
#[derive(Clone)]
pub struct Notify {
    pub(crate) platform: Platform,
    pub(crate) outbox: Outbox,
    pub(crate) templates: Arc<LetterTemplates>,
    pub(crate) mailbox_page: Arc<MailboxPage>,
    /// Opens what auth sealed for us.
    pub(crate) delivery_key: Arc<SealingKey>,
    /// Where the mail server is that letters are handed to, if the operator says it.
    mail_country: Option<Country>,
}

/// Who it is, what for, and what they are told.
const MAIL_SERVER: [&str; 3] = [
    "the mail server that letters are handed to",
    "delivering letters",
    "the person's address and name, and what each letter says",
];

impl Service for Notify {
    const NAME: &'static str = "notify";

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

    async fn start(platform: Platform, environment: &mut Environment) -> Result<Self, StartError> {
        measures::describe();
        let outbox = outbox(&platform, environment);
        let key = environment.required_secret("SHINKOFA_DELIVERY_KEY");
        let delivery_key = match SealingKey::parse(&key) {
            Ok(key) => Some(key),
            Err(_) if key.is_empty() => None,
            Err(error) => {
                environment.fault(format!("SHINKOFA_DELIVERY_KEY: {error}"));
                None
            }
        };
        let mail_country = environment.parsed_optional::<Country>("SMTP_COUNTRY");
        environment.finish()?;
        let (Some(outbox), Some(delivery_key)) = (outbox, delivery_key) else {
            return Err(StartError::Other(anyhow::anyhow!("the configuration is incomplete")));
        };
        Ok(Self {
            platform,
            outbox,
            templates: Arc::new(LetterTemplates::load().map_err(anyhow::Error::from)?),
            mailbox_page: Arc::new(MailboxPage::load().map_err(anyhow::Error::from)?),
            delivery_key: Arc::new(delivery_key),
            mail_country,
        })
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::public(config);
    }

    fn jobs() -> Jobs<Self> {
        jobs::all()
    }

    fn subscriptions(&self) -> Subscriptions {
        let clock = &self.platform.clock;
        Subscriptions::default()
            .follow(AuthEvents { clock: clock.clone() })
            .follow(CreditsEvents { clock: clock.clone() })
            .follow(BookingEvents { clock: clock.clone() })
    }

    async fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        privacy::export(tx, user).await
    }

    async fn erase_personal_data(&self, tx: &mut Connection, user: UserId) -> Result<(), shinkofa_db::Error> {
        privacy::erase(tx, user, self.platform.clock.now()).await
    }

    /// The mailbox of a development installation is its own.
    fn recipients(&self) -> Vec<Recipient> {
        match &self.outbox {
            Outbox::Smtp(_) => vec![Recipient::new(Self::NAME, MAIL_SERVER, self.mail_country.clone())],
            Outbox::Mailbox(_) => Vec::new(),
        }
    }
}

/// SMTP where a server is configured; the mailbox only where nobody else's mail could end in it.
fn outbox(platform: &Platform, environment: &mut Environment) -> Option<Outbox> {
    let domain = &platform.settings.base_domain;
    let Some(smtp_url) = environment.secret("SMTP_URL") else {
        if domain.ends_with(".localhost") {
            let (database, clock) = (platform.database.clone(), platform.clock.clone());
            return Some(Outbox::Mailbox(DevelopmentMailbox { database, clock }));
        }
        environment
            .fault("SMTP_URL is not set, and only a base domain that ends in .localhost may do without");
        return None;
    };
    let from = environment.optional("MAIL_FROM").unwrap_or_else(|| format!("Shinkofa <no-reply@{domain}>"));
    let Ok(from) = from.parse::<Mailbox>() else {
        environment.fault("MAIL_FROM cannot be read: `Name <address>` is expected");
        return None;
    };
    SmtpRelay::new(&smtp_url, from, domain)
        .map_err(|fault| environment.fault(fault.to_string()))
        .ok()
        .map(|relay| Outbox::Smtp(Box::new(relay)))
}

impl Notify {
    /// The zone in which a tenant's times are told. A name that this build does not know falls back to UTC, which the
    /// letter then says.
    pub(crate) fn zone(name: &str) -> Tz {
        name.parse().unwrap_or(Tz::UTC)
    }
}
