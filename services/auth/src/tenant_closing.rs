//! A tenant that is closed or suspended mints nothing from that moment on, and what it gave out dies everywhere in seconds.

use serde_json::json;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::Connection;
use shinkofa_kernel::SessionId;

use crate::Auth;
use crate::announcement::announce_tenant;
use crate::db::audit::Trail;
use crate::db::tenants::{self, Tenant};
use crate::db::{revocations, sessions};
use crate::domain::audit::AuditAction;
use crate::error::Error;

/// Gives the trail's tenant, which the caller has locked, another status. Ends every session in it where it is not to be open.
/// Hand what it returns to [`Auth::tenants_changed`] and [`forget_here`](crate::withdrawal::forget_here) once it is committed.
pub async fn set_status(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (tenant, status): (Tenant, TenantStatus),
) -> Result<Vec<SessionId>, Error> {
    if tenant.status == status {
        return Ok(Vec::new());
    }
    tenants::hold_alone(tx, tenant.id).await?;
    let now = trail.clock.now();
    let tenant = Tenant { status, version: tenant.version + 1, ..tenant };
    tenants::save(tx, &tenant, now).await?;
    announce_tenant(tx, trail, &tenant).await?;
    let mut ended = Vec::new();
    if !tenant.is_open() {
        ended = sessions::end_all_in_tenant(tx, auth.realm, tenant.id, now).await?;
        revocations::record_sessions(tx, &ended, now).await?;
    }
    let action = match status {
        TenantStatus::Active => AuditAction::TenantReopened,
        TenantStatus::Suspended => AuditAction::TenantSuspended,
        TenantStatus::Closed => AuditAction::TenantClosed,
    };
    trail.tenant(tx, action, json!({ "endedSessions": ended.len() })).await?;
    Ok(ended)
}

impl Auth {
    /// This process knows at once whose host is whose, which tenants are open and what their roles allow; the others by the
    /// feed. Call it when the transaction has committed.
    pub async fn tenants_changed(&self) {
        self.platform.committed();
        if let Err(error) = self.platform.refresh_tenants().await {
            // The background looks again in two seconds.
            tracing::warn!(%error, "what changed of a tenant is not known here yet");
        }
    }
}
