//! Fetches a payment's session from Stripe and brings the payment to what it shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::PaymentId;
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::db::payments;
use crate::settlement::{Settled, settle};
use crate::{Credits, jobs, measures};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettlePayment {
    pub(crate) payment_id: PaymentId,
    /// The session that an event named: it may come before we stored it ourselves.
    pub(crate) session_id: Option<String>,
    /// When the event happened at Stripe; absent when no event asked.
    pub(crate) told_at: Option<DateTime<Utc>>,
}

impl Job for SettlePayment {
    const NAME: &'static str = "settle_payment";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, attempt: Attempt) -> Result<(), Failure> {
        let tenant = jobs::tenant_of(attempt).map_err(Failure::Abort)?;
        let payment =
            transaction(&state.platform.database, &Scope::tenant(tenant), "find_payment", async |tx| {
                Ok::<_, shinkofa_db::Error>(payments::find(tx, tenant, self.payment_id).await?)
            })
            .await?;
        let Some(payment) = payment else {
            // Another installation on the same account, or one whose database was reset.
            tracing::warn!(payment = %self.payment_id, "Stripe told of a payment that is not known here");
            return Ok(());
        };
        let Some(session_id) = payment.checkout_session_id.or_else(|| self.session_id.clone()) else {
            return Err(Failure::Retry(anyhow::anyhow!("the payment's session is not known yet")));
        };
        let Some(checkout) = state.stripe.checkout(&session_id).await? else {
            return self.puzzled(&session_id, "Stripe does not know the session");
        };
        match settle(state, (tenant, self.payment_id), &checkout).await? {
            Settled::Became(_) => {
                if let Some(told_at) = self.told_at {
                    measures::webhook_lag(state.now() - told_at);
                }
                Ok(())
            }
            Settled::Unchanged | Settled::Unknown => Ok(()),
            Settled::Contradiction => self.puzzled(&session_id, "owner, amount or currency differ"),
        }
    }
}

impl SettlePayment {
    /// A person has to look. What an event asked stays with the dead jobs; what the reconciler asked is asked again in ten
    /// minutes and need not pile up there.
    fn puzzled(&self, session: &str, reason: &'static str) -> Result<(), Failure> {
        tracing::error!(payment = %self.payment_id, session, reason, "a payment contradicts its session at Stripe");
        match self.told_at {
            Some(_) => {
                Err(Failure::Abort(anyhow::anyhow!("session {session} contradicts its payment: {reason}")))
            }
            None => Ok(()),
        }
    }
}
