//! Carries out requests to be forgotten whose time has come, and collects the confirmations of the other services.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};

use crate::Auth;
use crate::db::erasures;
use crate::erasure::advance;
use crate::error::Error;

#[derive(Debug, Serialize, Deserialize)]
pub struct ErasePeople {}

impl Job for ErasePeople {
    const NAME: &'static str = "erase_people";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let now = auth.platform.clock.now();
        let scope = Scope::realm(auth.realm);
        let due = transaction(&auth.platform.database, &scope, "due_erasures", async |tx| {
            Ok::<_, Error>(erasures::due(tx, auth.realm, now).await?)
        })
        .await?;
        for erasure in due {
            // One that fails does not hold up the others: the next run comes to it again.
            if let Err(error) = advance(auth, &erasure).await {
                tracing::warn!(erasure = %erasure.id, %error, "an erasure does not go on");
            }
        }
        Ok(())
    }
}
