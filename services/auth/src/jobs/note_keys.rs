//! Writes down which keys are in force: they are replaced by their files, which no request and no command of auth touches.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, TenantId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::{audit, tenants};
use crate::domain::audit::AuditAction;
use crate::error::Error;

/// Told by whichever process looks first after a change, as it has them in force itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct NoteKeys {}

impl Job for NoteKeys {
    const NAME: &'static str = "note_keys";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let rings = auth.platform.keys_in_force();
        // Like a realm's own changes they stand in the trail of the tenant that every installation has.
        let trail = auth.trail(TenantId::DEFAULT, Actor::service("auth"));
        let scope = Scope::realm(auth.realm).with_tenant(trail.tenant);
        transaction(&auth.platform.database, &scope, "note_keys", async |tx| {
            for (ring, ids) in &rings {
                note(tx, auth, &trail, (*ring, ids.as_slice())).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
        Ok(())
    }
}

/// The trail holds what the keys are called, and nothing of them.
async fn note(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (ring, ids): (&str, &[String]),
) -> Result<(), Error> {
    let place = (trail.tenant, auth.realm);
    let details = json!({ "ring": ring, "signs": ids.first(), "accepted": ids });
    if audit::last_keys(tx, place, ring).await?.as_ref() == Some(&details) {
        return Ok(());
    }
    // Of two processes that see it at once one writes it down.
    tenants::hold(tx, trail.tenant).await?;
    if audit::last_keys(tx, place, ring).await?.as_ref() != Some(&details) {
        trail.realm(tx, AuditAction::KeysInForce, auth.realm, details).await?;
    }
    Ok(())
}
