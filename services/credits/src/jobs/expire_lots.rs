//! Moves what is left of lapsed lots to `expired`. Nobody can spend it anyway: this only books it.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use crate::db::wallets;
use crate::{Credits, jobs, measures};

/// Every minute.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExpireLots {}

/// Lots in one transaction.
const BATCH: i64 = 100;

impl Job for ExpireLots {
    const NAME: &'static str = "expire_lots";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        for tenant in jobs::all_tenants(state).await? {
            while expire_batch(state, tenant.id).await? == BATCH {}
        }
        Ok(())
    }
}

async fn expire_batch(state: &Credits, tenant: TenantId) -> Result<i64, shinkofa_db::Error> {
    let (clock, now) = (&state.platform.clock, state.now());
    let (lots, units) =
        transaction(&state.platform.database, &Scope::tenant(tenant), "expire_lots", async |tx| {
            let lapsed = wallets::lapsed_lots(tx, tenant, now, BATCH).await?;
            let (mut lots, mut units) = (0, 0);
            for lot in lapsed {
                units += wallets::expire_lot(tx, tenant, lot, (clock.new_uuid(), now)).await?;
                lots += 1;
            }
            Ok::<_, shinkofa_db::Error>((lots, units))
        })
        .await?;
    measures::credits("credits_expired_total", units);
    Ok(lots)
}
