//! What the roles that tenants made themselves allow: the local snapshot that every request is checked against.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use shinkofa_kernel::TenantId;

use crate::Permission;

/// The tenants' own roles, as auth told. A role that is not in it allows nothing. Clones share one snapshot.
#[derive(Clone, Debug, Default)]
pub struct RoleDirectory(Arc<RwLock<Allowed>>);

/// What each role of each tenant allows, by its name.
type Allowed = HashMap<(TenantId, String), Vec<Permission>>;

impl RoleDirectory {
    /// What these roles of a tenant allow together.
    pub fn permissions(&self, tenant: TenantId, roles: &[String]) -> Vec<Permission> {
        if roles.is_empty() {
            return Vec::new();
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_role = |role: &String| known.get(&(tenant, role.clone())).into_iter().flatten().copied();
        roles.iter().flat_map(of_role).collect()
    }

    /// Replaces what is known. A permission that this service does not know is nothing that it could allow.
    pub fn replace(&self, roles: impl IntoIterator<Item = (TenantId, String, Vec<String>)>) {
        let known = roles
            .into_iter()
            .map(|(tenant, role, permissions)| {
                let permissions = permissions.iter().filter_map(|name| Permission::named(name)).collect();
                ((tenant, role), permissions)
            })
            .collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_allows_what_it_was_made_for_in_its_own_tenant_and_an_unknown_one_nothing() {
        let directory = RoleDirectory::default();
        let other = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        let classes = Permission::ManageClasses;
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let permissions = named(&[classes.as_str(), "later.things.manage"]);
        directory.replace([(TenantId::DEFAULT, "front-desk".to_owned(), permissions)]);
        let front_desk = named(&["front-desk", "unknown"]);
        assert_eq!(directory.permissions(TenantId::DEFAULT, &front_desk), [classes]);
        assert!(directory.permissions(other, &front_desk).is_empty());
        directory.replace([]);
        assert!(directory.permissions(TenantId::DEFAULT, &front_desk).is_empty());
    }
}
