//! How each service of the manifest is started: its program, its environment and its readiness.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::binaries::Binaries;
use crate::installation::Installation;
use crate::layout::Stack;
use crate::manifest::Service;
use crate::secrets::{self, SECRET_SETTINGS};
use crate::supervisor::{ProcessSpec, Readiness, Signal};
use crate::{certificates, postgres, redis};

/// Settings that every service understands and that it has its own defaults for.
const HANDED_TO_ALL: [&str; 3] =
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "SHINKOFA_WORKERS", "SHINKOFA_DATABASE_CONNECTIONS"];

/// One replica of a service as a process.
pub(crate) fn process(
    installation: &Installation,
    binaries: &Binaries,
    service: &Service,
    replica: u16,
) -> Result<ProcessSpec> {
    let internal = installation.ports.internal(service, replica);
    let public = installation.ports.public(service, replica);
    let readiness = match internal {
        Some(port) => Readiness::Http { port, path: "/readyz".to_owned() },
        None => Readiness::Tcp { port: public },
    };
    let mut environment = environment(installation, service, replica)?;
    if service.database {
        environment.extend(database(installation, service, "rt"));
    }
    let suffix = if replica == 0 { String::new() } else { format!(".{replica}") };
    Ok(ProcessSpec {
        name: service.name.clone(),
        replica,
        program: binaries.path(&service.binary)?,
        arguments: if service.database { vec!["serve".to_owned()] } else { Vec::new() },
        environment,
        account: installation.account.clone(),
        ports: std::iter::once(public).chain(internal).collect(),
        log: installation.layout.logs().join(format!("{}{suffix}.log", service.name)),
        own_logs: Vec::new(),
        readiness,
        stop_signal: Signal::Terminate,
        // A service drains within 30 s by itself.
        stop_within_seconds: 35,
        rank: if service.database { 5 } else { 4 },
    })
}

/// What `<service> migrate` reads: the same, as the role that may change the schema.
pub(crate) fn migration_environment(
    installation: &Installation,
    service: &Service,
) -> Result<BTreeMap<String, String>> {
    let mut variables = environment(installation, service, 0)?;
    variables.extend(database(installation, service, "migrator"));
    Ok(variables)
}

/// What a command of the service reads that works on its data as the service does.
pub(crate) fn command_environment(
    installation: &Installation,
    service: &Service,
) -> Result<BTreeMap<String, String>> {
    let mut variables = environment(installation, service, 0)?;
    variables.extend(database(installation, service, "rt"));
    Ok(variables)
}

fn database(installation: &Installation, service: &Service, role: &str) -> [(String, String); 2] {
    let password = secrets::path(installation, &format!("{}-{role}-password", service.name));
    [
        ("DATABASE_URL".to_owned(), postgres::url(installation, &format!("{}_{role}", service.name))),
        ("DATABASE_PASSWORD_FILE".to_owned(), password.display().to_string()),
    ]
}

fn environment(
    installation: &Installation,
    service: &Service,
    replica: u16,
) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    if service.database {
        variables.extend(platform(installation, service, replica));
        variables.insert("SHINKOFA_TENANT_DOMAINS".to_owned(), tenant_domains(installation)?);
    }
    variables.extend(handed_on(installation, service));
    for (name, template) in &service.environment {
        variables.insert(name.clone(), fill(installation, service, template)?);
    }
    for giver in installation.services() {
        for (name, template) in giver.provides.get(&service.name).into_iter().flatten() {
            variables.insert(name.clone(), fill(installation, giver, template)?);
        }
    }
    Ok(variables)
}

/// `elan=studio-elan.example`: whose each domain is that has a certificate.
fn tenant_domains(installation: &Installation) -> Result<String> {
    let domains = installation.settings.tenant_domains()?;
    Ok(domains.iter().map(|domain| format!("{}={}", domain.slug, domain.name)).collect::<Vec<_>>().join(" "))
}

