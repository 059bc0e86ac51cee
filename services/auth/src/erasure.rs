//! Forgetting a person everywhere: auth at once, the other services as they read of it, until all have said that they did.

use serde_json::json;
use shinkofa_contracts::Position;
use shinkofa_contracts::auth::UserErasureRequested;
use shinkofa_contracts::privacy::{ErasureProgress, PrivacyScope};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::append;
use shinkofa_kernel::{Actor, SessionId, TenantId, UserId};
use shinkofa_runtime::{Tenant, tenants};

use crate::db::erasures::{self, Erasure};
use crate::db::{events, invitations, scope, users};
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::domain::erasure::{ErasureState, ROUNDS};
use crate::error::Error;
use crate::key_revocation::revoke_keys_made_by;
use crate::withdrawal::{end_impersonations, forget_here};
use crate::{Auth, privacy};

/// Tenants that one transaction asks about somebody.
const ASKED_AT_ONCE: usize = 200;

/// The services that keep data about people: those that auth is told the addresses of.
pub fn services(auth: &Auth) -> Vec<String> {
    let peers = auth.platform.settings.peers.keys();
    let mut services: Vec<String> =
        peers.filter(|name| *name != shinkofa_contracts::auth::SERVICE).cloned().collect();
    services.sort();
    services
}

/// Goes on with one request as far as it goes now.
pub async fn advance(auth: &Auth, erasure: &Erasure) -> Result<(), Error> {
    match (erasure.state, erasure.told()) {
        (ErasureState::Scheduled, _) => tell(auth, erasure, 1).await,
        (ErasureState::Erasing, Some(told)) => collect(auth, erasure, told).await,
        _ => Ok(()),
    }
}

/// Auth forgets the person and tells the others, in one transaction. Where that has to happen is asked before it: whoever
/// joins a tenant meanwhile is found there in the next round, as is what another transaction was still writing.
async fn tell(auth: &Auth, erasure: &Erasure, round: i32) -> Result<(), Error> {
    let realm = auth.realm;
    let known_as = address(auth, erasure.user_id).await?;
    let concerned = concerned(auth, erasure.user_id, known_as.as_deref()).await?;
    let ended = transaction(&auth.platform.database, &Scope::realm(realm), "tell_erasure", async |tx| {
        let now = auth.platform.clock.now();
        let Some(current) = erasures::lock(tx, realm, erasure.id).await? else { return Ok(Vec::new()) };
        if (current.state, current.round) != (erasure.state, erasure.round) || now < current.erase_at {
            return Ok(Vec::new());
        }
        let account = users::find(tx, realm, current.user_id).await?;
        let address = account.map(|account| account.email_canonical);
        if address != known_as {
            // It has just been changed: the next run asks by the new one.
            return Ok(Vec::new());
        }
        let mut ended = Vec::new();
        for tenant in &concerned {
            ended.extend(erase_in(tx, auth, tenant.id, (current.user_id, address.as_deref())).await?);
        }
        let told = events::last_about(tx, current.user_id).await?;
        erasures::set_told(tx, (realm, current.id), (round, told)).await?;
        Ok::<_, Error>(ended)
    })
    .await?;
    forget_here(auth, &ended);
    auth.platform.committed();
    Ok(())
}

async fn address(auth: &Auth, user: UserId) -> Result<Option<String>, Error> {
    transaction(&auth.platform.database, &Scope::realm(auth.realm), "address_to_erase", async |tx| {
        let account = users::find(tx, auth.realm, user).await?;
        Ok::<_, Error>(account.map(|account| account.email_canonical))
    })
    .await
}

/// The tenants in which the person was ever anything, was asked to be, or was written to: what is forgotten there, a copy holds before.
pub async fn concerned(auth: &Auth, user: UserId, address: Option<&str>) -> Result<Vec<Tenant>, Error> {
    let (database, scope) = (&auth.platform.database, Scope::realm(auth.realm));
    let (all, told) = transaction(database, &Scope::infrastructure(), "list_tenants", async |tx| {
        Ok::<_, Error>((tenants(tx).await?, events::told_where(tx, user).await?))
    })
    .await?;
    let mut concerned = Vec::new();
    for some in all.chunks(ASKED_AT_ONCE) {
        let found = transaction(database, &scope, "concerned_tenants", async |tx| {
            concerned_among(tx, (some, &told), (user, address)).await
        });
        concerned.extend(found.await?);
    }
    Ok(concerned)
}

