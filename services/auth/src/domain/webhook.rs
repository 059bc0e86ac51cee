//! Telling a tenant's own systems what happens in it, as Standard Webhooks has it.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::text_enum;

use super::audit::AuditAction;

text_enum! {
    /// What can be told. Each has the name that the audit trail has for it; what is not here is nobody's business outside.
    WebhookEventType {
        AccountCreated => "account.created",
        /// By the operator.
        AccountSuspended => "account.suspended",
        AccountRestored => "account.restored",
        EmailChanged => "account.email_changed",
        PasswordChanged => "account.password_changed",
        PasswordReset => "account.password_reset",
        /// Auth has forgotten a person, who is a member no longer.
        ErasureStarted => "account.erasure_started",
        FactorConfirmed => "factor.confirmed",
        FactorRemoved => "factor.removed",
        MembershipBegun => "membership.begun",
        /// By somebody of the staff.
        MembershipRemoved => "membership.removed",
        /// By the member.
        MembershipLeft => "membership.left",
        MembershipLocked => "membership.locked",
        MembershipUnlocked => "membership.unlocked",
        RolesSet => "membership.roles_set",
        SignedOutByStaff => "membership.signed_out",
        InvitationCreated => "invitation.created",
        InvitationRevoked => "invitation.revoked",
        InvitationAccepted => "invitation.accepted",
        RoleCreated => "role.created",
        RoleChanged => "role.changed",
        RoleRemoved => "role.removed",
        TenantChanged => "tenant.changed",
        TenantDomainSet => "tenant.domain_set",
        TenantDomainRemoved => "tenant.domain_removed",
        SessionOpened => "session.opened",
        SessionEnded => "session.ended",
        ImpersonationStarted => "impersonation.started",
        ServiceAccountCreated => "service_account.created",
        ServiceAccountDisabled => "service_account.disabled",
        ServiceAccountDeleted => "service_account.deleted",
        ApiKeyCreated => "api_key.created",
        ApiKeyRevoked => "api_key.revoked",
        WebhookDisabled => "webhook.disabled",
    }
}

impl WebhookEventType {
    /// What an entry of the audit trail is told as, if it is.
    pub fn of(action: AuditAction) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == action.as_str())
    }
}

/// How a delivery that somebody asked for to try an endpoint is called. Nobody subscribes to it.
pub const TEST_EVENT: &str = "webhook.test";

/// So many may a tenant have.
pub const MOST_ENDPOINTS: i64 = 10;

/// So many deliveries in a row are given up before an endpoint is taken for dead.
pub const MOST_GIVEN_UP: i32 = 5;

/// So many deliveries may be on their way to an endpoint: with more it does not keep up, is told nothing more, and is disabled.
pub const MOST_PENDING: i64 = 1_000;

/// So long does the secret before the present one sign as well.
pub const PREVIOUS_SECRET_SIGNS_FOR: TimeDelta = TimeDelta::hours(24);

/// The kinds of events that an endpoint is told: each once, in the order of their list, never none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<WebhookEventType>")]
pub struct EventTypes(Vec<WebhookEventType>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must name at least one kind of event, and none twice")]
pub struct NotEventTypes;

impl EventTypes {
    pub fn to_text(&self) -> String {
        self.0.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// What was kept of an endpoint. A kind that is no longer told is left out.
    pub fn kept(text: &str) -> Self {
        Self(text.split(' ').filter_map(|word| word.parse().ok()).collect())
    }

    pub fn into_list(self) -> Vec<WebhookEventType> {
        self.0
    }
}

impl TryFrom<Vec<WebhookEventType>> for EventTypes {
    type Error = NotEventTypes;

    fn try_from(mut kinds: Vec<WebhookEventType>) -> Result<Self, NotEventTypes> {
        let named = kinds.len();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() || kinds.len() != named { Err(NotEventTypes) } else { Ok(Self(kinds)) }
    }
}

text_enum! {
    /// How far a delivery is.
    DeliveryState {
        Pending => "pending",
        Delivered => "delivered",
        /// It was tried as often as it is, or its endpoint was disabled.
        GivenUp => "given_up",
    }
}

text_enum! {
    /// Why an attempt was none.
    DeliveryFailure {
        /// The receiver answered something else than 2xx: `lastStatus` says what.
        Status => "status",
        /// The name has no address.
        Unresolved => "unresolved",
        /// The name has an address that is not a public one.
        RefusedAddress => "refused_address",
        /// No connection, or no trustworthy one.
        Unreachable => "unreachable",
        TimedOut => "timed_out",
        /// The endpoint was disabled before it arrived.
        Disabled => "disabled",
    }
}

/// What becomes of a delivery after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Once more, after this.
    Again(TimeDelta),
    GiveUp,
}

/// Pauses before the second attempt and those after it, in seconds: a day and a half in all.
const PAUSES: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 72_000];

