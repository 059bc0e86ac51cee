//! Goes through Stripe's own list: money that came for a payment thought to be over still becomes credits.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::clients::stripe::Checkout;
use crate::domain::payment::PaymentStatus;
use crate::error::Error;
use crate::settlement::{Settled, settle};
use crate::{Credits, jobs};

/// Every day; page by page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BackfillPayments {
    /// The last session of the page before; absent on the first.
    pub(crate) after: Option<String>,
}

/// For as long as Stripe keeps events.
const REACH: TimeDelta = TimeDelta::days(30);

impl Job for BackfillPayments {
    const NAME: &'static str = "backfill_payments";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        let since = state.now() - REACH;
        let (sessions, next) = state.stripe.checkouts_since(since, self.after.as_deref()).await?;
        for checkout in sessions.iter().filter(|checkout| checkout.state.target() == PaymentStatus::Paid) {
            make_up_for(state, checkout).await?;
        }
        let Some(next) = next else { return Ok(()) };
        let page = Self { after: Some(next.clone()) };
        transaction(&state.platform.database, &Scope::infrastructure(), "enqueue_next_page", async |tx| {
            let clock = &state.platform.clock;
            shinkofa_jobs::enqueue_keyed(tx, clock, None, clock.now(), (&next, &page)).await?;
            Ok::<_, shinkofa_db::Error>(())
        })
        .await?;
        state.platform.committed();
        Ok(())
    }
}

async fn make_up_for(state: &Credits, checkout: &Checkout) -> Result<(), Error> {
    let Some(payment) = checkout.payment else { return Ok(()) };
    let session = &checkout.session_id;
    match settle(state, payment, checkout).await? {
        Settled::Became(_) => tracing::warn!(payment = %payment.1, session, "a paid session had been missed"),
        Settled::Contradiction => {
            tracing::error!(payment = %payment.1, session, "a paid session contradicts its payment");
        }
        Settled::Unchanged | Settled::Unknown => {}
    }
    Ok(())
}
