//! Seals the secrets of second factors with the key that seals now, so that a key before it can be taken away.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::RealmId;
use shinkofa_web::Fault;

use super::every_realm;
use crate::Auth;
use crate::db::factors::{self, CodeFactor, SealedSecret};
use crate::error::Error;

/// Nothing, mostly. After a new key was put first: everything, in portions.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResealFactors {}

const PORTION: i64 = 200;

impl Job for ResealFactors {
    const NAME: &'static str = "reseal_factors";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        for realm in every_realm(auth).await? {
            while reseal_some(auth, realm).await? > 0 {}
        }
        Ok(())
    }
}

/// Reseals a portion of a realm's secrets. Returns how many it did: of those that another run did first, none.
async fn reseal_some(auth: &Auth, realm: RealmId) -> Result<usize, Error> {
    transaction(&auth.platform.database, &Scope::realm(realm), "reseal_factors", async |tx| {
        let mut done = 0;
        for (user, id, before) in
            factors::sealed_otherwise(tx, realm, auth.sealing.current_kid(), PORTION).await?
        {
            let after = resealed(auth, &(user, id, before.clone()))?;
            done += factors::reseal(tx, (realm, user, id), (&before, &after)).await?;
        }
        Ok(done)
    })
    .await
}

fn resealed(auth: &Auth, (_, id, before): &SealedSecret) -> Result<String, Fault> {
    let context = CodeFactor::sealed_for(*id);
    let secret = auth.sealing.open(&context, before).map_err(Fault::unexpected)?;
    auth.sealing.seal(&context, &secret).map_err(Fault::unexpected)
}
