//! What a member may do, and what they may make of others: nobody gives more than they hold.

use serde::Deserialize;
use shinkofa_identity::Permission;
use shinkofa_kernel::Role;

/// Permissions by their names, each once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct PermissionNames(Vec<Permission>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be names of permissions, each once")]
pub struct NotPermissionNames;

impl TryFrom<Vec<String>> for PermissionNames {
    type Error = NotPermissionNames;

    fn try_from(names: Vec<String>) -> Result<Self, NotPermissionNames> {
        let mut permissions = Vec::new();
        for name in &names {
            let permission = Permission::named(name).ok_or(NotPermissionNames)?;
            if permissions.contains(&permission) {
                return Err(NotPermissionNames);
            }
            permissions.push(permission);
        }
        permissions.sort_by_key(|permission| permission.as_str());
        Ok(Self(permissions))
    }
}

impl PermissionNames {
    /// In the order of the alphabet.
    pub fn as_slice(&self) -> &[Permission] {
        &self.0
    }
}

/// A role that a tenant made itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    pub name: String,
    pub permissions: Vec<Permission>,
}

/// The roles of one member.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    pub roles: &'a [Role],
    pub custom_roles: &'a [CustomRole],
}

impl Authority<'_> {
    pub fn holds(self, permission: Permission) -> bool {
        permission.is_held_by(self.roles)
            || self.custom_roles.iter().any(|role| role.permissions.contains(&permission))
    }

    pub fn is_admin(self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// The roles of the system that weigh as much: whoever may do anything that not everybody may, by whichever role, counts
    /// as a manager where second factors and the protection of staff are concerned.
    pub fn weight(self) -> Vec<Role> {
        let mut roles = self.roles.to_vec();
        let is_staff = self.custom_roles.iter().any(|role| !role.permissions.is_empty());
        if is_staff && !roles.contains(&Role::Manager) {
            roles.push(Role::Manager);
            roles.sort_unstable();
        }
        roles
    }

    /// May this member make a role, or give or take one, that allows `permissions`? An admin may anything; who else, what they
    /// hold themselves, and never the two roles that only admins give.
    pub fn may_grant(self, role: &str, permissions: &[Permission]) -> bool {
        let for_admins = matches!(role.parse(), Ok(Role::Admin | Role::Manager));
        self.is_admin() || !for_admins && permissions.iter().all(|permission| self.holds(*permission))
    }
}

/// Does a role allow anything that not everybody may? What gives it away is then worth something to a thief.
pub fn allows_anything(role: &str, permissions: &[Permission]) -> bool {
    matches!(role.parse(), Ok(Role::Admin | Role::Manager)) || !permissions.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front_desk() -> CustomRole {
        CustomRole {
            name: "front-desk".to_owned(),
            permissions: vec![Permission::ManageMembers, Permission::ManageSessions],
        }
    }

    #[test]
    fn a_custom_role_allows_what_it_names_and_weighs_as_a_managers() {
        let custom_roles = [front_desk()];
        let authority = Authority { roles: &[Role::Member], custom_roles: &custom_roles };
        assert!(authority.holds(Permission::ManageSessions) && !authority.holds(Permission::ManageClasses));
        assert_eq!(authority.weight(), [Role::Manager, Role::Member]);
        let empty = [CustomRole { name: "regular".to_owned(), permissions: Vec::new() }];
        assert_eq!(Authority { roles: &[Role::Member], custom_roles: &empty }.weight(), [Role::Member]);
    }

    #[test]
    fn a_role_that_allows_nothing_is_worth_nothing_to_a_thief() {
        assert!(allows_anything("admin", &[]) && allows_anything("manager", &[]));
        assert!(allows_anything("front-desk", &[Permission::ManageSessions]));
        assert!(!allows_anything("member", &[]) && !allows_anything("regular", &[]));
    }

    #[test]
    fn nobody_gives_more_than_they_hold_and_only_admins_make_staff() {
        let custom_roles = [front_desk()];
        let desk = Authority { roles: &[Role::Member], custom_roles: &custom_roles };
        let manager = Authority { roles: &[Role::Manager], custom_roles: &[] };
        let admin = Authority { roles: &[Role::Admin], custom_roles: &[] };
        for role in ["admin", "manager"] {
            assert!(
                !desk.may_grant(role, &[]) && !manager.may_grant(role, &[]) && admin.may_grant(role, &[])
            );
        }
        assert!(desk.may_grant("member", &[]) && desk.may_grant("planner", &[Permission::ManageSessions]));
        assert!(!desk.may_grant("planner", &[Permission::ManageSessions, Permission::ManageClasses]));
        assert!(!manager.may_grant("auditor", &[Permission::ReadAudit]));
        assert!(admin.may_grant("auditor", Permission::ALL));
    }
}
