//! Which tenant a host belongs to, and which tenants open nothing any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use shinkofa_kernel::TenantId;

/// Hosts and their tenants, as auth told. A host nobody claimed belongs to the tenant `default`. Clones share one snapshot.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    hosts: HashMap<String, TenantId>,
    closed: HashSet<TenantId>,
}

impl TenantDirectory {
    pub fn resolve(&self, host: &str) -> TenantId {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.hosts.get(host).copied().unwrap_or(TenantId::DEFAULT)
    }

    /// False for a tenant that is suspended or closed: no token of its is good.
    pub fn is_open(&self, tenant: TenantId) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !known.closed.contains(&tenant)
    }

    /// Replaces the hosts that are known.
    pub fn replace(&self, hosts: impl IntoIterator<Item = (String, TenantId)>) {
        let hosts = hosts.into_iter().map(|(host, tenant)| (host.to_ascii_lowercase(), tenant)).collect();
        self.0.write().unwrap_or_else(PoisonError::into_inner).hosts = hosts;
    }

    /// Replaces what is known of tenants that are suspended or closed.
    pub fn close(&self, tenants: impl IntoIterator<Item = TenantId>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).closed = tenants.into_iter().collect();
    }
}
