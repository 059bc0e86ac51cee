//! What a role may do. Tokens carry roles; each service looks the permissions up.

use shinkofa_kernel::Role;

/// Declares the permissions: their names, the type a handler asks for them by, and the roles that hold them.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal for [$($role:ident),*]),+ $(,)?) => {
        /// One thing that not everybody may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),+ }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The roles that hold it until a tenant decides otherwise.
            pub const fn holders(self) -> &'static [Role] {
                match self { $(Self::$name => &[$(Role::$role),*]),+ }
            }
        }

        /// The permissions as types, for [`RequirePermission`](crate::RequirePermission).
        pub mod permissions {
            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug)]
                pub struct $name;

                impl super::Grants for $name {
                    const PERMISSION: super::Permission = super::Permission::$name;
                }
            )+
        }
    };
}

/// A permission as a type.
pub trait Grants {
    const PERMISSION: Permission;
}

permissions! {
    /// Sell packages of credits.
    ManagePackages = "credits.packages.manage" for [Admin, Manager],
    /// Create and change classes.
    ManageClasses = "booking.classes.manage" for [Admin, Manager],
    /// Put classes on the calendar.
    ManageSessions = "booking.sessions.manage" for [Admin, Manager],
    /// Find members, lock and unlock them, sign them out.
    ManageUsers = "auth.users.manage" for [Admin, Manager],
    /// See the platform as a member sees it, without changing anything.
    ImpersonateUsers = "auth.users.impersonate" for [Admin],
    /// Read and verify the audit trail.
    ReadAudit = "auth.audit.read" for [Admin],
    /// Change the studio's settings and its address, or close it.
    ManageTenant = "auth.tenant.manage" for [Admin],
    /// Invite people, give and take roles, suspend and remove members.
    ManageMembers = "auth.members.manage" for [Admin, Manager],
    /// Make the studio's own roles.
    ManageRoles = "auth.roles.manage" for [Admin],
    /// Make service accounts and their keys.
    ManageServiceAccounts = "auth.service_accounts.manage" for [Admin],
    /// Say where this tenant's events are sent.
    ManageWebhooks = "auth.webhooks.manage" for [Admin],
    /// Let an identity provider invite, suspend and remove plain members (SCIM).
    ManageProvisioning = "auth.provisioning.manage" for [Admin],
}

impl Permission {
    /// The permission of this name; `None` where this service does not know it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == name)
    }

    pub fn is_held_by(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.holders().contains(role))
    }
}
