//! The service itself: what its handlers and jobs are given.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use shinkofa_contracts::privacy::Recipient;
use shinkofa_db::Connection;
use shinkofa_identity::SealingKey;
use shinkofa_jobs::Jobs;
use shinkofa_kernel::{Actor, RealmId, TenantId, UserId};
use shinkofa_runtime::outbound::Outbound;
use shinkofa_runtime::{Environment, Platform, Service, StartError};
use tokio::sync::Semaphore;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::audit_chain::LONGEST_WALK;
use crate::db::audit::Trail;
use crate::domain::origin::{NotAnOrigin, Origins, TenantPages};
use crate::domain::webauthn::RelyingParty;
use crate::guesses::Guesses;
use crate::hashing::HashingPool;
use crate::jobs::deliver_webhook::DeliverWebhook;
use crate::jobs::erase_people::ErasePeople;
use crate::jobs::forget_deliveries::ForgetDeliveries;
use crate::jobs::forget_devices::ForgetDevices;
use crate::jobs::forget_signup::ForgetSignup;
use crate::jobs::mail_password_reset::MailPasswordReset;
use crate::jobs::note_keys::NoteKeys;
use crate::jobs::purge_expired::PurgeExpired;
use crate::jobs::purge_guests::PurgeGuests;
use crate::jobs::purge_temporary::PurgeTemporary;
use crate::jobs::purge_unconfirmed::PurgeUnconfirmed;
use crate::jobs::repeat_erasure::RepeatErasure;
use crate::jobs::reseal_factors::ResealFactors;
use crate::jobs::reseal_webhooks::ResealWebhooks;
use crate::jobs::resend_verification::ResendVerification;
use crate::jobs::seal_audit::SealAudit;
use crate::jobs::send_magic_link::SendMagicLink;
use crate::jobs::send_sign_in_code::SendSignInCode;
use crate::jobs::settle_email_change::SettleEmailChange;
use crate::jobs::settle_signup::SettleSignup;
use crate::jobs::settle_upgrade::SettleUpgrade;
use crate::jobs::watch_spray::WatchSpray;
use crate::leaks::Leaks;
use crate::providers::Providers;
use crate::randomness::Randomness;
use crate::register::Register;
use crate::rounds::Rounds;
use crate::switch_provider::Switch;
use crate::{
    audit_verify, create_user, privacy, routes, set_tenant_status, suspend_account, switch_provider,
};

#[derive(Clone)]
pub struct Auth {
    pub platform: Platform,
    /// The realm of this installation: whose accounts sign in here.
    pub realm: RealmId,
    pub hashing: HashingPool,
    pub guesses: Guesses,
    /// Seals what only notify may read, and the keys of sessions.
    pub sealing: SealingKey,
    pub randomness: Randomness,
    /// Who else vouches for people.
    pub providers: Providers,
    pub leaks: Leaks,
    /// Who answers for what is kept about people, and whom auth tells of it.
    pub register: Arc<Register>,
    /// Sends to addresses that tenants chose.
    pub outbound: Outbound,
    /// Whom passkeys are made for, and from where they may be shown.
    pub relying_party: RelyingParty,
    /// Whose pages may send the refresh cookie.
    pub origins: Origins,
    /// And those of tenants, each at its own host.
    pub tenant_pages: TenantPages,
    /// How far the jobs that visit every tenant have come.
    pub rounds: Rounds,
    /// Turns at putting a copy of somebody's data together: one is in memory whole before it is sent.
    pub copying: Arc<Semaphore>,
    /// Turns at walking an audit chain for whoever asks: each keeps a core and a connection busy for as long as it takes.
    pub verifying: Arc<Semaphore>,
    /// How many links of an audit chain one walk looks at. Tests shorten it.
    pub audit_walk: Arc<AtomicI64>,
}

impl Auth {
    pub fn trail(&self, tenant: TenantId, actor: Actor) -> Trail {
        Trail { clock: self.platform.clock.clone(), tenant, actor }
    }
}

/// `SHINKOFA_WEB_ORIGINS`, beside our own.
fn origins(platform: &Platform, environment: &mut Environment) -> Result<Origins, NotAnOrigin> {
    let list = environment.optional("SHINKOFA_WEB_ORIGINS").unwrap_or_default();
    Origins::new(&platform.settings.public_url, &list)
        .inspect_err(|error| environment.fault(format!("SHINKOFA_WEB_ORIGINS: {error}")))
}

