//! Which tenant a host belongs to.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use shinkofa_kernel::TenantId;

/// Hosts and their tenants, as auth told. A host nobody claimed belongs to the tenant `default`.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory(Arc<RwLock<HashMap<String, TenantId>>>);

impl TenantDirectory {
    pub fn resolve(&self, host: &str) -> TenantId {
        let domains = self.0.read().unwrap_or_else(PoisonError::into_inner);
        domains.get(host).copied().unwrap_or(TenantId::DEFAULT)
    }

    /// Replaces what is known.
    pub fn replace(&self, domains: impl IntoIterator<Item = (String, TenantId)>) {
        let domains =
            domains.into_iter().map(|(domain, tenant)| (domain.to_ascii_lowercase(), tenant)).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = domains;
    }
}
