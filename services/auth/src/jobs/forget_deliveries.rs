//! Removes what was sent to a webhook that is deleted, and what was on its way there.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_db::Scope;
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::Auth;
use crate::db::webhooks::{self, WebhookId};
use crate::portions::Portions;
use crate::rounds::Turn;

/// Enqueued with the deletion. Nobody sees the deliveries of a webhook that is not there; a month's are too many for a request.
#[derive(Debug, Serialize, Deserialize)]
pub struct ForgetDeliveries {
    pub webhook_id: WebhookId,
}

impl Job for ForgetDeliveries {
    const NAME: &'static str = "forget_deliveries";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        let here = Portions { auth, scope: Scope::tenant(tenant), turn: &turn };
        let all = here.remove("forget_deliveries", async |tx, most| {
            webhooks::delete_deliveries(tx, (tenant, self.webhook_id), most).await
        });
        if all.await? { Ok(()) } else { Err(Failure::Wait(Duration::ZERO)) }
    }
}