const PURGE_EVERY: Duration = Duration::from_secs(300);
const RESEAL_EVERY: Duration = Duration::from_secs(3_600);
const FORGET_EVERY: Duration = Duration::from_secs(86_400);
const ERASE_EVERY: Duration = Duration::from_secs(60);
const SEAL_EVERY: Duration = Duration::from_secs(5);
const WATCH_EVERY: Duration = Duration::from_secs(30);
const COPIES_AT_ONCE: usize = 4;
const WALKS_AT_ONCE: usize = 2;

impl Service for Auth {
    const NAME: &'static str = "auth";

    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

    async fn start(platform: Platform, environment: &mut Environment) -> Result<Self, StartError> {
        let text = environment.required_secret("SHINKOFA_DELIVERY_KEY");
        let sealing = SealingKey::parse(&text).map_err(|error| {
            if !text.is_empty() {
                environment.fault(format!("SHINKOFA_DELIVERY_KEY: {error}"));
            }
            error
        });
        let providers = Providers::read(environment, &platform);
        let leaks = Leaks::read(&platform, environment);
        let register = Register::read(environment, &platform.settings.base_domain, (&providers, &leaks));
        let outbound = Outbound::read(environment, platform.clock.clone());
        let origins = origins(&platform, environment);
        environment.finish()?;
        let origins = origins.map_err(anyhow::Error::from)?;
        // The base domain, so that a passkey is good on every host of the installation.
        let domain = platform.settings.base_domain.to_ascii_lowercase();
        let tenant_pages = TenantPages::new(platform.identity.tenants.clone(), &platform.settings.public_url);
        let relying_party = RelyingParty::new(domain.clone(), origins.beneath(&domain));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            platform,
            realm: RealmId::DEFAULT,
            hashing: HashingPool::new(cores)?,
            guesses: Guesses::default(),
            sealing: sealing.map_err(anyhow::Error::from)?,
            randomness: Randomness,
            providers,
            leaks,
            register: Arc::new(register),
            outbound,
            relying_party: relying_party.with_tenants(tenant_pages.clone()),
            origins,
            tenant_pages,
            rounds: Rounds::default(),
            copying: Arc::new(Semaphore::new(COPIES_AT_ONCE)),
            verifying: Arc::new(Semaphore::new(WALKS_AT_ONCE)),
            audit_walk: Arc::new(AtomicI64::new(LONGEST_WALK)),
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
        Jobs::default()
            .register::<SettleSignup>()
            .register::<ResendVerification>()
            .register::<SendMagicLink>()
            .register::<SendSignInCode>()
            .register::<SettleUpgrade>()
            .register::<ForgetSignup>()
            .register::<RepeatErasure>()
            .register::<MailPasswordReset>()
            .register::<SettleEmailChange>()
            .register::<DeliverWebhook>()
            .register::<ForgetDeliveries>()
            .every(PURGE_EVERY, &PurgeExpired {})
            .every(PURGE_EVERY, &PurgeGuests {})
            .every(PURGE_EVERY, &PurgeUnconfirmed {})
            .every(FORGET_EVERY, &ForgetDevices {})
            .every(RESEAL_EVERY, &ResealFactors {})
            .every(RESEAL_EVERY, &ResealWebhooks {})
            .every(PURGE_EVERY, &PurgeTemporary {})
            .every(ERASE_EVERY, &ErasePeople {})
            .every(SEAL_EVERY, &SealAudit {})
            .every(WATCH_EVERY, &WatchSpray {})
            .every(WATCH_EVERY, &NoteKeys {})
    }

    async fn export_personal_data(
        &self,
        tx: &mut Connection,
        user: UserId,
    ) -> Result<serde_json::Value, shinkofa_db::Error> {
        privacy::export(tx, self, user).await.map_err(shinkofa_db::Error::from)
    }

    async fn erase_personal_data(&self, tx: &mut Connection, user: UserId) -> Result<(), shinkofa_db::Error> {
        privacy::erase(tx, self, &[user]).await.map_err(shinkofa_db::Error::from)
    }

    fn recipients(&self) -> Vec<Recipient> {
        self.register.recipients(&[])
    }

    async fn command(&self, name: &str, arguments: &[String]) -> Result<(), StartError> {
        match name {
            "audit-verify" => audit_verify::run(self, arguments).await.map_err(StartError::Other),
            "create-user" => create_user::run(self, arguments).await.map_err(StartError::Other),
            "disable-provider" => Ok(switch_provider::run(self, Switch::Off, arguments).await?),
            "enable-provider" => Ok(switch_provider::run(self, Switch::On, arguments).await?),
            "set-tenant-status" => Ok(set_tenant_status::run(self, arguments).await?),
            "restore-account" => Ok(suspend_account::restore(self, arguments).await?),
            "suspend-account" => Ok(suspend_account::suspend(self, arguments).await?),
            other => Err(StartError::UnknownCommand(other.to_owned())),
        }
    }
}
