//! Service accounts: callers that are no person, and may do what their scope names and nothing else.

use crate::{Permission, UserClaims};

/// The `acct` of a service account's tokens.
pub const SERVICE_ACCOUNT: &str = "service";

/// What a token says of the service account behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The public part of the key that was shown.
    pub key_prefix: String,
    /// Names of permissions, with a space between.
    scope: String,
}

impl Machine {
    /// A token of a service account that names no scope may do nothing.
    pub(crate) fn of(claims: &UserClaims) -> Option<Self> {
        (claims.acct == SERVICE_ACCOUNT).then(|| Self {
            key_prefix: claims.client_id.clone().unwrap_or_default(),
            scope: claims.scope.clone().unwrap_or_default(),
        })
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.scope.split(' ').any(|word| word == permission.as_str())
    }
}

impl Permission {
    /// May a service account have it? What nobody put here it may not: never what lets its holder take somebody's place, or give
    /// out rights.
    pub const fn is_for_machines(self) -> bool {
        matches!(
            self,
            Self::ManagePackages
                | Self::ManageClasses
                | Self::ManageSessions
                | Self::ManageUsers
                | Self::ReadAudit
                | Self::ManageProvisioning
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_is_whole_words_and_no_part_of_one() {
        let machine = |scope: &str| Machine { key_prefix: String::new(), scope: scope.to_owned() };
        let two = machine("booking.classes.manage auth.audit.read");
        assert!(two.may(Permission::ManageClasses) && two.may(Permission::ReadAudit));
        assert!(!two.may(Permission::ManageUsers));
        for nothing in
            ["", "booking.classes.manager", "booking.classes", "booking.classes.manage,auth.audit.read"]
        {
            assert!(!machine(nothing).may(Permission::ManageClasses), "{nothing}");
        }
    }

    #[test]
    fn no_machine_takes_a_place_or_gives_out_rights() {
        assert!(!Permission::ImpersonateUsers.is_for_machines());
        assert!(!Permission::ManageServiceAccounts.is_for_machines());
        assert!(!Permission::ManageWebhooks.is_for_machines());
    }

    proptest! {
        #[test]
        fn a_machine_may_what_its_scope_names_and_nothing_more(
            named in prop::collection::vec(prop::sample::select(Permission::ALL), 0..4),
            other in "[a-z._ ]{0,20}|.{0,20}",
        ) {
            let words: Vec<&str> = named.iter().map(|permission| permission.as_str()).chain([other.as_str()]).collect();
            let machine = Machine { key_prefix: String::new(), scope: words.join(" ") };
            for permission in Permission::ALL {
                let is_among_others = other.split(' ').any(|word| word == permission.as_str());
                prop_assert_eq!(machine.may(*permission), named.contains(permission) || is_among_others);
            }
        }
    }
}
