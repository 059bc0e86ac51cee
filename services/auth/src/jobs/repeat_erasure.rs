//! Tells the other services once more to forget an account that was purged.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use shinkofa_contracts::auth::UserErasureRequested;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::append_each;
use shinkofa_jobs::{Attempt, Failure, Job, enqueue_each};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::error::Error;

#[derive(Debug, Serialize, Deserialize)]
pub struct RepeatErasure {
    pub user: UserId,
}

/// No service is still at work with what it had read before the first telling.
const LATER: TimeDelta = TimeDelta::hours(1);

/// Tells them now, in the trail's tenant, and has it told again.
pub async fn tell_twice(tx: &mut Connection, trail: &Trail, users: &[UserId]) -> Result<(), Error> {
    tell(tx, trail, users).await?;
    let again_at = trail.clock.now() + LATER;
    let repeats: Vec<_> = users.iter().map(|user| RepeatErasure { user: *user }).collect();
    Ok(enqueue_each(tx, &trail.clock, Some(trail.tenant), again_at, &repeats).await?)
}

async fn tell(tx: &mut Connection, trail: &Trail, users: &[UserId]) -> Result<(), Error> {
    let erasures: Vec<_> =
        users.iter().map(|user| (user.as_uuid(), UserErasureRequested { user_id: *user })).collect();
    append_each(tx, &trail.occurrence(), &erasures).await?;
    Ok(())
}

impl Job for RepeatErasure {
    const NAME: &'static str = "repeat_erasure";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::service("auth"));
        transaction(&auth.platform.database, &scope, "repeat_erasure", async |tx| {
            tell(tx, &trail, &[self.user]).await
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}
