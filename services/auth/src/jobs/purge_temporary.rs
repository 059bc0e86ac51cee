//! Removes temporary accounts whose day is over, and says so each time.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, SessionId, TenantId, UserId};

use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::db::{discord_links, scope, users};
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::jobs::repeat_erasure::tell_twice;
use crate::key_revocation::revoke_keys_made_by;
use crate::rounds::Turn;
use crate::withdrawal::{end_impersonations, forget_here};
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
            let (purged, ended) =
                transaction(&auth.platform.database, &scope, "purge_temporary", async |tx| {
                    let expired = users::lock_expired(tx, auth.realm, (now, BATCH)).await?;
                    let ended = purge(tx, auth, &Actor::service("auth"), &expired).await?;
                    Ok::<_, Error>((expired, ended))
                })
                .await?;
            forget_here(auth, &ended);
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
/// is over, and auth itself afterwards. A tenant's are forgotten together: ten thousand may end in one hour. Hand what it returns to
/// [`forget_here`] once it is committed.
pub async fn purge(
    tx: &mut Connection,
    auth: &Auth,
    actor: &Actor,
    users: &[UserId],
) -> Result<Vec<SessionId>, Error> {
    // Whoever was removed a moment ago is not there any more, and nothing is told of them again.
    let accounts = users::lock_all(tx, auth.realm, users).await?;
    let made: HashMap<UserId, TenantId> =
        discord_links::tenants_of(tx, auth.realm, users).await?.into_iter().collect();
    let mut by_tenant: BTreeMap<TenantId, Vec<Account>> = BTreeMap::new();
    for account in accounts {
        let tenant = made.get(&account.id).copied().unwrap_or(TenantId::DEFAULT);
        by_tenant.entry(tenant).or_default().push(account);
    }
    let mut ended = Vec::new();
    for (tenant, accounts) in by_tenant {
        scope::enter_tenant(tx, tenant).await?;
        ended.extend(purge_here(tx, auth, &auth.trail(tenant, actor.clone()), &accounts).await?);
    }
    Ok(ended)
}

/// Those of the trail's tenant, whom the caller has locked: with them goes what they opened in others' places, and the keys that they
/// made.
async fn purge_here(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    accounts: &[Account],
) -> Result<Vec<SessionId>, Error> {
    let users: Vec<UserId> = accounts.iter().map(|account| account.id).collect();
    privacy::erase_locked(tx, auth, accounts).await?;
    let mut ended = end_impersonations(tx, auth, trail, &users).await?;
    ended.extend(revoke_keys_made_by(tx, auth, trail, &users, KeyEnd::MakerLeft).await?);
    users::delete(tx, auth.realm, &users).await?;
    trail.users(tx, AuditAction::TemporaryPurged, &users, &json!({})).await?;
    tell_twice(tx, trail, &users).await?;
    Ok(ended)
}
