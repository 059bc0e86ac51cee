//! Forgets people who never confirmed that an address is theirs: perhaps it was somebody else who typed it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, TenantId, UserId};

use crate::db::signups::SIGNUPS_KEPT;
use crate::db::{unconfirmed, users};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::rounds::Turn;
use crate::{Auth, unconfirmed::erase};

/// Accounts that are older than any request to sign up that is kept, and that nothing waits for.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeUnconfirmed {}

/// Looked for at once. Each is forgotten in a transaction of its own.
const PORTION: i64 = 200;

impl Job for PurgeUnconfirmed {
    const NAME: &'static str = "purge_unconfirmed";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let turn = Turn::new(&auth.platform.clock, Self::LEASE / 2);
        purge_given_up(auth, &turn).await?;
        auth.platform.committed();
        Ok(())
    }
}

async fn purge_given_up(auth: &Auth, turn: &Turn) -> Result<(), Error> {
    let (realm, now) = (auth.realm, auth.platform.clock.now());
    let made_before = now - SIGNUPS_KEPT;
    loop {
        let found =
            transaction(&auth.platform.database, &Scope::realm(realm), "given_up_accounts", async |tx| {
                Ok::<_, Error>(unconfirmed::given_up(tx, realm, (now, made_before), PORTION).await?)
            })
            .await?;
        for user in &found {
            forget(auth, *user, made_before).await?;
            if turn.is_over() {
                return Ok(());
            }
        }
        if i64::try_from(found.len()).unwrap_or(i64::MAX) < PORTION {
            return Ok(());
        }
    }
}

async fn forget(auth: &Auth, user: UserId, made_before: DateTime<Utc>) -> Result<(), Error> {
    let realm = auth.realm;
    let trail = auth.trail(TenantId::DEFAULT, Actor::service("auth"));
    let scope = Scope::realm(realm).with_tenant(trail.tenant);
    transaction(&auth.platform.database, &scope, "forget_unconfirmed", async |tx| {
        let account = users::lock(tx, realm, user).await?;
        let when = (auth.platform.clock.now(), made_before);
        // Perhaps somebody confirmed it, signed up with it or asked for a letter just now.
        let Some(account) = account.filter(|account| account.email_verified_at.is_none()) else {
            return Ok(());
        };
        if !unconfirmed::is_given_up(tx, (realm, user), when).await? {
            return Ok(());
        }
        erase(tx, auth, &trail, (&account, AuditAction::AddressReleased)).await
    })
    .await
}
