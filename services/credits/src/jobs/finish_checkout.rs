//! Finishes a checkout whose request died between asking Stripe and storing the answer.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_contracts::PaymentId;
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::clients::stripe::{Checkout, StripeFault};
use crate::db::payments::{self, Payment};
use crate::domain::payment::PaymentStatus;
use crate::{Credits, checkout, jobs};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FinishCheckout {
    pub(crate) payment_id: PaymentId,
}

/// Stripe forgets an idempotency key after 24 hours at the earliest. Later the same key could open a second session.
const KEY_LIFETIME: TimeDelta = TimeDelta::hours(23);
/// Clocks differ: a session may bear an earlier time than its payment.
const CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(10);

impl Job for FinishCheckout {
    const NAME: &'static str = "finish_checkout";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, attempt: Attempt) -> Result<(), Failure> {
        let tenant = jobs::tenant_of(attempt).map_err(Failure::Abort)?;
        let payment =
            transaction(&state.platform.database, &Scope::tenant(tenant), "find_payment", async |tx| {
                Ok::<_, shinkofa_db::Error>(payments::find(tx, tenant, self.payment_id).await?)
            })
            .await?;
        let Some(payment) = payment.filter(|payment| payment.status == PaymentStatus::Created) else {
            return Ok(());
        };
        if state.now() - payment.created_at > KEY_LIFETIME {
            return look_up(state, &payment).await;
        }
        match state.stripe.open_checkout(&payment, &state.return_addresses(payment.id)).await {
            Ok(opened) => checkout::record(state, &payment, &opened).await.map(drop).map_err(Failure::from),
            // Stripe repeats its 500 for this key: only its own list tells whether a session came to be.
            Err(StripeFault::Broken(_)) => look_up(state, &payment).await,
            Err(StripeFault::Refused(reason)) => {
                tracing::error!(payment = %payment.id, reason, "Stripe refused a checkout");
                checkout::give_up(state, &payment).await.map_err(Failure::from)
            }
            Err(fault @ (StripeFault::Unavailable(_) | StripeFault::Busy)) => {
                Err(Failure::Retry(fault.into()))
            }
        }
    }
}

/// Finds the session by what it says about its payment; without one, nobody can have paid, and the payment failed.
async fn look_up(state: &Credits, payment: &Payment) -> Result<(), Failure> {
    match find_session(state, payment).await? {
        Some(found) => checkout::record(state, payment, &found).await.map(drop).map_err(Failure::from),
        None => checkout::give_up(state, payment).await.map_err(Failure::from),
    }
}

async fn find_session(state: &Credits, payment: &Payment) -> Result<Option<Checkout>, StripeFault> {
    let (since, mut after) = (payment.created_at - CLOCK_DIFFERENCE, None);
    loop {
        let (sessions, next) = state.stripe.checkouts_since(since, after.as_deref()).await?;
        let own = sessions.into_iter().find(|found| found.payment == Some((payment.tenant_id, payment.id)));
        if own.is_some() || next.is_none() {
            return Ok(own);
        }
        after = next;
    }
}
