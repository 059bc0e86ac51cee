//! `auth disable-provider --provider P` and `auth enable-provider --provider P`: at once, without a restart.

use anyhow::{Context as _, bail};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{Actor, TenantId};

use crate::Auth;
use crate::db::providers;
use crate::domain::audit::AuditAction;
use crate::domain::provider::Provider;
use crate::error::Error;

const USAGE: &str = "--provider google|github|discord is expected";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

/// What is so already stays as it is.
pub async fn run(auth: &Auth, switch: Switch, arguments: &[String]) -> anyhow::Result<()> {
    let [flag, name] = arguments else { bail!(USAGE) };
    if flag != "--provider" {
        bail!(USAGE);
    }
    let provider: Provider = name.parse().context(USAGE)?;
    let now = auth.platform.clock.now();
    // A realm's own changes stand in the trail of the tenant that every installation has.
    let tenant = TenantId::DEFAULT;
    let trail = auth.trail(tenant, Actor::service("auth"));
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    transaction(&auth.platform.database, &scope, "switch_provider", async |tx| {
        let (is_news, action) = match switch {
            Switch::On => (providers::enable(tx, auth.realm, provider).await?, AuditAction::ProviderEnabled),
            Switch::Off => {
                (providers::disable(tx, (auth.realm, provider), now).await?, AuditAction::ProviderDisabled)
            }
        };
        if is_news {
            trail.realm(tx, action, auth.realm, json!({ "provider": provider })).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    tracing::info!(%provider, ?switch, "a provider was switched");
    Ok(())
}
