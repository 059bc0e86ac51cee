//! What a service account may do.

use serde::Deserialize;
use shinkofa_identity::Permission;

use crate::domain::authority::Authority;

/// Permissions that a service account has: each once, in the order of [`Permission::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Scopes(Vec<Permission>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotScopes {
    #[error("must name at least one permission, and none twice")]
    Count,
    #[error("{0:?} is no permission that a service account may have")]
    Unknown(String),
}

/// What an error repeats of a text that somebody sent.
const REPEATED: usize = 60;

impl Scopes {
    pub fn holds(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// Does every one of these stand in `self` as well?
    pub fn covers(&self, narrower: &Self) -> bool {
        narrower.0.iter().all(|permission| self.holds(*permission))
    }

    /// What of it somebody with this authority may do themselves.
    #[must_use]
    pub fn held_by(&self, authority: Authority<'_>) -> Self {
        Self(self.0.iter().copied().filter(|permission| authority.holds(*permission)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|permission| permission.as_str()).collect()
    }

    /// As a token's `scope` says it.
    pub fn to_text(&self) -> String {
        self.names().join(" ")
    }

    /// What was kept of an account. A permission that is no longer one, or no longer for programs, gives nothing.
    pub fn kept(text: &str) -> Self {
        let named = |permission: &Permission| text.split(' ').any(|word| word == permission.as_str());
        Self(Permission::ALL.iter().copied().filter(|p| p.is_for_machines() && named(p)).collect())
    }

    fn of(names: &[&str]) -> Result<Self, NotScopes> {
        let grantable = |permission: &Permission| permission.is_for_machines();
        let stranger =
            |name: &&&str| !Permission::ALL.iter().filter(|p| grantable(p)).any(|p| p.as_str() == **name);
        if let Some(unknown) = names.iter().find(stranger) {
            return Err(NotScopes::Unknown(unknown.chars().take(REPEATED).collect()));
        }
        let held = |permission: &Permission| names.contains(&permission.as_str());
        let permissions: Vec<_> = Permission::ALL.iter().copied().filter(held).collect();
        if permissions.is_empty() || permissions.len() != names.len() {
            return Err(NotScopes::Count);
        }
        Ok(Self(permissions))
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = NotScopes;

    fn try_from(names: Vec<String>) -> Result<Self, NotScopes> {
        Self::of(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// `scope` as a request for a token has it: words with a space between.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ScopeText(pub Scopes);

impl TryFrom<String> for ScopeText {
    type Error = NotScopes;

    fn try_from(text: String) -> Result<Self, NotScopes> {
        Scopes::of(&text.split(' ').collect::<Vec<_>>()).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use shinkofa_kernel::Role;

    use super::*;
    use crate::domain::authority::CustomRole;

    fn scopes(names: &[&str]) -> Result<Scopes, NotScopes> {
        Scopes::try_from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn nobody_hands_on_more_of_it_than_they_hold() {
        let all = scopes(&["booking.classes.manage", "booking.sessions.manage", "auth.audit.read"]).unwrap();
        let planner = [CustomRole {
            name: "planner".to_owned(),
            permissions: vec![Permission::ManageSessions, Permission::ManageRoles],
        }];
        let of = |roles: &[Role], custom_roles: &[CustomRole]| all.held_by(Authority { roles, custom_roles });
        assert_eq!(of(&[Role::Admin], &[]), all);
        assert_eq!(of(&[Role::Member], &planner).names(), ["booking.sessions.manage"]);
        assert_eq!(of(&[Role::Manager], &[]).names(), ["booking.classes.manage", "booking.sessions.manage"]);
        assert!(of(&[Role::Member], &[]).is_empty());
    }

    #[test]
    fn scopes_are_permissions_for_programs_each_once() {
        let two = scopes(&["booking.sessions.manage", "booking.classes.manage"]).unwrap();
        assert_eq!(two.to_text(), "booking.classes.manage booking.sessions.manage");
        assert_eq!(scopes(&[]), Err(NotScopes::Count));
        assert_eq!(scopes(&["auth.audit.read", "auth.audit.read"]), Err(NotScopes::Count));
        for refused in ["auth.users.impersonate", "auth.service_accounts.manage", "*", "", "booking"] {
            assert_eq!(scopes(&[refused]), Err(NotScopes::Unknown(refused.to_owned())));
        }
        assert_eq!(Scopes::kept(&two.to_text()), two);
        assert_eq!(
            Scopes::kept("gone.since booking.classes.manage auth.users.impersonate").names(),
            ["booking.classes.manage"]
        );
        let one = ScopeText::try_from("booking.classes.manage".to_owned()).unwrap().0;
        assert!(two.covers(&one) && !one.covers(&two));
        assert!(ScopeText::try_from("booking.classes.manage  booking.sessions.manage".to_owned()).is_err());
    }
}