/// After the `attempts`-th failed.
pub fn after_failure(attempts: i32) -> Next {
    let made = usize::try_from(attempts).unwrap_or_default().saturating_sub(1);
    PAUSES.get(made).map_or(Next::GiveUp, |seconds| Next::Again(TimeDelta::seconds(*seconds)))
}

/// Pauses of a delivery that finds no turn, in milliseconds.
const SHORTEST_PAUSE: i64 = 2_000;
const LONGEST_PAUSE: i64 = 300_000;

/// How long a delivery of this age waits that finds no turn: half as long again as it has waited, so that many of them cost little.
/// `spread` adds up to as much: those of one moment do not all come back in one.
pub fn pause_without_turn(age: TimeDelta, spread: u8) -> Duration {
    let half = (age.num_milliseconds() / 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    let pause = (half + half * i64::from(spread) / 256).min(LONGEST_PAUSE);
    Duration::from_millis(pause.unsigned_abs())
}

/// How long after a rotation another one is taken for the same: its answer was lost, and the receiver has only the secret before.
const ROTATION_MAY_BE_REPEATED_FOR: TimeDelta = TimeDelta::minutes(1);

/// The secret that signs beside a new one, and until when.
pub type Previous<'a> = (&'a str, DateTime<Utc>);

/// What is kept of the secrets before a rotation `now`.
pub fn kept_of<'a>(newest: &'a str, previous: Option<Previous<'a>>, now: DateTime<Utc>) -> Previous<'a> {
    let until = now + PREVIOUS_SECRET_SIGNS_FOR;
    // Whoever repeats a rotation has never seen the newest.
    previous.filter(|(_, end)| until - *end < ROTATION_MAY_BE_REPEATED_FOR).unwrap_or((newest, until))
}

/// What sender and receiver share. Written as `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret([u8; 32]);

