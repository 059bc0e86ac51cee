//! Goes through Stripe's own list: money that came for a payment thought to be over still becomes credits.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::Credits;
use crate::domain::payment::PaymentStatus;
use crate::settlement::{Settled, settle};

/// Every day.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BackfillPayments {}

/// For as long as Stripe keeps events.
const REACH: TimeDelta = TimeDelta::days(30);

impl Job for BackfillPayments {
    const NAME: &'static str = "backfill_payments";
    /// A month of sessions is many pages.
    const LEASE: std::time::Duration = std::time::Duration::from_secs(15 * 60);
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        let (since, mut after) = (state.now() - REACH, None);
        loop {
            let (sessions, next) = state.stripe.checkouts_since(since, after.as_deref()).await?;
            for checkout in sessions.iter().filter(|checkout| checkout.state.target() == PaymentStatus::Paid)
            {
                let Some(payment) = checkout.payment else { continue };
                match settle(state, payment, checkout).await? {
                    Settled::Became(_) => {
                        tracing::warn!(payment = %payment.1, "a paid session had been missed")
                    }
                    Settled::Contradiction => {
                        tracing::error!(payment = %payment.1, session = checkout.session_id, "a paid session contradicts its payment");
                    }
                    Settled::Unchanged | Settled::Unknown => {}
                }
            }
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}
