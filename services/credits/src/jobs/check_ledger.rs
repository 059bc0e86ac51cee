//! Runs the invariants over every tenant and shows what they find on gauges that must be zero.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl as _;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::invariants::{self, Invariant};
use crate::{Credits, jobs};

/// Every hour.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CheckLedger {}

#[derive(QueryableByName)]
struct Offending {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl Job for CheckLedger {
    const NAME: &'static str = "check_ledger";
    const LEASE: std::time::Duration = std::time::Duration::from_secs(30 * 60);
    type State = Credits;

    async fn run(self, state: &Credits, _: Attempt) -> Result<(), Failure> {
        let invariants = invariants::parse(invariants::SQL);
        let (mut imbalance, mut without_credit) = (0, 0);
        for tenant in jobs::all_tenants(state).await? {
            for invariant in &invariants {
                let scope = Scope::tenant(tenant.id);
                let rows = transaction(&state.platform.database, &scope, "check_ledger", async |tx| {
                    count(tx, invariant).await
                })
                .await?;
                if rows > 0 {
                    tracing::error!(tenant = %tenant.id, invariant = invariant.name, rows, "the ledger is broken: {}", invariant.says);
                }
                imbalance += rows;
                without_credit += if invariant.name == "I8" { rows } else { 0 };
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!("credits_ledger_imbalance").set(imbalance as f64);
            metrics::gauge!("payments_captured_without_credit").set(without_credit as f64);
        }
        Ok(())
    }
}

async fn count(tx: &mut Connection, invariant: &Invariant) -> Result<i64, shinkofa_db::Error> {
    let query = format!("SELECT count(*) AS rows FROM ({}) offending", invariant.query);
    let offending: Offending = diesel::sql_query(query).get_result(tx).await?;
    Ok(offending.rows)
}
