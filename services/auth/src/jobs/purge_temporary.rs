//! Removes temporary accounts whose day is over, and says so each time.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, TenantId, UserId};

use crate::db::{discord_links, scope, users};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::repeat_erasure::tell_twice;
use crate::rounds::Turn;
use crate::{Auth, privacy};

#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeTemporary {}

/// Accounts removed in one transaction.
const BATCH: i64 = 100;

impl Job for PurgeTemporary {
    const NAME: &'static str = "purge_temporary";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        loop {
            let now = auth.platform.clock.now();
            let scope = Scope::realm(auth.realm);
            let purged = transaction(&auth.platform.database, &scope, "purge_temporary", async |tx| {
                let expired = users::lock_expired(tx, auth.realm, (now, BATCH)).await?;
                for user in &expired {
                    purge(tx, auth, Actor::service("auth"), *user).await?;
                }
                Ok::<_, Error>(expired)
            })
            .await?;
            auth.platform.committed();
            for user in &purged {
                tracing::info!(%user, "a temporary account was purged");
            }
            metrics::counter!("auth_temporary_purged_total").increment(purged.len() as u64);
            if i64::try_from(purged.len()).unwrap_or(i64::MAX) < BATCH || turn.is_over() {
                return Ok(());
            }
        }
    }
}

/// Auth forgets the account with its row; the other services are told to. `actor` is whoever wants it gone before its day is over, and
/// auth itself afterwards.
pub async fn purge(tx: &mut Connection, auth: &Auth, actor: Actor, user: UserId) -> Result<(), Error> {
    let tenant = discord_links::tenant_of(tx, auth.realm, user).await?.unwrap_or(TenantId::DEFAULT);
    scope::enter_tenant(tx, tenant).await?;
    privacy::erase(tx, auth, user).await?;
    users::delete(tx, auth.realm, user).await?;
    let trail = auth.trail(tenant, actor);
    trail.user(tx, AuditAction::TemporaryPurged, user, json!({})).await?;
    tell_twice(tx, &trail, user).await
}
