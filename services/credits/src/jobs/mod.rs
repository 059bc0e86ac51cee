//! What the service does by itself.

pub(crate) mod backfill_payments;
pub(crate) mod check_ledger;
pub(crate) mod expire_lots;
pub(crate) mod finish_checkout;
pub(crate) mod forget_old_records;
pub(crate) mod reconcile_payments;
pub(crate) mod settle_overdue_holds;
pub(crate) mod settle_payment;

use std::time::Duration;

use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::Attempt;
use shinkofa_kernel::TenantId;
use shinkofa_runtime::{Tenant, tenants};

use crate::Credits;

/// After so long another worker takes the job of one that died, so that money is never later than a minute. Hence no job
/// takes longer: one that has much to do does a part and enqueues the next.
const LEASE: Duration = Duration::from_secs(20);

/// All tenants: a sweep goes through them one by one, in a transaction of each.
async fn all_tenants(state: &Credits) -> Result<Vec<Tenant>, shinkofa_db::Error> {
    transaction(&state.platform.database, &Scope::infrastructure(), "list_tenants", async |tx| {
        tenants(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await
}

/// The tenant that a job was enqueued for.
fn tenant_of(attempt: Attempt) -> anyhow::Result<TenantId> {
    attempt.tenant.ok_or_else(|| anyhow::anyhow!("the job names no tenant"))
}
