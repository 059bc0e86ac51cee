//! Forgets to whom the letter of a request to sign up went, when the request itself is forgotten.

use serde::{Deserialize, Serialize};
use shinkofa_contracts::auth::UserErasureRequested;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::append;
use shinkofa_jobs::{Attempt, Failure, Job, enqueue};
use shinkofa_kernel::{Actor, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::events;
use crate::db::signups::{SIGNUPS_KEPT, Signup};
use crate::error::Error;

#[derive(Debug, Serialize, Deserialize)]
pub struct ForgetSignup {
    pub addressee: UserId,
}

/// Enqueued with the letter.
pub async fn forget_later(tx: &mut Connection, trail: &Trail, signup: &Signup) -> Result<(), Error> {
    let forgotten_at = trail.clock.now() + SIGNUPS_KEPT;
    let job = ForgetSignup { addressee: signup.addressee() };
    Ok(enqueue(tx, &trail.clock, Some(trail.tenant), forgotten_at, &job).await?)
}

impl Job for ForgetSignup {
    const NAME: &'static str = "forget_signup";
    type State = Auth;

    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        let scope = Scope::realm(auth.realm).with_tenant(tenant);
        let trail = auth.trail(tenant, Actor::service("auth"));
        transaction(&auth.platform.database, &scope, "forget_signup", async |tx| {
            events::forget_people(tx, &[self.addressee]).await?;
            let erasure = UserErasureRequested { user_id: self.addressee };
            append(tx, &trail.occurrence(), self.addressee.as_uuid(), &erasure, None).await?;
            Ok::<_, Error>(())
        })
        .await?;
        auth.platform.committed();
        Ok(())
    }
}