impl WebhookSecret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn to_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// `v1,` and the base64 of HMAC-SHA256 over id, second and body with dots between.
    pub fn signature(&self, (event, at): (Uuid, DateTime<Utc>), body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let signed = format!("{}.{}.{body}", message_id(event), at.timestamp());
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// As `webhook-id` has it.
pub fn message_id(event: Uuid) -> String {
    format!("msg_{}", event.simple())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every kind is one of the trail's, so that what happens is told.
    #[test]
    fn every_kind_of_event_is_an_entry_of_the_audit_trail() {
        for kind in WebhookEventType::ALL {
            let action: AuditAction = kind.as_str().parse().unwrap();
            assert_eq!(WebhookEventType::of(action), Some(*kind));
        }
        assert_eq!(WebhookEventType::of(AuditAction::ProfileChanged), None);
        assert_eq!(WebhookEventType::of(AuditAction::SessionRotated), None);
    }

    #[test]
    fn attempts_are_made_further_and_further_apart_and_end() {
        let pauses: Vec<_> = (1..=7).map(after_failure).collect();
        assert_eq!(pauses[0], Next::Again(TimeDelta::seconds(5)));
        assert_eq!(pauses[6], Next::Again(TimeDelta::hours(20)));
        assert_eq!(after_failure(8), Next::GiveUp);
        assert_eq!(after_failure(i32::MAX), Next::GiveUp);
    }

    #[test]
    fn without_a_turn_a_delivery_waits_half_its_age_and_up_to_as_much_again() {
        let pause = |seconds, spread| pause_without_turn(TimeDelta::seconds(seconds), spread).as_millis();
        for young in [-5, 0, 4] {
            assert_eq!((pause(young, 0), pause(young, 128)), (2_000, 3_000), "{young}");
        }
        assert_eq!((pause(60, 0), pause(60, 64), pause(60, 255)), (30_000, 37_500, 59_882));
        assert_eq!((pause(599, 0), pause(599, 255)), (299_500, 300_000));
        assert_eq!((pause(200_000, 0), pause(200_000, 255)), (300_000, 300_000));
    }

    #[test]
    fn a_rotation_that_is_repeated_keeps_the_secret_that_the_receiver_has() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let day = TimeDelta::hours(24);
        let first = kept_of("one", None, now);
        assert_eq!(first, ("one", now + day));
        let soon = now + TimeDelta::seconds(59);
        assert_eq!(kept_of("two", Some(first), soon), first);
        let later = now + TimeDelta::seconds(60);
        assert_eq!(kept_of("two", Some(first), later), ("two", later + day));
    }

    /// The example of the Standard Webhooks specification has a secret of 24 bytes; this one was made with another program
    /// (openssl dgst -sha256 -hmac).
    #[test]
    fn a_signature_is_over_id_second_and_body() {
        let secret = WebhookSecret::new(*b"0123456789abcdef0123456789abcdef");
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let event = Uuid::from_u128(1);
        assert_eq!(message_id(event), "msg_00000000000000000000000000000001");
        assert_eq!(secret.signature((event, at), "{}"), "v1,psC0SFwp7MoSu2WcCuw+hIC8KR8bRvdaFJmXjx1wVRs=");
        assert_eq!(secret.to_text(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
    }

    #[test]
    fn kinds_are_named_once_each_and_never_none() {
        let two = vec![WebhookEventType::SessionOpened, WebhookEventType::MembershipLocked];
        let kinds = EventTypes::try_from(two).unwrap();
        assert_eq!(kinds.to_text(), "membership.locked session.opened");
        assert_eq!(EventTypes::kept("gone.since membership.locked session.opened"), kinds);
        assert_eq!(EventTypes::try_from(Vec::new()), Err(NotEventTypes));
        assert_eq!(EventTypes::try_from(vec![WebhookEventType::SessionOpened; 2]), Err(NotEventTypes));
    }

    proptest! {
        #[test]
        fn kinds_come_back_as_they_were_kept(
            kinds in prop::collection::vec(prop::sample::select(WebhookEventType::ALL), 0..6),
        ) {
            let is_each_once = kinds.iter().enumerate().all(|(n, kind)| !kinds[..n].contains(kind));
            let named = EventTypes::try_from(kinds.clone());
            prop_assert_eq!(named.is_ok(), is_each_once && !kinds.is_empty());
            if let Ok(named) = named {
                prop_assert_eq!(EventTypes::kept(&named.to_text()), named);
            }
        }

        #[test]
        fn whatever_was_kept_is_no_fault(text in "([a-z_.]{0,12} ?){0,4}|.{0,40}") {
            let kept = EventTypes::kept(&text).into_list();
            prop_assert!(kept.iter().all(|kind| text.split(' ').any(|word| word == kind.as_str())));
        }

        #[test]
        fn a_signature_is_of_one_secret_event_second_and_body(
            bytes in any::<[u8; 32]>(),
            id in any::<u128>(),
            second in 0..4_000_000_000_i64,
            body in ".{1,40}",
            change in 1..=u8::MAX,
        ) {
            let sign = |bytes: [u8; 32], id: u128, second: i64, body: &str| {
                let at = DateTime::from_timestamp(second, 0).unwrap();
                WebhookSecret::new(bytes).signature((Uuid::from_u128(id), at), body)
            };
            let signature = sign(bytes, id, second, &body);
            let mut other = bytes;
            other[usize::from(change) % 32] ^= change;
            prop_assert!(sign(other, id, second, &body) != signature);
            prop_assert!(sign(bytes, id ^ u128::from(change), second, &body) != signature);
            prop_assert!(sign(bytes, id, second + i64::from(change), &body) != signature);
            prop_assert!(sign(bytes, id, second, &body[..0]) != signature);
        }
    }
}