/// The variables every service of ours reads.
fn platform(installation: &Installation, service: &Service, replica: u16) -> BTreeMap<String, String> {
    let settings = &installation.settings;
    let secret = |name: &str| secrets::path(installation, name).display().to_string();
    let mut variables = BTreeMap::from(
        [
            ("SHINKOFA_PUBLIC_ADDR", format!("127.0.0.1:{}", installation.ports.public(service, replica))),
            ("SHINKOFA_REPLICA", replica.to_string()),
            ("SHINKOFA_REPLICAS", installation.replicas(service).to_string()),
            ("SHINKOFA_BASE_DOMAIN", settings.base_domain.clone()),
            ("SHINKOFA_PUBLIC_URL", installation.url("app")),
            ("SHINKOFA_HOSTS", service.hosts(settings.development(), &settings.base_domain).join(" ")),
            ("SHINKOFA_WEB_ORIGINS", installation.origins().join(" ")),
            ("SHINKOFA_LIMITS", settings.limits.as_str().to_owned()),
            ("SHINKOFA_LOG", settings.variable("SHINKOFA_LOG").unwrap_or("info").to_owned()),
            ("REDIS_URL", redis::url(installation)),
            ("REDIS_PASSWORD_FILE", secret("redis-password")),
            ("JWT_SECRET_FILE", secret("jwt-keyring")),
            ("JWT_SERVICE_SECRET_FILE", secret("jwt-service-keyring")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for own in &service.secrets {
        variables.insert(own.variable().to_owned(), secret(own.name()));
    }
    if let Some(port) = installation.ports.internal(service, replica) {
        variables.insert("SHINKOFA_INTERNAL_ADDR".to_owned(), format!("127.0.0.1:{port}"));
    }
    for name in HANDED_TO_ALL {
        if let Some(value) = settings.variable(name) {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    if installation.layout.stack == Stack::Suite {
        let folder = failpoints(installation).display().to_string();
        variables.insert("SHINKOFA_FAILPOINTS_DIR".to_owned(), folder);
    }
    for peer in installation.manifest.services.iter().filter(|other| service.calls(other)) {
        let addresses: Vec<String> = (0..installation.replicas(peer))
            .filter_map(|slot| installation.ports.internal(peer, slot))
            .map(|port| format!("http://127.0.0.1:{port}"))
            .collect();
        variables.insert(peer_variable(&peer.name), addresses.join(","));
    }
    variables
}

/// Where a service is told a peer's internal addresses.
pub(crate) fn peer_variable(name: &str) -> String {
    format!("SHINKOFA_PEER_{}", name.to_uppercase().replace('-', "_"))
}

/// Where the suite arms failpoints; only the test stack's services look there.
pub(crate) fn failpoints(installation: &Installation) -> PathBuf {
    installation.layout.home.join("failpoints")
}

/// Settings that the operator passes on: plain ones as they are, secret ones as the name of their file.
fn handed_on(installation: &Installation, service: &Service) -> Vec<(String, String)> {
    service
        .settings
        .iter()
        .filter_map(|name| {
            let value = installation.settings.variable(name)?;
            Some(if SECRET_SETTINGS.contains(&name.as_str()) {
                let file = secrets::setting_path(installation, name);
                (format!("{name}_FILE"), file.display().to_string())
            } else {
                (name.clone(), value.to_owned())
            })
        })
        .collect()
}

/// Replaces the placeholders that `services.toml` explains.
fn fill(installation: &Installation, service: &Service, template: &str) -> Result<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, following) =
            after.split_once('}').with_context(|| format!("{template:?}: an open brace is not closed"))?;
        filled.push_str(before);
        filled.push_str(&value(installation, service, placeholder)?);
        rest = following;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(installation: &Installation, service: &Service, placeholder: &str) -> Result<String> {
    let public = |service: &Service| format!("127.0.0.1:{}", installation.ports.public(service, 0));
    Ok(match placeholder.split_once(':') {
        None if placeholder == "public_address" => public(service),
        None if placeholder == "state" => installation.layout.state_of(&service.name).display().to_string(),
        None if placeholder == "authority" => {
            certificates::authority(installation).map_or_else(String::new, |path| path.display().to_string())
        }
        Some(("secret", name)) => secrets::path(installation, name).display().to_string(),
        Some(("url", host)) => installation.url(host),
        Some(("public_address", name)) => public(
            installation.manifest.service(name).with_context(|| format!("there is no service {name}"))?,
        ),
        _ => bail!("{}: {{{placeholder}}} is not a placeholder", service.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::tests::installation;

    #[test]
    fn a_secret_reaches_a_service_as_a_file_and_never_as_a_value() {
        let installation = installation(&[("STRIPE_SECRET_KEY", "sk_live_x"), ("SMTP_URL", "smtp://mail")]);
        let credits = installation.manifest.service("credits").unwrap();
        let variables = command_environment(&installation, credits).unwrap();
        assert!(variables["STRIPE_SECRET_KEY_FILE"].ends_with("setting-stripe-secret-key"));
        assert!(variables.values().all(|value| !value.contains("sk_live_x")));
        assert!(!variables.contains_key("STRIPE_API_BASE"), "with a real key nothing stands in for Stripe");
        let notify = installation.manifest.service("notify").unwrap();
        assert_eq!(command_environment(&installation, notify).unwrap()["SMTP_URL"], "smtp://mail");
    }

    #[test]
    fn the_key_that_seals_is_with_who_seals_and_who_opens_and_nobody_else() {
        let installation = installation(&[]);
        for service in installation.services().filter(|service| service.database) {
            let variables = command_environment(&installation, service).unwrap();
            let told = variables.get("SHINKOFA_DELIVERY_KEY_FILE");
            let seals = ["auth", "notify"].contains(&service.name.as_str());
            assert_eq!(told.is_some(), seals, "{}", service.name);
            assert!(told.is_none_or(|file| file.ends_with("secrets/delivery-key")), "{told:?}");
        }
    }

    #[test]
    fn without_a_stripe_key_credits_talks_to_the_stand_in() {
        let installation = installation(&[]);
        let credits = installation.manifest.service("credits").unwrap();
        let variables = command_environment(&installation, credits).unwrap();
        assert_eq!(variables["STRIPE_API_BASE"], "http://127.0.0.1:18190/");
        assert!(variables["STRIPE_WEBHOOK_SECRET_FILE"].ends_with("secrets/stripe-webhook-secret"));
    }

    #[test]
    fn a_service_knows_every_replica_of_its_peers_and_of_the_feeds_it_reads() {
        let installation = installation(&[("SHINKOFA_REPLICAS_CREDITS", "2")]);
        let booking = installation.manifest.service("booking").unwrap();
        let variables = command_environment(&installation, booking).unwrap();
        assert_eq!(variables["SHINKOFA_PEER_CREDITS"], "http://127.0.0.1:18202,http://127.0.0.1:18222");
        assert_eq!(variables["SHINKOFA_PEER_AUTH"], "http://127.0.0.1:18201");
        let auth = installation.manifest.service("auth").unwrap();
        let variables = command_environment(&installation, auth).unwrap();
        for reader in ["BOOKING", "CREDITS", "NOTIFY"] {
            assert!(variables.contains_key(&format!("SHINKOFA_PEER_{reader}")), "{reader} reads auth's feed");
        }
    }

    #[test]
    fn migrations_run_as_another_role_than_the_service() {
        let installation = installation(&[]);
        let auth = installation.manifest.service("auth").unwrap();
        let migration = migration_environment(&installation, auth).unwrap();
        assert!(migration["DATABASE_URL"].starts_with("postgres://auth_migrator@"));
        assert!(command_environment(&installation, auth).unwrap()["DATABASE_URL"].contains("auth_rt@"));
    }

    #[test]
    fn an_unknown_placeholder_is_an_error() {
        let installation = installation(&[]);
        let auth = installation.manifest.service("auth").unwrap();
        assert!(fill(&installation, auth, "{nothing}").is_err());
        assert!(fill(&installation, auth, "{open").is_err());
    }
}
