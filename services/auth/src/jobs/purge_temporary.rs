//! Removes temporary accounts whose day is over, and says so each time.

use std::collections::{BTreeMap, HashMap};

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
const BATCH: i64 = 500;

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
                purge(tx, auth, &Actor::service("auth"), &expired).await?;
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

/// Auth forgets the accounts with their rows; the other services are told to. `actor` is whoever wants them gone before their day
/// is over, and auth itself afterwards. A tenant's are forgotten together: ten thousand may end in one hour.
pub async fn purge(tx: &mut Connection, auth: &Auth, actor: &Actor, users: &[UserId]) -> Result<(), Error> {
    let made: HashMap<UserId, TenantId> =
        discord_links::tenants_of(tx, auth.realm, users).await?.into_iter().collect();
    let mut by_tenant: BTreeMap<TenantId, Vec<UserId>> = BTreeMap::new();
    for user in users {
        let tenant = made.get(user).copied().unwrap_or(TenantId::DEFAULT);
        by_tenant.entry(tenant).or_default().push(*user);
    }
    for (tenant, users) in by_tenant {
        scope::enter_tenant(tx, tenant).await?;
        privacy::erase(tx, auth, &users).await?;
        users::delete(tx, auth.realm, &users).await?;
        let trail = auth.trail(tenant, actor.clone());
        trail.users(tx, AuditAction::TemporaryPurged, &users, &json!({})).await?;
        tell_twice(tx, &trail, &users).await?;
    }
    Ok(())
}
