//! Seals the audit trail of every tenant, in the order in which its events were committed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shinkofa_db::{Error, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{TenantId, failpoint};
use shinkofa_runtime::tenants;

use crate::Auth;
use crate::audit_chain::{Sealed, seal_batch};
use crate::db::audit_chain::tenants_to_seal;
use crate::domain::audit_chain::Head;
use crate::error;
use crate::rounds::Turn;

#[derive(Debug, Serialize, Deserialize)]
pub struct SealAudit {}

/// Tenants in whose trail nothing happened that one run looks at.
const QUIET_AT_ONCE: usize = 100;

/// Where a test may kill the process: links and their signed head are written and not committed, and they are committed and
/// nobody knows.
pub const FAILPOINTS: &[&str] = &[BEFORE_COMMIT, AFTER_COMMIT];
const BEFORE_COMMIT: &str = "auth.seal.before";
const AFTER_COMMIT: &str = "auth.seal.after";

impl Job for SealAudit {
    const NAME: &'static str = "seal_audit";
    /// A batch takes moments, and of two at once one gives way: a process that dies is followed soon.
    const LEASE: Duration = Duration::from_secs(20);
    type State = Auth;

    /// First where something happened; then a few of the others in turn, whose head may have to be signed anew, and which may
    /// have been altered meanwhile.
    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        let scope = Scope::infrastructure();
        let lists = transaction(&auth.platform.database, &scope, "list_tenants_to_seal", async |tx| {
            Ok::<_, Error>((tenants(tx).await?, tenants_to_seal(tx).await?))
        });
        let (all, growing) = lists.await?;
        let all = all.into_iter().map(|tenant| tenant.id);
        let quiet = all.filter(|tenant| growing.binary_search(tenant).is_err()).collect();
        let visit = async |tenant| seal(auth, tenant, &turn).await;
        let grown = auth.rounds.visit("seal_audit", growing, &turn, &visit).await;
        let few = turn.to_at_most(QUIET_AT_ONCE);
        auth.rounds.visit("seal_audit_quiet", quiet, &few, &visit).await.and(grown)?;
        Ok(())
    }
}

async fn seal(auth: &Auth, tenant: TenantId, turn: &Turn) -> Result<(), error::Error> {
    loop {
        let scope = Scope::tenant(tenant);
        let sealed = transaction(&auth.platform.database, &scope, "seal_audit", async |tx| {
            let sealed = seal_batch(tx, auth, tenant).await?;
            if wrote(sealed) {
                failpoint!(BEFORE_COMMIT);
            }
            Ok::<_, error::Error>(sealed)
        })
        .await?;
        if wrote(sealed) {
            failpoint!(AFTER_COMMIT);
        }
        let broken = metrics::gauge!("audit_chain_broken", "tenant" => tenant.to_string());
        match sealed {
            Sealed::Some if turn.is_over() => return Ok(()),
            Sealed::Some => broken.set(0.0),
            Sealed::Elsewhere => return Ok(()),
            Sealed::All { head, grown } => {
                broken.set(0.0);
                anchor(tenant, &head, grown);
                return Ok(());
            }
            Sealed::Broken => {
                broken.set(1.0);
                tracing::error!(%tenant, "the audit chain does not end where it was signed: see `auth audit-verify`");
                return Ok(());
            }
        }
    }
}

/// Is there anything that a process which dies here could lose?
fn wrote(sealed: Sealed) -> bool {
    matches!(sealed, Sealed::Some | Sealed::All { grown: true, .. })
}

/// Tells the head to where this database cannot reach: the log, and whoever collects the gauges. A chain that is cut off
/// together with its signatures is shorter than the one that was told.
fn anchor(tenant: TenantId, head: &Head, grown: bool) {
    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    metrics::gauge!("audit_chain_length", "tenant" => tenant.to_string()).set(head.seq as f64);
    if grown {
        tracing::info!(%tenant, seq = head.seq, hash = hex::encode(head.hash), "head of the audit chain");
    }
}
