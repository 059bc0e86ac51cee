//! Second factors: who has to have one, which of them a sign-in may ask for, and what showing one is worth.

use chrono::TimeDelta;
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::{Role, defended, text_enum};

use crate::domain::account::FactorKind;
use crate::domain::passkey::{MOST_PASSKEYS, has_to_verify};
use crate::domain::proof::AuthMethod;

/// Whoever can change other people's things needs a second factor, and one that cannot be read in a mailbox.
pub fn is_mandatory(roles: &[Role]) -> bool {
    roles.contains(&Role::Admin) || roles.contains(&Role::Manager)
}

/// Nobody needs more, and every further one is another way in. Passkeys are counted apart: people have devices.
const MOST_FACTORS: usize = 5;

/// May one more of `kind` be enrolled beside `known`?
pub fn has_room_for(kind: FactorKind, known: impl IntoIterator<Item = FactorKind>) -> bool {
    let is_passkey = |kind: FactorKind| kind == FactorKind::Passkey;
    let alike = known.into_iter().filter(|other| is_passkey(*other) == is_passkey(kind)).count();
    let most = if is_passkey(kind) { MOST_PASSKEYS } else { MOST_FACTORS };
    alike < most
}

/// So many codes may be tried for one account in each time step of an authenticator app.
pub const GUESSES_PER_STEP: i32 = 3;

/// A factor that was not confirmed by then is forgotten.
pub const CONFIRM_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// How long a remembered device may leave out the second factor.
pub const DEVICE_REMEMBERED_FOR: TimeDelta = TimeDelta::days(30);

/// What a sign-in asks for after its first step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    OneOf(Vec<FactorKind>),
    /// There is a factor, but it is the mailbox that the first step was made by.
    SameChannel,
}

impl FactorKind {
    /// Can it be had by whoever reads the mailbox?
    pub fn is_strong(self) -> bool {
        matches!(self, Self::Totp | Self::Passkey)
    }
}

/// Chooses among the confirmed `kinds`, for somebody with these `roles` whose first step was made by `methods`.
///
/// A mailed code is never the second factor of a first step by mail, nor of somebody who has a strong factor that is
/// mandatory. Recovery codes stand in for whatever factor is asked for.
pub fn asked_for(kinds: &[FactorKind], recovery_codes_left: i64, roles: &[Role], methods: &str) -> Asked {
    let strong = kinds.iter().any(|kind| kind.is_strong());
    let mail_is_good = mail_may_follow(methods) && !(strong && is_mandatory(roles));
    let mut asked: Vec<_> =
        kinds.iter().copied().filter(|kind| *kind != FactorKind::EmailCode || mail_is_good).collect();
    // Whichever way of signing in the first step was.
    let is_asked = methods == AuthMethod::Password.as_str() || defended!("V15-ways");
    if kinds.is_empty() || !is_asked {
        return Asked::Nothing;
    }
    if recovery_codes_left > 0 {
        asked.push(FactorKind::RecoveryCode);
    }
    if asked.is_empty() { Asked::SameChannel } else { Asked::OneOf(asked) }
}

/// What a first step by `methods` shows. A password that came by a mailed link shows the mailbox: whoever reads that may have chosen it.
pub fn shown_by(methods: &str, password_by_mail: bool) -> String {
    let shown = |method| match method {
        "pwd" if password_by_mail && defended!("V15-reset") => AuthMethod::Email.as_str(),
        other => other,
    };
    methods.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

/// Names of methods (RFC 8176, and our own) that whoever reads the mailbox does not have: a password, another provider, a
/// passkey. A method that nobody put here counts as one by mail.
const BESIDE_THE_MAILBOX: [&str; 4] = ["pwd", "fed", "hwk", "swk"];

/// Was something shown that whoever reads the mailbox does not have?
pub fn is_beside_the_mailbox(methods: &str) -> bool {
    methods.split(' ').any(|method| BESIDE_THE_MAILBOX.contains(&method))
}

/// May a mailed code be the second factor of a first step by `methods`?
fn mail_may_follow(methods: &str) -> bool {
    is_beside_the_mailbox(methods) || !defended!("V15-channel")
}

text_enum! {
    /// What a device was remembered with, as `amr` names it.
    RememberedFactor {
        Totp => "otp",
        MailedCode => "email",
        Passkey => "hwk user",
        VerifiedPasskey => "hwk user mfa",
        RecoveryCode => "recovery",
        /// It was remembered before this was kept.
        Unknown => "unknown",
    }
}

impl RememberedFactor {
    /// Those that stand for the second factor of a first step by `methods`: each that could be shown there. So the mailbox is
    /// not asked twice by way of a device, nor is a key that was touched twice.
    pub fn standing_after(methods: &str) -> Vec<Self> {
        let stands = |factor: &Self| match factor {
            Self::Totp | Self::VerifiedPasskey | Self::RecoveryCode => true,
            Self::MailedCode => mail_may_follow(methods),
            Self::Passkey => !has_to_verify(methods),
            Self::Unknown => methods == AuthMethod::Password.as_str(),
        };
        Self::ALL.iter().copied().filter(stands).collect()
    }
}

/// A second factor that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Totp,
    MailedCode,
    Passkey { verified: bool },
    RecoveryCode { left: i64 },
}

impl Shown {
    /// What a device stands for that is remembered with it.
    pub fn remembered(self) -> RememberedFactor {
        match self {
            Self::Totp => RememberedFactor::Totp,
            Self::MailedCode => RememberedFactor::MailedCode,
            Self::Passkey { verified: false } => RememberedFactor::Passkey,
            Self::Passkey { verified: true } => RememberedFactor::VerifiedPasskey,
            Self::RecoveryCode { .. } => RememberedFactor::RecoveryCode,
        }
    }

