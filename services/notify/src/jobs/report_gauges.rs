//! Reports how many messages are under way, and for how long the oldest has been.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Error, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_runtime::tenants;

use crate::db::deliveries;
use crate::domain::DeliveryState;
use crate::{Notify, measures};

#[derive(Debug, Serialize, Deserialize)]
pub struct ReportGauges {}

/// The states that should pass.
const UNDER_WAY: [DeliveryState; 3] =
    [DeliveryState::WaitingForContact, DeliveryState::Pending, DeliveryState::Sending];

impl Job for ReportGauges {
    const NAME: &'static str = "report_gauges";
    type State = Notify;

    async fn run(self, state: &Notify, _: Attempt) -> Result<(), Failure> {
        let database = &state.platform.database;
        let tenants = transaction(database, &Scope::infrastructure(), "list_tenants", async |tx| {
            tenants(tx).await.map_err(Error::from)
        })
        .await?;
        let mut all = Vec::new();
        for tenant in tenants {
            let backlog =
                transaction(database, &Scope::tenant(tenant.id), "measure_deliveries", async |tx| {
                    deliveries::measure(tx, tenant.id).await.map_err(Error::from)
                })
                .await?;
            all.extend(backlog);
        }
        let now = state.platform.clock.now();
        for under_way in UNDER_WAY {
            let of_state = || all.iter().filter(|backlog| backlog.state == under_way);
            let count: i64 = of_state().map(|backlog| backlog.deliveries).sum();
            let oldest = of_state().map(|backlog| (now - backlog.oldest).num_seconds()).max().unwrap_or(0);
            measures::under_way(under_way, count, oldest);
        }
        Ok(())
    }
}
