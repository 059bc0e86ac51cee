//! What every service is given: its database, its peers, its clock, the verification of its callers.

use std::sync::Arc;
use std::time::Duration;

use shinkofa_contracts::{InternalClient, auth};
use shinkofa_db::Database;
use shinkofa_feed::Appended;
use shinkofa_identity::{Identity, Revocations, RoleDirectory, ServiceTokens, TenantDirectory, UserTokens};
use shinkofa_jobs::Wake;
use shinkofa_kernel::Clock;
use shinkofa_web::{RateLimiter, Redis};

use crate::keys::KeyringFile;
use crate::{Environment, Faults, Secrets, Settings, StartError, trust};

/// The ground a service stands on. Clones share everything.
#[derive(Clone)]
pub struct Platform {
    pub settings: Arc<Settings>,
    pub clock: Clock,
    pub database: Database,
    pub redis: Option<Redis>,
    pub identity: Identity,
    pub peers: InternalClient,
    pub limiter: RateLimiter,
    /// For foreign systems: TLS, timeouts, no redirects.
    pub http: reqwest::Client,
    pub(crate) keyring_files: Arc<[KeyringFile]>,
    pub(crate) wake: Wake,
    pub(crate) appended: Appended,
}

impl Platform {
    /// Reads the shared configuration and builds what it describes. Connects to nothing yet.
    pub fn build(
        service: &'static str,
        environment: &mut Environment,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let settings = Settings::read(service, environment);
        let secrets = Secrets::read(environment);
        environment.finish()?;
        let (Some(user_keyring), Some(service_keyring)) = (secrets.user_keyring, secrets.service_keyring)
        else {
            return Err(StartError::Other(anyhow::anyhow!("the keyrings are missing")));
        };

        // One pool for the main thread, one for each thread of both listeners.
        let pools = 1 + 2 * settings.workers;
        let database = Database::new(&secrets.database_url, pools, settings.connections)?;
        let redis = secrets.redis_url.as_deref().map(|url| open_redis(url, pools)).transpose()?;
        let service_tokens = ServiceTokens::new(service_keyring, service, clock.clone());
        let identity = Identity {
            user_tokens: UserTokens::new(user_keyring, settings.issuer(), clock.clone()),
            service_tokens: service_tokens.clone(),
            revocations: Revocations::default(),
            tenants: TenantDirectory::beneath(
                &settings.base_domain,
                settings.hosts.iter().cloned(),
                settings.tenant_domains.iter().map(|tenant| tenant.domain.clone()),
            ),
            roles: RoleDirectory::default(),
        };
        if service == auth::SERVICE {
            // Its handlers ask the database, where whatever it revokes stands before anybody is told.
            identity.revocations.mark_whole();
        }
        let internal_http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(500))
            .pool_idle_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(anyhow::Error::from)?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(anyhow::Error::from)?;
        Ok(Self {
            limiter: RateLimiter::new(
                redis.clone(),
                service,
                clock.clone(),
                settings.strictness,
                settings.replicas,
            ),
            peers: InternalClient::new(internal_http, service_tokens, &settings.peers),
            settings: Arc::new(settings),
            clock,
            database,
            redis,
            identity,
            http,
            keyring_files: secrets.keyring_files.into(),
            wake: Wake::default(),
            appended: Appended::default(),
        })
    }

    /// Takes in keys that the operator has put into the files since: done every two seconds while the service runs.
    pub fn refresh_keys(&self) {
        for file in self.keyring_files.iter() {
            if let Err(error) = file.refresh() {
                metrics::counter!("keyring_refresh_failures_total").increment(1);
                let path = file.path().display();
                tracing::error!(file = %path, error = format!("{error:#}"), "the known keys stay in force");
            }
        }
    }

    /// The rings that come from files, as `ctl keys rotate` calls them, and what their keys are called: the one that signs, then the
    /// others that are accepted.
    pub fn keys_in_force(&self) -> Vec<(&'static str, Vec<String>)> {
        self.keyring_files.iter().map(KeyringFile::in_force).collect()
    }

    /// Looks again whose host is whose, which tenants are closed, and what their own roles allow: done every two seconds while
    /// the service runs, and by whoever has just changed one of these.
    pub async fn refresh_tenants(&self) -> Result<(), shinkofa_db::Error> {
        trust::tenants_and_roles(self).await
    }

    /// Call it after a commit that enqueued a job or recorded an event: both are noticed at once instead of soon.
    pub fn committed(&self) {
        self.wake.wake();
        self.appended.wake();
    }
}

fn open_redis(url: &str, workers: usize) -> Result<Redis, StartError> {
    Redis::new(url, workers).map_err(|error| {
        // The error repeats the URL, which holds the password.
        let _ = error;
        StartError::Faults(Faults::one("REDIS_URL cannot be read"))
    })
}
