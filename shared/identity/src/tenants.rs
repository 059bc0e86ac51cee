//! Which tenant a host belongs to, and which tenants open nothing any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use shinkofa_kernel::TenantId;

/// Hosts and their tenants, as auth told. A host nobody claimed belongs to the tenant `default`. Clones share one snapshot.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory {
    known: Arc<RwLock<Known>>,
    platform: Arc<PlatformHosts>,
}

/// The installation's own hosts.
#[derive(Debug, Default)]
struct PlatformHosts {
    /// `.example.org`, which the hosts of tenants without a domain of their own end in as well.
    suffix: String,
    hosts: HashSet<String>,
    /// Domains that are some tenant's or nobody's.
    of_tenants: HashSet<String>,
}

#[derive(Debug, Default)]
struct Known {
    hosts: HashMap<String, TenantId>,
    closed: HashSet<TenantId>,
}

impl TenantDirectory {
    /// Of an installation at `base_domain`, by a service that answers at `hosts` of it. `domains` are served for tenants.
    pub fn beneath(
        base_domain: &str,
        hosts: impl IntoIterator<Item = String>,
        domains: impl IntoIterator<Item = String>,
    ) -> Self {
        let suffix = format!(".{}", base_domain.to_ascii_lowercase());
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        let of_tenants = domains.into_iter().collect();
        Self { known: Arc::default(), platform: Arc::new(PlatformHosts { suffix, hosts, of_tenants }) }
    }

    /// False for the host of nobody: a name beneath the platform's domain that is neither this service's nor any tenant's, for
    /// the gateway lets every such name in and knows no tenants; or a tenant's domain that its tenant does not use.
    pub fn answers(&self, host: &str) -> bool {
        let PlatformHosts { suffix, hosts, of_tenants } = &*self.platform;
        let is_for_a_tenant = (!suffix.is_empty() && host.ends_with(suffix)) || of_tenants.contains(host);
        !is_for_a_tenant || hosts.contains(host) || self.is_claimed(host)
    }

    /// Is it the host of a tenant?
    pub fn is_claimed(&self, host: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).hosts.contains_key(host)
    }

    pub fn resolve(&self, host: &str) -> TenantId {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.hosts.get(host).copied().unwrap_or(TenantId::DEFAULT)
    }

    /// False for a tenant that is suspended or closed: no token of its is good.
    pub fn is_open(&self, tenant: TenantId) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        !known.closed.contains(&tenant)
    }

    /// Replaces the hosts that are known.
    pub fn replace(&self, hosts: impl IntoIterator<Item = (String, TenantId)>) {
        let hosts = hosts.into_iter().map(|(host, tenant)| (host.to_ascii_lowercase(), tenant)).collect();
        self.known.write().unwrap_or_else(PoisonError::into_inner).hosts = hosts;
    }

    /// Replaces what is known of tenants that are suspended or closed.
    pub fn close(&self, tenants: impl IntoIterator<Item = TenantId>) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).closed = tenants.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beneath_the_platforms_domain_its_own_hosts_and_those_of_tenants_are_answered_alone() {
        let directory = TenantDirectory::beneath(
            "Example.org",
            ["app.example.org".to_owned()],
            ["elan.example".to_owned(), "closed.example".to_owned()],
        );
        let tenant = TenantId::DEFAULT;
        directory.replace(["elan.example.org", "elan.example"].map(|host| (host.to_owned(), tenant)));
        for host in ["app.example.org", "elan.example.org", "elan.example", "127.0.0.1", "auth", ""] {
            assert!(directory.answers(host), "{host}");
        }
        for host in ["ghost.example.org", "mail.example.org", "a.elan.example.org", "closed.example"] {
            assert!(!directory.answers(host), "{host}");
        }
        assert!(directory.is_claimed("elan.example.org") && !directory.is_claimed("app.example.org"));
    }
}
