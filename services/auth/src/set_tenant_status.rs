//! `auth set-tenant-status --slug S --status active|suspended|closed`: at once, without a restart.

use anyhow::{Context as _, bail};
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::Actor;

use crate::Auth;
use crate::db::{scope, tenants};
use crate::error::Error;
use crate::tenant_closing::set_status;
use crate::withdrawal::forget_here;

const USAGE: &str = "set-tenant-status --slug S --status active|suspended|closed";

/// What is so already stays as it is.
pub async fn run(auth: &Auth, arguments: &[String]) -> anyhow::Result<()> {
    let [slug_flag, slug, status_flag, status] = arguments else { bail!(USAGE) };
    if (slug_flag.as_str(), status_flag.as_str()) != ("--slug", "--status") {
        bail!(USAGE);
    }
    let status: TenantStatus = status.parse().context(USAGE)?;
    let ended =
        transaction(&auth.platform.database, &Scope::realm(auth.realm), "set_tenant_status", async |tx| {
            let Some(tenant) = tenants::find_by_slug(tx, slug).await? else { return Ok(None) };
            scope::enter_tenant(tx, tenant).await?;
            let Some(tenant) = tenants::lock(tx, tenant).await? else { return Ok(None) };
            let trail = auth.trail(tenant.id, Actor::service("auth"));
            Ok::<_, Error>(Some(set_status(tx, auth, &trail, (tenant, status)).await?))
        })
        .await?;
    let ended = ended.with_context(|| format!("there is no tenant {slug:?}"))?;
    forget_here(auth, &ended);
    auth.tenants_changed().await;
    tracing::info!(slug, %status, sessions = ended.len(), "a tenant's status was set");
    Ok(())
}
