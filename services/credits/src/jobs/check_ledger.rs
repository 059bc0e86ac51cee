//! Runs the invariants over every tenant and shows what they find on gauges that must be zero.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl as _;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;

use crate::invariants::{self, Invariant};
use crate::{Credits, jobs};

/// Every hour; tenant by tenant, with what was found so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CheckLedger {
    /// The tenant checked last; absent at the start.
    pub(crate) after: Option<TenantId>,
    /// Rows that break any promise.
    pub(crate) broken: i64,
    /// Those among them that break I8 itself: money came, and its lot did not.
    pub(crate) without_credit: i64,
}

#[derive(QueryableByName)]
struct Offending {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl Job for CheckLedger {
    const NAME: &'static str = "check_ledger";
    const LEASE: std::time::Duration = jobs::LEASE;
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        let tenants = jobs::all_tenants(state).await?;
        let Some(next) = tenants.iter().find(|tenant| self.after.is_none_or(|after| tenant.id > after))
        else {
            self.show();
            return Ok(());
        };
        let checked = self.check(state, next.id).await?;
        transaction(&state.platform.database, &Scope::infrastructure(), "enqueue_next_tenant", async |tx| {
            let clock = &state.platform.clock;
            shinkofa_jobs::enqueue_keyed(tx, clock, None, clock.now(), (next.id, &checked)).await?;
            Ok::<_, shinkofa_db::Error>(())
        })
        .await?;
        state.platform.committed();
        Ok(())
    }
}

impl CheckLedger {
    async fn check(&self, state: &Credits, tenant: TenantId) -> Result<Self, shinkofa_db::Error> {
        let (mut broken, mut without_credit) = (self.broken, self.without_credit);
        for invariant in invariants::parse(invariants::SQL) {
            let scope = Scope::tenant(tenant);
            let rows = transaction(&state.platform.database, &scope, "check_ledger", async |tx| {
                count(tx, &invariant).await
            })
            .await?;
            if rows > 0 {
                let (name, says) = (invariant.name.as_str(), invariant.says.as_str());
                tracing::error!(%tenant, invariant = name, says, rows, "the ledger is broken");
            }
            broken += rows;
            without_credit += if invariant.name == "I8" { rows } else { 0 };
        }
        Ok(Self { after: Some(tenant), broken, without_credit })
    }

    fn show(&self) {
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!("credits_ledger_imbalance").set(self.broken as f64);
            metrics::gauge!("payments_captured_without_credit").set(self.without_credit as f64);
        }
    }
}

async fn count(tx: &mut Connection, invariant: &Invariant) -> Result<i64, shinkofa_db::Error> {
    let query = format!("SELECT count(*) AS rows FROM ({}) offending", invariant.query);
    let offending: Offending = diesel::sql_query(query).get_result(tx).await?;
    Ok(offending.rows)
}
