//! Looks after payments whose end nobody told: a lost event delays their credits by minutes, not for ever.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use crate::db::payments::{self, Payment};
use crate::domain::payment::PaymentStatus;
use crate::jobs::finish_checkout::FinishCheckout;
use crate::jobs::settle_payment::SettlePayment;
use crate::{Credits, jobs};

/// Every ten minutes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReconcilePayments {}

/// Younger ones are still being paid.
const AGE: TimeDelta = TimeDelta::minutes(5);
/// The oldest of each tenant first; the rest has its turn in the next round.
const BATCH: i64 = 500;

impl Job for ReconcilePayments {
    const NAME: &'static str = "reconcile_payments";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        for tenant in jobs::all_tenants(state).await? {
            let scope = Scope::tenant(tenant.id);
            transaction(&state.platform.database, &scope, "reconcile_payments", async |tx| {
                let unsettled = payments::unsettled(tx, tenant.id, state.now() - AGE, BATCH).await?;
                for payment in unsettled {
                    ask(state, tx, tenant.id, &payment).await?;
                }
                Ok::<_, shinkofa_db::Error>(())
            })
            .await?;
        }
        state.platform.committed();
        Ok(())
    }
}

/// At most one question per payment waits at a time.
async fn ask(
    state: &Credits,
    tx: &mut shinkofa_db::Connection,
    tenant: TenantId,
    payment: &Payment,
) -> diesel::QueryResult<()> {
    let (clock, now) = (&state.platform.clock, state.now());
    if payment.status == PaymentStatus::Created {
        let job = FinishCheckout { payment_id: payment.id };
        shinkofa_jobs::enqueue_keyed(tx, clock, Some(tenant), now, (payment.id, &job)).await
    } else {
        let job = SettlePayment { payment_id: payment.id, session_id: None, told_at: None };
        shinkofa_jobs::enqueue_keyed(tx, clock, Some(tenant), now, (payment.id, &job)).await
    }
}
