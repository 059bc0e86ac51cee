//! What every service is told at its start.

use std::net::SocketAddr;

use shinkofa_contracts::PeerAddresses;
use shinkofa_identity::Keyring;
use shinkofa_web::Strictness;
use url::Url;

use crate::Environment;
use crate::keys::KeyringFile;

/// The settings that all services share.
#[derive(Clone, Debug)]
pub struct Settings {
    pub service: &'static str,
    /// Which of the service's replicas this process is, from 0.
    pub replica: u32,
    pub replicas: u32,
    /// `shinkofa.localhost`, without a port.
    pub base_domain: String,
    /// `https://app.<base domain>[:port]`: every link and the issuer of tokens are made from it, never from a header.
    pub public_url: Url,
    /// The platform's hosts that the gateway gives this service requests of.
    pub hosts: Vec<String>,
    /// Domains that the gateway has a certificate for, and the slugs of the tenants that they are for.
    pub tenant_domains: Vec<TenantDomain>,
    pub strictness: Strictness,
    pub public_addr: SocketAddr,
    pub internal_addr: SocketAddr,
    pub peers: PeerAddresses,
    /// Threads per listener.
    pub workers: usize,
    /// Database connections per thread.
    pub connections: usize,
}

/// A domain of a tenant's own, as the operator gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDomain {
    pub slug: String,
    pub domain: String,
}

/// What must not be printed.
pub struct Secrets {
    pub database_url: String,
    pub redis_url: Option<String>,
    pub user_keyring: Option<Keyring>,
    pub service_keyring: Option<Keyring>,
    pub(crate) keyring_files: Vec<KeyringFile>,
}

impl Settings {
    pub fn read(service: &'static str, environment: &mut Environment) -> Self {
        let base_domain = environment.required("SHINKOFA_BASE_DOMAIN");
        let strictness = match environment.optional("SHINKOFA_LIMITS").as_deref() {
            Some("relaxed") => Strictness::Relaxed,
            Some("production") => Strictness::Production,
            Some(other) => {
                environment
                    .fault(format!("SHINKOFA_LIMITS is {other:?}: `relaxed` or `production` is expected"));
                Strictness::Production
            }
            None if base_domain.ends_with(".localhost") => Strictness::Relaxed,
            None => Strictness::Production,
        };
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let fallback =
            Url::parse("https://invalid.localhost").unwrap_or_else(|_| unreachable!("a constant URL"));
        let public_url = environment.required("SHINKOFA_PUBLIC_URL");
        let public_url = Url::parse(&public_url).unwrap_or_else(|error| {
            environment.fault(format!("SHINKOFA_PUBLIC_URL cannot be read: {error}"));
            fallback
        });
        let hosts = environment.optional("SHINKOFA_HOSTS").unwrap_or_default();
        let own = public_url.host_str().map(str::to_owned);
        let hosts = own.into_iter().chain(hosts.split_whitespace().map(str::to_owned)).collect();
        Self {
            service,
            hosts,
            tenant_domains: tenant_domains(environment),
            replica: environment.parsed("SHINKOFA_REPLICA", 0),
            replicas: environment.parsed("SHINKOFA_REPLICAS", 1),
            base_domain,
            public_url,
            strictness,
            public_addr: environment.parsed("SHINKOFA_PUBLIC_ADDR", local),
            internal_addr: environment.parsed("SHINKOFA_INTERNAL_ADDR", local),
            peers: peers(environment),
            workers: environment.parsed("SHINKOFA_WORKERS", 2),
            connections: environment.parsed("SHINKOFA_DATABASE_CONNECTIONS", 5),
        }
    }

    /// The issuer of user tokens: the public URL without a trailing slash.
    pub fn issuer(&self) -> String {
        self.public_url.as_str().trim_end_matches('/').to_owned()
    }
}

/// `SHINKOFA_TENANT_DOMAINS=elan=studio-elan.example`
fn tenant_domains(environment: &mut Environment) -> Vec<TenantDomain> {
    let list = environment.optional("SHINKOFA_TENANT_DOMAINS").unwrap_or_default();
    let mut domains = Vec::new();
    for pair in list.split_whitespace() {
        match pair.split_once('=') {
            Some((slug, domain)) => {
                domains.push(TenantDomain { slug: slug.to_owned(), domain: domain.to_ascii_lowercase() });
            }
            None => environment.fault(format!("SHINKOFA_TENANT_DOMAINS: {pair:?} is not `slug=domain`")),
        }
    }
    domains
}

/// `SHINKOFA_PEER_CREDITS=http://...,http://...`
fn peers(environment: &Environment) -> PeerAddresses {
    environment
        .with_prefix("SHINKOFA_PEER_")
        .map(|(name, addresses)| {
            let addresses = addresses.split(',').map(|address| address.trim().to_owned()).collect();
            (name.to_ascii_lowercase().replace('_', "-"), addresses)
        })
        .collect()
}

const USER_KEYS: &str = "JWT_SECRET";
const SERVICE_KEYS: &str = "JWT_SERVICE_SECRET";

impl Secrets {
    pub fn read(environment: &mut Environment) -> Self {
        let user_keyring = keyring(environment, USER_KEYS);
        let service_keyring = keyring(environment, SERVICE_KEYS);
        let files = [("user", USER_KEYS, &user_keyring), ("service", SERVICE_KEYS, &service_keyring)];
        let files =
            files.map(|(ring, name, keyring)| KeyringFile::of(environment, (ring, name), keyring.as_ref()));
        Self {
            keyring_files: files.into_iter().flatten().collect(),
            database_url: database_url(environment),
            redis_url: environment
                .optional("REDIS_URL")
                .is_some()
                .then(|| url_with_password(environment, "REDIS_URL", "REDIS_PASSWORD").unwrap_or_default()),
            user_keyring,
            service_keyring,
        }
    }
}

pub(crate) fn database_url(environment: &mut Environment) -> String {
    url_with_password(environment, "DATABASE_URL", "DATABASE_PASSWORD").unwrap_or_default()
}

fn url_with_password(environment: &mut Environment, name: &str, password: &str) -> Option<String> {
    let text = environment.required(name);
    let password = environment.secret(password);
    match (Url::parse(&text), password) {
        (Ok(mut url), Some(password)) => {
            if url.set_password(Some(&password)).is_err() {
                environment.fault(format!("{name} has no place for a password"));
            }
            Some(url.into())
        }
        (Ok(url), None) => {
            environment.refuse_known_default(name, url.password().unwrap_or_default());
            Some(url.into())
        }
        (Err(_), _) if text.is_empty() => None,
        (Err(error), _) => {
            environment.fault(format!("{name} cannot be read: {error}"));
            None
        }
    }
}

fn keyring(environment: &mut Environment, name: &str) -> Option<Keyring> {
    let text = environment.required_secret(name);
    if text.is_empty() {
        return None;
    }
    Keyring::parse(&text).map_err(|error| environment.fault(format!("{name}: {error}"))).ok()
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}
