//! Keeps the snapshots that every request is checked against: the keys, what auth revoked, whose host is whose, and what the
//! tenants' own roles allow.

use std::time::Duration;

use shinkofa_contracts::auth::{self, RevocationPage, TrustScope};
use shinkofa_db::{Scope, transaction};
use tokio::sync::watch;

use crate::service::stopped;
use crate::{Platform, tenants};

/// A revocation reaches every service within twice this.
const EVERY: Duration = Duration::from_secs(2);

/// Polls until `stop`. While auth cannot be reached the last snapshot holds: the risk is one access token's life.
pub(crate) async fn keep_current(platform: Platform, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    let mut cursor = 0;
    loop {
        platform.refresh_keys();
        match revocations(&platform, cursor).await {
            Ok(next) => cursor = next,
            Err(error) => {
                metrics::counter!("revocation_poll_failures_total").increment(1);
                tracing::debug!(error = format!("{error:#}"), "revocations cannot be read");
            }
        }
        if let Err(error) = tenants_and_roles(&platform).await {
            tracing::debug!(%error, "tenants cannot be read");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn revocations(platform: &Platform, after: i64) -> anyhow::Result<i64> {
    let peer = platform.peers.peer::<TrustScope>(auth::SERVICE)?;
    let page: RevocationPage = peer.get(&format!("/internal/v1/revocations?after={after}")).await?;
    for entry in &page.items {
        platform.identity.revocations.apply(&entry.revocation, entry.revoked_at);
    }
    platform.identity.revocations.forget_expired(platform.clock.now());
    Ok(page.cursor)
}

/// A tenant is found by its own domain and by its name beneath the platform's.
pub(crate) async fn tenants_and_roles(platform: &Platform) -> Result<(), shinkofa_db::Error> {
    let scope = Scope::infrastructure();
    let (tenants, roles) = transaction(&platform.database, &scope, "list_tenants", async |tx| {
        Ok::<_, shinkofa_db::Error>((tenants::tenants(tx).await?, tenants::roles(tx).await?))
    })
    .await?;
    let identity = &platform.identity;
    identity.tenants.close(tenants.iter().filter(|tenant| !tenant.is_open()).map(|tenant| tenant.id));
    let base = &platform.settings.base_domain;
    identity.tenants.replace(tenants.iter().flat_map(|tenant| {
        let hosts = tenant.domain.iter().cloned().chain([tenant.platform_host(base)]);
        hosts.map(|host| (host, tenant.id))
    }));
    identity.roles.replace(roles.into_iter().map(|role| (role.for_tenant, role.name, role.permissions.0)));
    Ok(())
}
