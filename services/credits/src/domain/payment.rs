//! The life of a payment: what Stripe shows becomes a target, and a payment only ever moves forward to it.

use shinkofa_kernel::{Currency, Money, text_enum};

text_enum! {
    /// Where a purchase is.
    PaymentStatus {
        /// Written down; Stripe was asked or is about to be.
        Created => "created",
        /// The payer may pay at Stripe.
        Open => "open",
        /// The payer is done, the money is on its way.
        Processing => "processing",
        /// The money is there and the credits are in the wallet.
        Paid => "paid",
        Failed => "failed",
        /// Nobody paid in time.
        Expired => "expired",
    }
}

/// The stages of a Checkout Session (<https://docs.stripe.com/api/checkout/sessions/object>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionStage {
    Open,
    Complete,
    Expired,
}

/// Whether the money came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Funds {
    /// It came, or none was needed.
    Received,
    /// It may come: a delayed method takes days.
    Awaited,
    /// It will not come.
    Refused,
}

/// A Checkout Session as Stripe showed it when it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CheckoutState {
    pub(crate) stage: SessionStage,
    pub(crate) funds: Funds,
}

impl CheckoutState {
    /// What a payment with this session should be. Money that came counts whatever the session says.
    pub(crate) fn target(self) -> PaymentStatus {
        match (self.stage, self.funds) {
            (_, Funds::Received) => PaymentStatus::Paid,
            (SessionStage::Complete, Funds::Refused) => PaymentStatus::Failed,
            (SessionStage::Complete, Funds::Awaited) => PaymentStatus::Processing,
            // A declined card leaves the session open for another try.
            (SessionStage::Open, _) => PaymentStatus::Open,
            (SessionStage::Expired, _) => PaymentStatus::Expired,
        }
    }
}

impl PaymentStatus {
    /// The status after Stripe showed `target`, or `None` when nothing changes.
    ///
    /// Statuses are ordered, and a payment moves only up: fetches that overtake one another, repetitions and any order
    /// of events end in the same place. Paid is the top, so money that comes after failure or expiry still becomes
    /// credits.
    pub(crate) fn advance(self, target: Self) -> Option<Self> {
        (target.rank() > self.rank()).then_some(target)
    }

    pub(crate) fn is_settled(self) -> bool {
        self.rank() >= Self::Failed.rank()
    }

    fn rank(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Open => 1,
            Self::Processing => 2,
            Self::Expired => 3,
            Self::Failed => 4,
            Self::Paid => 5,
        }
    }
}

/// Did Stripe charge exactly what was asked? Currency codes are in small letters there.
pub(crate) fn charged_in_full(asked: Money, charged: Option<i64>, currency: Option<&str>) -> bool {
    let same_currency =
        |code: &str| code.to_ascii_uppercase().parse::<Currency>().is_ok_and(|code| code == asked.currency);
    asked.stripe_units().is_some_and(|units| charged == Some(units)) && currency.is_some_and(same_currency)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end_of(targets: &[PaymentStatus]) -> PaymentStatus {
        targets.iter().fold(PaymentStatus::Created, |now, target| now.advance(*target).unwrap_or(now))
    }

    fn any_status() -> impl Strategy<Value = PaymentStatus> {
        proptest::sample::select(PaymentStatus::ALL)
    }

    proptest! {
        #[test]
        fn every_order_and_every_repetition_ends_the_same(
            (told, again) in proptest::collection::vec(any_status(), 1..8).prop_flat_map(|told| {
                let twice: Vec<_> = told.iter().chain(&told).copied().collect();
                (Just(told), Just(twice).prop_shuffle())
            })
        ) {
            prop_assert_eq!(end_of(&told), end_of(&again));
        }

        #[test]
        fn paid_is_never_left(target in any_status()) {
            prop_assert_eq!(PaymentStatus::Paid.advance(target), None);
        }
    }

    #[test]
    fn money_after_expiry_or_failure_still_counts() {
        for ended in [PaymentStatus::Expired, PaymentStatus::Failed] {
            assert_eq!(ended.advance(PaymentStatus::Paid), Some(PaymentStatus::Paid));
            assert_eq!(ended.advance(PaymentStatus::Open), None);
        }
    }

    #[test]
    fn a_session_is_read_by_its_money_first() {
        let target = |stage, funds| CheckoutState { stage, funds }.target();
        assert_eq!(target(SessionStage::Complete, Funds::Received), PaymentStatus::Paid);
        assert_eq!(target(SessionStage::Expired, Funds::Received), PaymentStatus::Paid);
        assert_eq!(target(SessionStage::Complete, Funds::Awaited), PaymentStatus::Processing);
        assert_eq!(target(SessionStage::Complete, Funds::Refused), PaymentStatus::Failed);
        assert_eq!(target(SessionStage::Open, Funds::Refused), PaymentStatus::Open);
        assert_eq!(target(SessionStage::Expired, Funds::Awaited), PaymentStatus::Expired);
    }

    #[test]
    fn another_amount_or_currency_is_not_full_payment() {
        let asked = Money { minor: 4_500, currency: Currency::EUR };
        assert!(charged_in_full(asked, Some(4_500), Some("eur")));
        assert!(!charged_in_full(asked, Some(4_499), Some("eur")));
        assert!(!charged_in_full(asked, Some(4_500), Some("usd")));
        assert!(!charged_in_full(asked, None, Some("eur")));
        let crowns = Money { minor: 1_500, currency: "ISK".parse().unwrap() };
        assert!(charged_in_full(crowns, Some(150_000), Some("isk")));
    }
}
