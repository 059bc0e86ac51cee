//! How long a session lasts, and why it ends.

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_kernel::{Role, text_enum};

use crate::domain::account::AccountKind;

text_enum! {
    /// Why a session is over before its time.
    SessionEnd {
        SignedOut => "signed_out",
        TokenReused => "token_reused",
        /// The one that it was opened from was ended, or another one that was opened from that, and somebody had a copy.
        OriginEnded => "origin_ended",
        /// The code of a provider that it was opened with was presented again.
        CodeReused => "code_reused",
        AccessWithdrawn => "access_withdrawn",
        /// A second factor was added or removed on another device.
        FactorsChanged => "factors_changed",
        /// Its owner ended it from another one, or all at once.
        EndedByOwner => "ended_by_owner",
        /// By somebody of the staff.
        SignedOutByStaff => "signed_out_by_staff",
        /// The key that it was opened with was revoked.
        KeyRevoked => "key_revoked",
        /// The service account was disabled, may do something else from now on, or is gone.
        ServiceAccountChanged => "service_account_changed",
        /// The membership was locked.
        Locked => "locked",
        /// What the person is known by was banned.
        Banned => "banned",
        /// The account was suspended.
        Suspended => "suspended",
        /// A role was taken away: what the session's tokens say is too much.
        RolesChanged => "roles_changed",
        /// The person is no member here any more.
        MembershipEnded => "membership_ended",
        /// The person signed in so often since that it was one too many.
        TooMany => "too_many",
        /// Whoever of the staff saw the platform in the person's place lost their own access.
        ImpersonationEnded => "impersonation_ended",
    }
}

text_enum! {
    /// How a client is given a session's refresh token, and sends it back.
    SessionMode {
        /// In bodies: the client keeps it.
        Bearer => "bearer",
        /// In a cookie that no script reads: the browser keeps it.
        Cookie => "cookie",
    }
}

/// So many sessions may one person have in one tenant. Another one ends the oldest.
pub const MOST_SESSIONS: i64 = 100;

/// An access token's life. Revocation does not wait for it.
pub const ACCESS_TOKEN: TimeDelta = TimeDelta::minutes(15);

/// No session of anybody who can sign in again lasts longer.
pub const LONGEST_SESSION: TimeDelta = TimeDelta::days(30);

/// How long a session may be idle, and how long it may last at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLife {
    pub idle: TimeDelta,
    pub whole: TimeDelta,
}

impl SessionLife {
    /// A guest has nothing to sign in with again, so their session is their account: thirty days idle, a year in all.
    pub fn of_account(kind: AccountKind, roles: &[Role]) -> Self {
        match kind {
            AccountKind::Anonymous => Self { idle: TimeDelta::days(30), whole: TimeDelta::days(365) },
            AccountKind::Member | AccountKind::Temporary | AccountKind::Service => Self::of(roles),
        }
    }

    /// Seven days idle and thirty in all; half an hour and twelve for those who can change everything.
    pub fn of(roles: &[Role]) -> Self {
        if roles.contains(&Role::Admin) {
            Self { idle: TimeDelta::minutes(30), whole: TimeDelta::hours(12) }
        } else {
            Self { idle: TimeDelta::days(7), whole: LONGEST_SESSION }
        }
    }
}

/// Until when a session is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTerm {
    pub sliding: DateTime<Utc>,
    pub absolute: DateTime<Utc>,
}

impl SessionTerm {
    pub fn beginning(life: SessionLife, now: DateTime<Utc>) -> Self {
        Self { sliding: now + life.idle, absolute: now + life.whole }
    }

    /// What of it is left to whoever has `life` now, used it last at `used_at` and showed at `shown_at` who they are: what
    /// somebody became since counts, and nothing makes it longer than it was.
    #[must_use]
    pub fn within(self, life: SessionLife, (used_at, shown_at): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        Self {
            sliding: self.sliding.min(used_at + life.idle),
            absolute: self.absolute.min(shown_at + life.whole),
        }
    }

    /// Use moves the idle limit, never the whole one.
    pub fn used(self, life: SessionLife, now: DateTime<Utc>) -> Self {
        Self { sliding: (now + life.idle).min(self.absolute), absolute: self.absolute }
    }

    pub fn is_over(self, now: DateTime<Utc>) -> bool {
        now >= self.sliding || now >= self.absolute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_keeps_a_session_alive_until_its_whole_life_is_over() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let life = SessionLife::of(&[Role::Member]);
        let mut term = SessionTerm::beginning(life, start);
        let mut now = start;
        while !term.is_over(now) {
            term = term.used(life, now);
            now += TimeDelta::days(6);
        }
        assert_eq!(now, start + TimeDelta::days(30));
        assert!(SessionTerm::beginning(life, start).is_over(start + TimeDelta::days(7)));
    }

    #[test]
    fn an_admin_is_asked_again_much_sooner() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let term = SessionTerm::beginning(SessionLife::of(&[Role::Member, Role::Admin]), start);
        assert!(term.is_over(start + TimeDelta::minutes(30)));
    }

    #[test]
    fn what_somebody_is_now_makes_a_session_shorter_and_never_longer() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let [member, admin] = [Role::Member, Role::Admin].map(|role| SessionLife::of(&[role]));
        let term = SessionTerm::beginning(member, start);
        let used = start + TimeDelta::hours(1);
        assert_eq!(term.within(member, (start, start)), term);
        let left = term.used(member, used).within(admin, (used, start));
        assert_eq!(left.sliding, used + TimeDelta::minutes(30));
        assert_eq!(left.absolute, start + TimeDelta::hours(12));
        assert_eq!(left.within(member, (used, start)), left);
    }
}