    /// The methods of a session whose first ones were `before`.
    pub fn added_to(self, before: &str) -> String {
        let mut methods: Vec<_> = before.split(' ').collect();
        for method in self.remembered().as_str().split(' ') {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        methods.join(" ")
    }
}

/// Does a session of somebody with these `roles`, opened by `methods`, open nothing but enrolment? So it is with those for
/// whom a second factor is mandatory and who showed none, or one that the mailbox gives.
pub fn enrols_only(roles: &[Role], assurance: AssuranceLevel, methods: &str) -> bool {
    let strong = methods.split(' ').any(|method| ["otp", "recovery", "hwk", "swk"].contains(&method));
    is_mandatory(roles) && !(strong && assurance == AssuranceLevel::Aal2)
}

#[cfg(test)]
mod tests {
    use FactorKind::{EmailCode, RecoveryCode, Totp};

    use super::*;

    #[test]
    fn the_mailbox_is_never_asked_twice() {
        let member = [Role::Member];
        assert_eq!(asked_for(&[], 0, &member, "pwd"), Asked::Nothing);
        assert_eq!(asked_for(&[EmailCode], 0, &member, "pwd"), Asked::OneOf(vec![EmailCode]));
        for by_mail in ["email", "link", "something new"] {
            assert_eq!(asked_for(&[EmailCode], 0, &member, by_mail), Asked::SameChannel, "{by_mail}");
            assert_eq!(
                asked_for(&[EmailCode], 3, &member, by_mail),
                Asked::OneOf(vec![RecoveryCode]),
                "{by_mail}"
            );
            assert_eq!(asked_for(&[EmailCode, Totp], 0, &member, by_mail), Asked::OneOf(vec![Totp]));
        }
    }

    #[test]
    fn those_for_whom_it_is_mandatory_show_their_strong_factor_or_else_what_they_have() {
        for role in [Role::Admin, Role::Manager] {
            assert_eq!(
                asked_for(&[EmailCode, Totp], 1, &[role], "pwd"),
                Asked::OneOf(vec![Totp, RecoveryCode])
            );
            assert_eq!(asked_for(&[EmailCode], 0, &[role], "pwd"), Asked::OneOf(vec![EmailCode]));
        }
        assert!(
            is_mandatory(&[Role::Member, Role::Manager]) && !is_mandatory(&[Role::Coach, Role::Moderator])
        );
    }

    #[test]
    fn only_a_strong_factor_satisfies_those_for_whom_one_is_mandatory() {
        use AssuranceLevel::{Aal1, Aal2};
        let (admin, member) = ([Role::Admin], [Role::Member]);
        assert!(enrols_only(&admin, Aal1, "pwd") && !enrols_only(&member, Aal1, "pwd"));
        assert!(!enrols_only(&admin, Aal2, &Shown::Totp.added_to("pwd")));
        assert!(!enrols_only(&admin, Aal2, &Shown::RecoveryCode { left: 0 }.added_to("pwd")));
        assert!(enrols_only(&admin, Aal2, &Shown::MailedCode.added_to("pwd")));
        // A code that was the first and only step is no second one.
        assert!(enrols_only(&admin, Aal1, "otp"));
        assert_eq!(Shown::Totp.added_to("pwd otp"), "pwd otp");
    }

    #[test]
    fn a_passkey_is_a_strong_factor_once_it_is_the_second_or_recognised_its_user() {
        use AssuranceLevel::{Aal1, Aal2};
        let (touched, verified) = (AuthMethod::Passkey, AuthMethod::VerifiedPasskey);
        assert!(enrols_only(&[Role::Admin], touched.assurance(), touched.as_str()));
        assert!(!enrols_only(&[Role::Admin], verified.assurance(), verified.as_str()));
        assert!(!enrols_only(&[Role::Admin], Aal2, &Shown::Passkey { verified: false }.added_to("pwd")));
        assert_eq!((touched.assurance(), verified.assurance()), (Aal1, Aal2));
        assert_eq!(Shown::Passkey { verified: false }.added_to("pwd"), "pwd hwk user");
        assert_eq!(Shown::Passkey { verified: true }.added_to("hwk user"), "hwk user mfa");
        assert_eq!(Shown::Passkey { verified: false }.added_to("hwk user mfa"), "hwk user mfa");
        // Whoever reads the mailbox does not have it.
        assert_eq!(
            asked_for(&[EmailCode, FactorKind::Passkey], 0, &[Role::Member], touched.as_str()),
            Asked::OneOf(vec![EmailCode, FactorKind::Passkey])
        );
    }

    #[test]
    fn a_remembered_device_stands_for_what_could_be_shown_in_its_place() {
        use RememberedFactor as Remembered;
        let always = [Remembered::Totp, Remembered::VerifiedPasskey, Remembered::RecoveryCode];
        for (methods, others) in [
            ("pwd", vec![Remembered::MailedCode, Remembered::Passkey, Remembered::Unknown]),
            ("fed", vec![Remembered::MailedCode, Remembered::Passkey]),
            ("email", vec![Remembered::Passkey]),
            ("something new", vec![Remembered::Passkey]),
            ("hwk user", vec![Remembered::MailedCode]),
        ] {
            let mut expected = [always.to_vec(), others].concat();
            expected.sort_unstable();
            assert_eq!(Remembered::standing_after(methods), expected, "{methods}");
        }
    }

    #[test]
    fn passkeys_are_counted_apart() {
        let known = [vec![Totp; 5], vec![FactorKind::Passkey; 9]].concat();
        assert!(!has_room_for(EmailCode, known.clone()));
        assert!(has_room_for(FactorKind::Passkey, known.clone()));
        let full = [known, vec![FactorKind::Passkey]].concat();
        assert!(!has_room_for(FactorKind::Passkey, full));
    }
}
