//! The state of the service: what its handlers and jobs are given.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use secrecy::SecretString;
use shinkofa_contracts::privacy::{Country, Recipient};
use shinkofa_db::Connection;
use shinkofa_jobs::Jobs;
use shinkofa_kernel::UserId;
use shinkofa_runtime::{Environment, Platform, Service, StartError};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::clients::stripe::{ReturnAddresses, Stripe};
use crate::domain::signature::WebhookSecrets;
use crate::{commands, db, jobs, measures, routes};

/// The credits service.
#[derive(Clone)]
pub struct Credits {
    pub(crate) platform: Platform,
    pub(crate) stripe: Stripe,
    pub(crate) webhook_secrets: WebhookSecrets,
    /// Stripe, where it is not a stand-in that is paid with.
    recipient: Option<Recipient>,
}

impl Credits {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.platform.clock.now()
    }

    /// Where Stripe sends the payer back to: from our own settings, never from a header of the request.
    pub(crate) fn return_addresses(&self, payment: shinkofa_contracts::PaymentId) -> ReturnAddresses {
        let page = |outcome: &str| {
            let mut url = self.platform.settings.public_url.clone();
            url.set_path(&format!("/payment/{payment}"));
            url.set_query(Some(&format!("checkout={outcome}")));
            url.into()
        };
        ReturnAddresses { success: page("success"), cancel: page("cancelled") }
    }
}

/// Who it is, what for, and what they are told.
const STRIPE: [&str; 3] = [
    "Stripe",
    "taking payments",
    "what is bought and for how much, and what the person enters at the payment page",
];

impl Service for Credits {
    const NAME: &'static str = "credits";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn start(platform: Platform, environment: &mut Environment) -> Result<Self, StartError> {
        let key = environment.required_secret("STRIPE_SECRET_KEY");
        let secrets = environment.required_secret("STRIPE_WEBHOOK_SECRET");
        let base = environment.optional("STRIPE_API_BASE");
        if !key.is_empty() && !key.starts_with("sk_") && !key.starts_with("rk_") {
            environment.fault("STRIPE_SECRET_KEY must be `sk_...` or `rk_...`");
        }
        if base.is_some() && key.contains("_live_") {
            environment
                .fault("STRIPE_API_BASE is set: a live key would be sent to somebody who is not Stripe");
        }
        let webhook_secrets = WebhookSecrets::parse(&secrets);
        if let (Err(reason), false) = (&webhook_secrets, secrets.is_empty()) {
            environment.fault(format!("STRIPE_WEBHOOK_SECRET {reason}"));
        }
        let stripe = Stripe::new(&SecretString::from(key), base.as_deref());
        if let Err(error) = &stripe {
            environment.fault(format!("STRIPE_API_BASE or STRIPE_SECRET_KEY cannot be used: {error}"));
        }
        let country = environment.parsed_optional::<Country>("STRIPE_COUNTRY");
        let recipient = base.is_none().then(|| Recipient::new(Self::NAME, STRIPE, country));
        environment.finish()?;
        let (Ok(stripe), Ok(webhook_secrets)) = (stripe, webhook_secrets) else {
            return Err(StartError::Other(anyhow::anyhow!("the settings of Stripe are missing")));
        };
        measures::describe();
        Ok(Self { platform, stripe, webhook_secrets, recipient })
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        routes::public(config);
    }

    fn internal_routes(config: &mut ServiceConfig<'_>) {
        routes::internal(config);
    }

    fn jobs() -> Jobs<Self> {
        const MINUTE: Duration = Duration::from_secs(60);
        Jobs::default()
            .register::<jobs::finish_checkout::FinishCheckout>()
            .register::<jobs::settle_payment::SettlePayment>()
            .every(MINUTE, &jobs::expire_lots::ExpireLots {})
            .every(MINUTE, &jobs::settle_overdue_holds::SettleOverdueHolds {})
            .every(10 * MINUTE, &jobs::reconcile_payments::ReconcilePayments {})
            .every(24 * 60 * MINUTE, &jobs::backfill_payments::BackfillPayments { after: None })
            .every(60 * MINUTE, &jobs::check_ledger::CheckLedger::default())
            .every(24 * 60 * MINUTE, &jobs::forget_old_records::ForgetOldRecords {})
    }

    async fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        Ok(db::personal::export(tx, user).await?)
    }

    async fn erase_personal_data(&self, tx: &mut Connection, user: UserId) -> Result<(), shinkofa_db::Error> {
        Ok(db::personal::erase(tx, user).await?)
    }

    fn recipients(&self) -> Vec<Recipient> {
        self.recipient.iter().cloned().collect()
    }

    async fn command(&self, name: &str, arguments: &[String]) -> Result<(), StartError> {
        match name {
            "grant" => commands::grant::run(self, arguments).await,
            other => Err(StartError::UnknownCommand(other.to_owned())),
        }
    }
}
