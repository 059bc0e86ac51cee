//! Notices password spraying, which the lock of a single address does not see.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{Actor, TenantId};

use crate::Auth;
use crate::db::{audit, failures, openings};
use crate::domain::audit::AuditAction;
use crate::domain::proof::AuthMethod;
use crate::domain::spray::{Attempts, MOST_ON_EACH, WINDOW};
use crate::error::Error;

/// Tells operators once in a window: by the trail, the log and a gauge that alarms can be set on.
#[derive(Debug, Serialize, Deserialize)]
pub struct WatchSpray {}

impl Job for WatchSpray {
    const NAME: &'static str = "watch_spray";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let since = auth.platform.clock.now() - WINDOW;
        // A realm's own changes stand in the trail of the tenant that every installation has.
        let trail = auth.trail(TenantId::DEFAULT, Actor::service("auth"));
        let scope = Scope::realm(auth.realm).with_tenant(trail.tenant);
        let suspected = transaction(&auth.platform.database, &scope, "watch_spray", async |tx| {
            let attempts = Attempts {
                failed_addresses: failures::few_since(tx, auth.realm, (since, MOST_ON_EACH)).await?,
                sign_ins: openings::count_since(tx, auth.realm, (since, AuthMethod::Password)).await?,
            };
            let action = AuditAction::SpraySuspected;
            if !attempts.look_like_spraying() {
                return Ok::<_, Error>(0);
            }
            if !audit::told_of_realm_since(tx, (trail.tenant, auth.realm), action, since).await? {
                let failed_addresses = attempts.failed_addresses;
                trail.realm(tx, action, auth.realm, json!({ "addresses": failed_addresses })).await?;
                tracing::warn!(failed_addresses, "sign-ins fail on very many addresses: password spraying?");
            }
            Ok(attempts.failed_addresses)
        })
        .await?;
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        metrics::gauge!("auth_spray_suspected_addresses").set(suspected as f64);
        Ok(())
    }
}
