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
/// Nobody with a token is let in before the first snapshot is whole, so it is asked for more often.
const EVERY_AT_FIRST: Duration = Duration::from_millis(500);

/// Polls until `stop`. While auth cannot be reached the last snapshot holds: the risk is one access token's life. Before the first
/// one nobody knows which tokens are good, and the process is not ready.
pub(crate) async fn keep_current(platform: Platform, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    let mut cursor = 0;
    loop {
        platform.refresh_keys();
        // Before the first snapshot lets anybody in, it is known which tenants are closed.
        if let Err(error) = tenants_and_roles(&platform).await {
            tracing::debug!(%error, "tenants cannot be read");
        }
        // Auth is told by nobody: it takes in what it revokes by itself.
        if platform.settings.service != auth::SERVICE {
            match read_revocations(&platform, cursor).await {
                Ok(next) => cursor = next,
                Err(error) => {
                    metrics::counter!("revocation_poll_failures_total").increment(1);
                    tracing::debug!(error = format!("{error:#}"), "revocations cannot be read");
                }
            }
        }
        let revocations = &platform.identity.revocations;
        revocations.forget_expired(platform.clock.now());
        let pause = if revocations.is_whole() { EVERY } else { EVERY_AT_FIRST };
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes in what was revoked since `after`, page after page until nothing is left, and returns where to go on from next time.
pub(crate) async fn read_revocations(platform: &Platform, after: i64) -> anyhow::Result<i64> {
    let peer = platform.peers.peer::<TrustScope>(auth::SERVICE)?;
    let revocations = &platform.identity.revocations;
    // What still runs may commit something before what was read already: next time begins with it.
    let mut held_back = None;
    let mut from = after;
    loop {
        let page: RevocationPage = peer.get(&format!("/internal/v1/revocations?after={from}")).await?;
        for entry in &page.items {
            revocations.apply(&entry.revocation, entry.revoked_at);
        }
        let Some(next) = page.next else {
            revocations.mark_whole();
            return Ok(held_back.unwrap_or(page.cursor));
        };
        anyhow::ensure!(next > from, "auth tells to read on where this page began");
        if page.cursor < next && held_back.is_none() {
            held_back = Some(page.cursor);
        }
        from = next;
    }
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
