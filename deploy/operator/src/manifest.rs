//! `deploy/services.toml`: the one description of every process, from which ports, routes and roles are rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::ports::REPLICA_STEP;

/// Ports of replica n lie `20 * n` above the first replica's, so no more fit below the next range.
pub(crate) const REPLICA_SLOTS: u16 = 5;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Hosts whose pages may call the API of another one.
    #[serde(default)]
    pub(crate) page_hosts: Vec<String>,
    #[serde(rename = "service")]
    pub(crate) services: Vec<Service>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) binary: String,
    pub(crate) public_port: u16,
    pub(crate) internal_port: Option<u16>,
    pub(crate) replicas: u16,
    /// Whether it owns a schema and its three roles, and so has a `migrate` command.
    pub(crate) database: bool,
    /// Runs only while the base domain is a development one.
    #[serde(default)]
    pub(crate) development: bool,
    /// Runs only while this setting is absent: a stand-in for the real thing.
    pub(crate) unless_setting: Option<String>,
    /// Services whose internal API it calls.
    #[serde(default)]
    pub(crate) peers: Vec<String>,
    /// Services whose events it reads.
    #[serde(default)]
    pub(crate) feeds: Vec<String>,
    /// Settings of the operator that are handed on; secret ones by file.
    #[serde(default)]
    pub(crate) settings: Vec<String>,
    /// Secrets of the installation that it reads beside those that every service does.
    #[serde(default)]
    pub(crate) secrets: Vec<OwnSecret>,
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Environment handed to other services while this one runs.
    #[serde(default)]
    pub(crate) provides: BTreeMap<String, BTreeMap<String, String>>,
}

/// A secret of the installation for those alone who have a use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OwnSecret {
    DeliveryKey,
}

impl OwnSecret {
    /// Its file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DeliveryKey => "delivery-key",
        }
    }

    /// What tells a service where the file is.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::DeliveryKey => "SHINKOFA_DELIVERY_KEY_FILE",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) host: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) exact: bool,
    #[serde(default)]
    pub(crate) policy: Policy,
    #[serde(default)]
    pub(crate) development: bool,
    /// It sets or reads the cookies of a session: pages of ours may call it with credentials.
    #[serde(default)]
    pub(crate) cookies: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policy {
    #[default]
    Standard,
    Credentials,
    Webhook,
    Page,
    Secret,
}

impl Service {
    /// Does it have to know where `other` is? Auth asks everybody who reads its feed for a person's data, and whether they have
    /// forgotten one: nobody is left out of a copy or a certificate for not being listed.
    pub(crate) fn calls(&self, other: &Self) -> bool {
        self.peers.contains(&other.name)
            || self.feeds.contains(&other.name)
            || (self.name == "auth" && other.feeds.contains(&self.name))
    }

    /// The platform's hosts that have a route here.
    pub(crate) fn hosts(&self, development: bool, domain: &str) -> Vec<String> {
        let routes = self.routes.iter().filter(|route| development || !route.development);
        let hosts: BTreeSet<&str> = routes.map(|route| route.host.as_str()).collect();
        hosts.into_iter().map(|host| format!("{host}.{domain}")).collect()
    }

    /// Also of replicas that do not run today.
    pub(crate) fn ports_of_all_slots(&self) -> Vec<u16> {
        let first = std::iter::once(self.public_port).chain(self.internal_port);
        first.flat_map(|port| (0..REPLICA_SLOTS).map(move |slot| port + REPLICA_STEP * slot)).collect()
    }
}

impl Manifest {
    pub(crate) fn load(checkout: &Path) -> Result<Self> {
        let path = checkout.join("deploy/services.toml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text)?;
        let faults = manifest.faults();
        if !faults.is_empty() {
            bail!("{}", faults.join("\n"));
        }
        Ok(manifest)
    }

    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Every fault at once, so that one run mends them all.
    fn faults(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.services.iter().map(|service| service.name.as_str()).collect();
        let mut faults = Vec::new();
        let mut ports = BTreeMap::new();
        let mut paths = BTreeMap::new();
        if names.len() != self.services.len() {
            faults.push("two services have the same name".to_owned());
        }
        for host in self.page_hosts.iter().filter(|host| !is_plain_name(host)) {
            faults.push(format!("page_hosts: {host:?} is not a plain name"));
        }
        for service in &self.services {
            let name = &service.name;
            if !is_plain_name(name) {
                faults.push(format!("{name}: a name is lower-case letters, digits and hyphens"));
            }
            if service.replicas == 0 || service.replicas >= REPLICA_SLOTS {
                faults.push(format!("{name}: replicas must be 1 to {}", REPLICA_SLOTS - 1));
            }
            if service.database && (service.internal_port.is_none() || name.contains('-')) {
                faults.push(format!(
                    "{name}: a service with a database needs an internal port and a name without hyphen"
                ));
            }
            for other in service.peers.iter().chain(&service.feeds).chain(service.provides.keys()) {
                if !names.contains(other.as_str()) {
                    faults.push(format!("{name}: there is no service {other}"));
                }
            }
            for port in service.ports_of_all_slots() {
                if let Some(owner) = ports.insert(port, name) {
                    faults.push(format!("{name}: port {port} already belongs to {owner}"));
                }
            }
            for route in &service.routes {
                if !is_plain_path(&route.path) {
                    faults.push(format!("{name}: {:?} is not a plain path", route.path));
                }
                if let Some(owner) = paths.insert((&route.host, &route.path), name) {
                    faults.push(format!("{name}: {}{} already belongs to {owner}", route.host, route.path));
                }
            }
        }
        faults
    }
}

fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Paths land in the gateway's configuration, so nothing that could mean something there may pass.
/// `*` stands for one whole segment.
fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && (path == "/" || !path.ends_with('/'))
        && path.split('/').all(|segment| segment == "*" || !segment.contains('*'))
        && path.replace('*', "").chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        [[service]]
        name = "auth"
        package = "auth"
        binary = "auth"
        public_port = 18101
        internal_port = 18201
        replicas = 1
        database = true
    "#;

    #[test]
    fn the_manifest_of_the_repository_is_accepted() {
        let text = include_str!("../../services.toml");
        let manifest = Manifest::parse(text).unwrap();
        assert!(manifest.service("booking").is_some());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let fault = Manifest::parse(&format!("{ONE}\nreplica = 2")).unwrap_err();
        assert!(fault.to_string().contains("unknown field"), "{fault}");
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let text =
            format!("{ONE}\npeers = [\"ghost\"]\n{}", ONE.replace("name = \"auth\"", "name = \"Two\""));
        let fault = Manifest::parse(&text).unwrap_err().to_string();
        assert!(
            fault.contains("no service ghost") && fault.contains("Two") && fault.contains("18101"),
            "{fault}"
        );
    }

    #[test]
    fn a_path_that_could_break_out_of_the_gateway_configuration_is_refused() {
        for path in ["api", "/api/", "/a b", "/a;", "/a{", "/a$b", "/a*"] {
            assert!(!is_plain_path(path), "{path}");
        }
        assert!(is_plain_path("/a/*/b"));
    }
}
