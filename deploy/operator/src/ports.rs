//! Which port every process listens on, given the offset of this installation.

use anyhow::{Result, bail};

use crate::layout::Stack;
use crate::manifest::{Manifest, REPLICA_SLOTS, Service};
use crate::settings::Settings;

/// Ports from here on are handed out by the kernel to outgoing connections and may be taken at any moment.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;
pub(crate) const REPLICA_STEP: u16 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    offset: u16,
    http: Option<u16>,
    https: Option<u16>,
}

impl Ports {
    pub(crate) fn new(settings: &Settings, stack: Stack) -> Result<Self> {
        let offset = settings.port_offset.saturating_add(stack.port_shift());
        if offset > FIRST_EPHEMERAL_PORT - 18_300 {
            bail!("SHINKOFA_PORT_OFFSET={}: ports would reach the ephemeral range", settings.port_offset);
        }
        // Overrides name the gateway people use; the stacks beside it stay on their own ports.
        let overrides = stack == Stack::Main;
        Ok(Self {
            offset,
            http: settings.http_port.filter(|_| overrides),
            https: settings.https_port.filter(|_| overrides),
        })
    }

    pub(crate) fn http(self) -> u16 {
        self.http.unwrap_or(8080 + self.offset)
    }

    pub(crate) fn https(self) -> u16 {
        self.https.unwrap_or(8443 + self.offset)
    }

    pub(crate) fn postgres(self) -> u16 {
        15_432 + self.offset
    }

    pub(crate) fn redis(self) -> u16 {
        16_379 + self.offset
    }

    pub(crate) fn public(self, service: &Service, replica: u16) -> u16 {
        service.public_port + self.offset + REPLICA_STEP * replica
    }

    pub(crate) fn internal(self, service: &Service, replica: u16) -> Option<u16> {
        service.internal_port.map(|port| port + self.offset + REPLICA_STEP * replica)
    }

    /// Every port this installation will take, with the process that takes it.
    pub(crate) fn all(self, manifest: &Manifest, replicas: impl Fn(&Service) -> u16) -> Vec<(u16, String)> {
        let mut ports = vec![
            (self.http(), "gateway (http)".to_owned()),
            (self.https(), "gateway (https)".to_owned()),
            (self.postgres(), "postgres".to_owned()),
            (self.redis(), "redis".to_owned()),
        ];
        for service in &manifest.services {
            for replica in 0..replicas(service).min(REPLICA_SLOTS) {
                ports.push((self.public(service, replica), service.name.clone()));
                ports.extend(self.internal(service, replica).map(|port| (port, service.name.clone())));
            }
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn manifest() -> Manifest {
        Manifest::parse(include_str!("../../services.toml")).unwrap()
    }

    fn settings(offset: u16) -> Settings {
        let variables = BTreeMap::from([("SHINKOFA_PORT_OFFSET".to_owned(), offset.to_string())]);
        Settings::from_variables(variables, &manifest()).unwrap()
    }

    #[test]
    fn no_two_processes_of_the_stacks_share_a_port() {
        let mut seen = BTreeSet::new();
        for stack in [Stack::Main, Stack::TestStores, Stack::Suite, Stack::Bench] {
            let ports = Ports::new(&settings(0), stack).unwrap();
            for (port, owner) in ports.all(&manifest(), |_| REPLICA_SLOTS) {
                assert!(seen.insert(port), "{port} of {owner} is taken twice");
                assert!(port < FIRST_EPHEMERAL_PORT);
            }
        }
    }

    #[test]
    fn a_replica_lies_twenty_ports_above_the_one_before() {
        let manifest = manifest();
        let booking = manifest.service("booking").unwrap();
        let ports = Ports::new(&settings(100), Stack::Main).unwrap();
        assert_eq!(ports.public(booking, 0), 18_203);
        assert_eq!(ports.internal(booking, 2), Some(18_343));
    }

    #[test]
    fn an_offset_that_reaches_the_ephemeral_range_is_refused() {
        assert!(Ports::new(&settings(12_468), Stack::Suite).is_ok());
        assert!(Ports::new(&settings(12_469), Stack::Suite).is_err());
        assert!(Ports::new(&settings(65_535), Stack::Main).is_err());
    }
}
