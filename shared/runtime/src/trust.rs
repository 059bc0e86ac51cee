//! Keeps the snapshots that every request is checked against: the keys, what auth revoked, and whose host is whose.

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
        if let Err(error) = hosts(&platform).await {
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

async fn hosts(platform: &Platform) -> Result<(), shinkofa_db::Error> {
    let tenants = transaction(&platform.database, &Scope::infrastructure(), "list_tenants", async |tx| {
        tenants(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await?;
    let domains = tenants.into_iter().filter_map(|tenant| Some((tenant.domain?, tenant.id)));
    platform.identity.tenants.replace(domains);
    Ok(())
}
