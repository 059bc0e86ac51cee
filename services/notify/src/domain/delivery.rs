//! The life of one delivery, and what the next step in it is.

use chrono::{DateTime, TimeDelta, Utc};
use shinkofa_kernel::{text_enum, typed_id};
use shinkofa_web::Locale;

use super::{Kind, Occasion};

typed_id! {
    /// One message to one person because of one event. Also the local part of its Message-ID.
    DeliveryId
}

text_enum! {
    /// Where a delivery is: `waiting_for_contact` → `pending` → `sending` → `sent`, `failed` or `suppressed`.
    DeliveryState {
        /// Nobody has told us yet how to reach the person.
        WaitingForContact => "waiting_for_contact",
        Pending => "pending",
        /// It is being handed over. Found in this state by a later run: that one died, and it is handed over again.
        Sending => "sending",
        /// The mail server has it.
        Sent => "sent",
        /// The mail server will never take it.
        Failed => "failed",
        /// It is not to be sent.
        Suppressed => "suppressed",
    }
}

text_enum! {
    /// Why a delivery is not to be sent.
    Suppression {
        /// The person switched this kind off.
        SwitchedOff => "switched_off",
        /// What it says is no longer of use.
        Expired => "expired",
        /// No contact came within the time that content is kept.
        NoContact => "no_contact",
        /// The person was forgotten.
        Erased => "erased",
    }
}

/// A mail server that was away this long has lost the message (RFC 5321 section 4.5.4.1 advises 4 to 5 days).
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);
/// What a message said, and to which address, is forgotten after this.
pub const KEEP_CONTENT_FOR: TimeDelta = TimeDelta::days(30);

/// How to address somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub email: String,
    /// Only of a person who has shown that the address is theirs. Otherwise the name is what a stranger typed, and we
    /// would carry the stranger's words to whoever owns the address.
    pub name: Option<String>,
    pub locale: Locale,
}

/// A delivery that somebody wants to take the next step with.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: DeliveryId,
    pub kind: Kind,
    pub state: DeliveryState,
    pub occasion: Option<Occasion>,
    pub addressee: Option<Addressee>,
    pub wanted: bool,
    pub pending_since: DateTime<Utc>,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    HandOver,
    Suppress(Suppression),
    /// Too long nobody took it.
    GiveUp,
    /// The address is unknown, or no longer known to be the person's: look again later.
    Wait,
    /// It is settled already.
    Nothing,
}

impl Ticket {
    pub fn next_step(&self, now: DateTime<Utc>) -> Step {
        if !matches!(self.state, DeliveryState::Pending | DeliveryState::Sending) {
            return Step::Nothing;
        }
        let Some(occasion) = &self.occasion else { return Step::Nothing };
        if !self.wanted && self.kind.is_optional() {
            return Step::Suppress(Suppression::SwitchedOff);
        }
        if occasion.worthless_from().is_some_and(|from| from <= now) {
            return Step::Suppress(Suppression::Expired);
        }
        if self.addressee.is_none() {
            return Step::Wait;
        }
        if now - self.pending_since >= GIVE_UP_AFTER { Step::GiveUp } else { Step::HandOver }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-12-01T09:00:00Z".parse().unwrap()
    }

    fn ticket(occasion: Occasion) -> Ticket {
        Ticket {
            id: DeliveryId::from_uuid(uuid::Uuid::nil()),
            kind: occasion.kind(),
            state: DeliveryState::Pending,
            occasion: Some(occasion),
            addressee: Some(Addressee {
                email: "ann@example.org".to_owned(),
                name: Some("Ann".to_owned()),
                locale: Locale::English,
            }),
            wanted: true,
            pending_since: now() - TimeDelta::minutes(1),
        }
    }

    fn verification(expires_at: DateTime<Utc>) -> Ticket {
        ticket(Occasion::EmailVerification { expires_at })
    }

    #[test]
    fn a_run_that_finds_a_delivery_being_sent_hands_it_over_again_and_a_settled_one_is_left_alone() {
        for (state, step) in [
            (DeliveryState::Pending, Step::HandOver),
            (DeliveryState::Sending, Step::HandOver),
            (DeliveryState::Sent, Step::Nothing),
            (DeliveryState::Failed, Step::Nothing),
            (DeliveryState::Suppressed, Step::Nothing),
            (DeliveryState::WaitingForContact, Step::Nothing),
        ] {
            let found = Ticket { state, ..ticket(Occasion::SignupKnownAddress) };
            assert_eq!(found.next_step(now()), step, "{state}");
        }
    }

    #[test]
    fn a_link_that_expired_is_not_sent() {
        assert_eq!(verification(now()).next_step(now()), Step::Suppress(Suppression::Expired));
        assert_eq!(verification(now() + TimeDelta::seconds(1)).next_step(now()), Step::HandOver);
    }

    #[test]
    fn what_is_owed_is_sent_even_when_a_stray_preference_says_no() {
        let unwanted = Ticket { wanted: false, ..ticket(Occasion::SignupKnownAddress) };
        assert_eq!(unwanted.next_step(now()), Step::HandOver);
    }

    #[test]
    fn after_five_days_of_refusals_it_is_given_up_and_without_an_address_it_waits() {
        let old = Ticket { pending_since: now() - GIVE_UP_AFTER, ..ticket(Occasion::SignupKnownAddress) };
        assert_eq!(old.next_step(now()), Step::GiveUp);
        let unknown = Ticket { addressee: None, ..ticket(Occasion::SignupKnownAddress) };
        assert_eq!(unknown.next_step(now()), Step::Wait);
    }
}