async fn concerned_among(
    tx: &mut Connection,
    (tenants, told): (&[Tenant], &[TenantId]),
    whom: (UserId, Option<&str>),
) -> Result<Vec<Tenant>, Error> {
    let mut concerned = Vec::new();
    for tenant in tenants {
        scope::enter_tenant(tx, tenant.id).await?;
        if told.contains(&tenant.id) || is_known_here(tx, whom).await? {
            concerned.push(tenant.clone());
        }
    }
    Ok(concerned)
}

/// Was the person ever anything in the tenant that the transaction sees, or asked to be?
async fn is_known_here(tx: &mut Connection, (user, address): (UserId, Option<&str>)) -> Result<bool, Error> {
    let invited = match address {
        Some(address) => !invitations::to_addresses_here(tx, &[address]).await?.is_empty(),
        None => false,
    };
    Ok(invited || erasures::is_known_here(tx, user).await?)
}

/// The first tenant's turn makes the account nobody's: its address is what the person is still found by in the others. Returns
/// what ended with it of others' sessions.
async fn erase_in(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (user, address): (UserId, Option<&str>),
) -> Result<Vec<SessionId>, Error> {
    scope::enter_tenant(tx, tenant).await?;
    let is_known = is_known_here(tx, (user, address)).await?;
    privacy::erase_known_as(tx, auth, &[user], address.as_slice()).await?;
    let trail = auth.trail(tenant, Actor::service("auth"));
    let mut ended = end_impersonations(tx, auth, &trail, &[user]).await?;
    ended.extend(revoke_keys_made_by(tx, auth, &trail, &[user], KeyEnd::MakerLeft).await?);
    // Where strangers had letters written to them and that was all, the trail goes on telling nothing of them.
    if is_known {
        trail.user(tx, AuditAction::ErasureStarted, user, json!({})).await?;
    }
    let request = UserErasureRequested { user_id: user };
    append(tx, &trail.occurrence(), user.as_uuid(), &request, None).await?;
    Ok(ended)
}

/// Asks those who have not confirmed yet. Whoever does not answer is asked again by the next run.
async fn collect(auth: &Auth, erasure: &Erasure, told: Position) -> Result<(), Error> {
    let (realm, database) = (auth.realm, &auth.platform.database);
    let confirmed = transaction(database, &Scope::realm(realm), "erasure_confirmations", async |tx| {
        Ok::<_, Error>(erasures::confirmations(tx, (realm, erasure.id)).await?)
    })
    .await?;
    let services = services(auth);
    let mut missing = 0;
    for service in &services {
        if confirmed.iter().any(|(name, _)| name == service) {
            continue;
        }
        if !has_forgotten(auth, service, erasure.user_id, told).await {
            missing += 1;
            continue;
        }
        let now = auth.platform.clock.now();
        transaction(database, &Scope::realm(realm), "confirm_erasure", async |tx| {
            Ok::<_, Error>(erasures::confirm(tx, (realm, erasure.id), service, now).await?)
        })
        .await?;
    }
    match missing {
        0 if erasure.round < ROUNDS => tell(auth, erasure, erasure.round + 1).await,
        0 => finish(auth, erasure, &services).await,
        _ => {
            tracing::info!(erasure = %erasure.id, missing, "services have not forgotten yet");
            Ok(())
        }
    }
}

async fn has_forgotten(auth: &Auth, service: &str, user: UserId, told: Position) -> bool {
    let Ok(peer) = auth.platform.peers.peer::<PrivacyScope>(service) else { return false };
    let path = format!("/internal/v1/privacy/erasures/{user}?after={told}");
    match peer.get::<ErasureProgress>(&path).await {
        Ok(progress) => progress.done,
        Err(error) => {
            tracing::info!(service, %error, "it cannot be asked whether it has forgotten somebody");
            false
        }
    }
}

async fn finish(auth: &Auth, erasure: &Erasure, services: &[String]) -> Result<(), Error> {
    let realm = auth.realm;
    let scope = Scope::realm(realm).with_tenant(erasure.for_tenant);
    transaction(&auth.platform.database, &scope, "finish_erasure", async |tx| {
        let now = auth.platform.clock.now();
        let current = erasures::lock(tx, realm, erasure.id).await?;
        if current.is_none_or(|current| current.state != ErasureState::Erasing) {
            return Ok(());
        }
        erasures::finish(tx, (realm, erasure.id), now).await?;
        let trail = auth.trail(erasure.for_tenant, Actor::service("auth"));
        let details = json!({ "erasureId": erasure.id, "services": services });
        Ok::<_, Error>(trail.user(tx, AuditAction::AccountErased, erasure.user_id, details).await?)
    })
    .await
}
