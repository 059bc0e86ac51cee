//! Forgets what messages said once it is a month old.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Error, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::tenants;

use crate::Notify;
use crate::db::{deliveries, mailbox};
use crate::domain::KEEP_CONTENT_FOR;

#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeContent {}

/// Rows per transaction.
const BATCH: i32 = 1000;

impl Job for PurgeContent {
    const NAME: &'static str = "purge_content";
    type State = Notify;

    async fn run(self, state: &Notify, _: Attempt) -> Result<(), Failure> {
        let database = &state.platform.database;
        let before = state.platform.clock.now() - KEEP_CONTENT_FOR;
        let tenants = transaction(database, &Scope::infrastructure(), "purge_mailbox", async |tx| {
            mailbox::purge(tx, before).await?;
            tenants(tx).await.map_err(Error::from)
        })
        .await?;
        for tenant in tenants {
            purge_tenant(state, tenant.id).await?;
        }
        Ok(())
    }
}

async fn purge_tenant(state: &Notify, tenant: TenantId) -> Result<(), Error> {
    let now = state.platform.clock.now();
    let before = now - KEEP_CONTENT_FOR;
    loop {
        let purged =
            transaction(&state.platform.database, &Scope::tenant(tenant), "purge_content", async |tx| {
                let given_up = deliveries::suppress_unreachable(tx, tenant, before, now).await?;
                if given_up > 0 {
                    tracing::warn!(given_up, "no contact ever came for some messages");
                }
                deliveries::purge(tx, tenant, before, BATCH).await.map_err(Error::from)
            })
            .await?;
        if purged < BATCH as usize {
            return Ok(());
        }
    }
}
