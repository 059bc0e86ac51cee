//! What staff may do to whom.

use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_kernel::Role;

/// How a session is marked in which somebody of the staff sees the platform as its owner does.
pub const IMPERSONATION: &str = "impersonation";

/// How long one may last. It is never refreshed.
pub const IMPERSONATION_LASTS: TimeDelta = TimeDelta::minutes(15);

/// An admin may manage everybody; who else may manage members, only those who may not.
pub fn may_manage(manager: &[Role], member: &[Role]) -> bool {
    manager.contains(&Role::Admin) || !member.iter().any(|role| matches!(role, Role::Admin | Role::Manager))
}

/// Nobody takes the place of somebody who could do the same to them.
pub fn may_be_impersonated(member: &[Role]) -> bool {
    !member.contains(&Role::Admin)
}

/// Why staff did something to a member: shown to staff, and to the member in a copy of their data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 3 to 500 characters, none of them a control character")]
pub struct NotAReason;

impl Reason {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = NotAReason;

    fn try_from(text: String) -> Result<Self, NotAReason> {
        let text = text.trim();
        let fits = (3..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAReason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_manages_neither_admins_nor_managers_and_an_admin_everybody() {
        for role in [Role::Coach, Role::Moderator, Role::Member] {
            assert!(may_manage(&[Role::Manager], &[role]));
        }
        for role in [Role::Admin, Role::Manager] {
            assert!(!may_manage(&[Role::Manager], &[Role::Member, role]));
            assert!(may_manage(&[Role::Admin], &[Role::Member, role]));
        }
        assert!(!may_be_impersonated(&[Role::Member, Role::Admin]));
        assert!(may_be_impersonated(&[Role::Manager]));
    }

    #[test]
    fn a_reason_is_a_short_text_of_one_line() {
        assert_eq!(Reason::try_from("  asked by mail ".to_owned()).unwrap().as_str(), "asked by mail");
        for refused in ["", "  ", "ab", "a\nb c", &"a".repeat(501)] {
            assert!(Reason::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
    }
}
