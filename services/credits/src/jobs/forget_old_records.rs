//! Removes what nobody repeats any more: events that Stripe told, and finished calls to it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::db::{payments, stripe_events};
use crate::{Credits, jobs};

/// Every day.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ForgetOldRecords {}

/// Stripe repeats an event for three days, and an operator may do so for 30 (<https://docs.stripe.com/webhooks>).
const KEPT: TimeDelta = TimeDelta::days(60);

impl Job for ForgetOldRecords {
    const NAME: &'static str = "forget_old_records";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        let now = state.now();
        transaction(&state.platform.database, &Scope::infrastructure(), "forget_old_records", async |tx| {
            stripe_events::forget(tx, now - KEPT).await?;
            Ok::<_, shinkofa_db::Error>(())
        })
        .await?;
        for tenant in jobs::all_tenants(state).await? {
            transaction(&state.platform.database, &Scope::tenant(tenant.id), "forget_calls", async |tx| {
                Ok::<_, shinkofa_db::Error>(payments::forget_calls(tx, tenant.id, now - KEPT).await?)
            })
            .await?;
        }
        Ok(())
    }
}
