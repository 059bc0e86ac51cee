//! What the words of a routes page mean, and what they promise to each role.

use reqwest::Method;
use shinkofa_identity::Permission;
use suite::Answer;

use super::cast::Role;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    SignedIn,
    /// And not as an admin who sees the platform in somebody's place.
    AsOneself,
    /// Also who has to enrol a second factor before anything else.
    SignedInOrEnrolling,
    Holder(Permission),
}

/// What may stand behind a comma: conditions that those of the cast meet, who have just signed in (that others are asked again is
/// shown by auth's own tests), and what is asked of the body.
const CONDITIONS: [&str; 8] = [
    "stepped up",
    "stepped up for another",
    "stepped up where the invitation's roles allow anything",
    "stepped up where there is a second factor",
    "stepped up where there is a second factor or no password",
    "with a confirmed address",
    "with the password",
    "with the password where there is one",
];

impl Who {
    pub fn read(words: &str) -> Self {
        let mut parts = words.split(',').map(str::trim);
        let base = parts.next().unwrap_or_default();
        for condition in parts {
            assert!(CONDITIONS.contains(&condition), "{words:?}: the matrix does not know what that means");
        }
        match base {
            "anyone" => Self::Anyone,
            "signed in" => Self::SignedIn,
            "signed in as oneself" | "signed in as oneself or to the account alone" => Self::AsOneself,
            "signed in or enrolling" | "signed in in any way" => Self::SignedInOrEnrolling,
            name => Self::Holder(permission(name).unwrap_or_else(|| {
                panic!("{words:?}: neither a permission nor anything else that the matrix knows")
            })),
        }
    }
}

/// By its own name, or by that of its type.
fn permission(name: &str) -> Option<Permission> {
    let named = |permission: &&Permission| permission.as_str() == name || format!("{permission:?}") == name;
    Permission::ALL.iter().find(named).copied()
}

/// Refusals of what the account itself has not, whoever asks: they come after who asks was let in.
const OF_THE_ACCOUNT: [&str; 5] = [
    "email_not_verified",
    "guest_account",
    "mailed_code_not_available",
    // Of the page that asks: no `Origin` is sent here.
    "origin_refused",
    "passkey_not_available",
];

/// What a role is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// 401
    Unauthenticated,
    /// 403 with this code.
    Refused(&'static str),
    /// Neither. What was sent may be wrong, or about nothing, or not be had by this account. Who is told to come back later (429)
    /// or to ask in another way (405) was not let in.
    LetIn,
}

impl Expected {
    pub fn of(role: Role, who: Who, method: &Method) -> Self {
        match (role, who) {
            (_, Who::Anyone) => Self::LetIn,
            (Role::Nobody, _) => Self::Unauthenticated,
            (Role::OfAnotherTenant | Role::MemberOfAnotherTenant, _) => Self::Refused("wrong_tenant"),
            (Role::Program, Who::SignedIn | Who::AsOneself | Who::SignedInOrEnrolling) => {
                Self::Refused("people_only")
            }
            (Role::Enrolling, Who::SignedInOrEnrolling) => Self::LetIn,
            (Role::Enrolling, _) => Self::Refused("second_factor_enrolment_required"),
            (Role::Impersonated, _) if *method != Method::GET => Self::Refused("read_only_token"),
            (Role::Impersonated, Who::AsOneself) => Self::Refused("permission_denied"),
            (_, Who::SignedIn | Who::AsOneself | Who::SignedInOrEnrolling) => Self::LetIn,
            (_, Who::Holder(permission)) if role.holds(permission) => Self::LetIn,
            (_, Who::Holder(_)) => Self::Refused("permission_denied"),
        }
    }

    /// Err with what came instead.
    pub fn compare(self, answer: &Answer) -> Result<(), String> {
        let found = (answer.status, answer.body["code"].as_str().unwrap_or_default());
        let as_expected = match self {
            Self::Unauthenticated => found == (401, "unauthenticated"),
            Self::Refused(code) => found == (403, code),
            Self::LetIn if found.0 == 403 => OF_THE_ACCOUNT.contains(&found.1),
            Self::LetIn => answer.status < 500 && !matches!(answer.status, 401 | 405 | 429),
        };
        if as_expected { Ok(()) } else { Err(format!("{} {}: {:#}", found.0, found.1, answer.body)) }
    }
}

#[test]
fn words_mean_what_they_say() {
    assert_eq!(Who::read("anyone"), Who::Anyone);
    assert_eq!(Who::read("signed in or enrolling, stepped up"), Who::SignedInOrEnrolling);
    assert_eq!(Who::read("signed in as oneself, with the password"), Who::AsOneself);
    assert_eq!(Who::read("ManageClasses"), Who::Holder(Permission::ManageClasses));
    assert_eq!(Who::read("auth.audit.read"), Who::Holder(Permission::ReadAudit));
    for unknown in ["", "everybody", "signed in, on Sundays"] {
        assert!(std::panic::catch_unwind(|| Who::read(unknown)).is_err(), "{unknown:?}");
    }
}

#[test]
fn what_is_not_granted_is_refused() {
    let staff = Who::Holder(Permission::ReadAudit);
    let of = |role, who| Expected::of(role, who, &Method::GET);
    assert_eq!(of(Role::Nobody, staff), Expected::Unauthenticated);
    assert_eq!(of(Role::Manager, staff), Expected::Refused("permission_denied"));
    assert_eq!(of(Role::Admin, staff), Expected::LetIn);
    assert_eq!(of(Role::Guest, Who::SignedIn), Expected::LetIn);
    assert_eq!(of(Role::Program, Who::SignedIn), Expected::Refused("people_only"));
    assert_eq!(of(Role::Program, Who::Holder(Permission::ManageClasses)), Expected::LetIn);
    assert_eq!(
        of(Role::Program, Who::Holder(Permission::ManageSessions)),
        Expected::Refused("permission_denied")
    );
    assert_eq!(of(Role::CustomRoleHolder, Who::Holder(Permission::ManageSessions)), Expected::LetIn);
    assert_eq!(of(Role::CustomRoleHolder, staff), Expected::Refused("permission_denied"));
    assert_eq!(of(Role::MemberOfAnotherTenant, Who::SignedIn), Expected::Refused("wrong_tenant"));
    assert_eq!(
        Expected::of(Role::Impersonated, Who::SignedIn, &Method::PATCH),
        Expected::Refused("read_only_token")
    );
}
