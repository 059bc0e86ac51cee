//! Revoking keys of service accounts, one by one, or all that somebody made who may make none any more; and ending tokens that say more
//! than whoever made their key may do.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::{Permission, Revocation};
use shinkofa_kernel::{SessionId, UserId};

use crate::Auth;
use crate::db::api_keys::{self, ApiKeyRow};
use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::{revocations, service_accounts, sessions};
use crate::domain::api_key::KeyEnd;
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;

/// Revokes a live key that the caller has locked, and ends the session behind it. Hand what it returns to
/// [`forget_here`](crate::withdrawal::forget_here) once it is committed.
pub async fn revoke_key(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    key: &ApiKeyRow,
    reason: KeyEnd,
) -> QueryResult<Option<SessionId>> {
    api_keys::revoke(tx, (trail.tenant, key.id), trail.clock.now()).await?;
    let ended = end_session_behind(tx, auth, trail, key, SessionEnd::KeyRevoked).await?;
    let details = json!({ "keyId": key.id, "prefix": key.prefix, "reason": reason });
    trail.user(tx, AuditAction::ApiKeyRevoked, key.user_id, details).await?;
    Ok(ended)
}

/// Ends what a key brought until now.
async fn end_session_behind(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    key: &ApiKeyRow,
    reason: SessionEnd,
) -> QueryResult<Option<SessionId>> {
    let now = trail.clock.now();
    let Some(session) = key.session_id else { return Ok(None) };
    if !sessions::end(tx, (auth.realm, session), now).await? {
        return Ok(None);
    }
    revocations::record(tx, &Revocation::Session { session_id: session }, now).await?;
    let details = json!({ "userId": key.user_id, "reason": reason });
    trail.session(tx, AuditAction::SessionEnded, session, details).await?;
    Ok(Some(session))
}

/// Revokes every key that these made in the trail's tenant: they may know it still. However many they are, one question finds
/// the keys. The caller has locked their memberships or their accounts, so that they make no other one meanwhile.
pub async fn revoke_keys_made_by(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    makers: &[UserId],
    reason: KeyEnd,
) -> QueryResult<Vec<SessionId>> {
    let made = api_keys::live_made_by(tx, (trail.tenant, makers), trail.clock.now()).await?;
    revoke_all(tx, auth, trail, (&made, reason)).await
}

/// The same of those that were made since then, by somebody else who was in the maker's account.
pub async fn revoke_keys_made_since(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (maker, since): (UserId, DateTime<Utc>),
) -> QueryResult<Vec<SessionId>> {
    let mut made = api_keys::live_made_by(tx, (trail.tenant, &[maker]), trail.clock.now()).await?;
    made.retain(|key| key.created_at >= since);
    revoke_all(tx, auth, trail, (&made, KeyEnd::MakerDisowned)).await
}

async fn revoke_all(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (keys, reason): (&[ApiKeyRow], KeyEnd),
) -> QueryResult<Vec<SessionId>> {
    let mut ended = Vec::new();
    for made in keys {
        // Whoever shows the key meanwhile is waited for, and so not missed.
        service_accounts::lock(tx, trail.tenant, made.user_id).await?;
        let key = api_keys::lock(tx, trail.tenant, made.id).await?;
        if let Some(key) = key.filter(|key| key.revoked_at.is_none()) {
            ended.extend(revoke_key(tx, auth, trail, &key, reason).await?);
        }
    }
    Ok(ended)
}

/// The same of a member whose roles were just changed, unless they may still make keys: then what theirs brought ends where it may say
/// more than they may do, and the keys stay good for the rest.
pub async fn revoke_keys_of_demoted(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, membership): (UserId, &Membership),
) -> QueryResult<Vec<SessionId>> {
    if membership.authority().holds(Permission::ManageServiceAccounts) {
        end_tokens_beyond(tx, auth, trail, (user, membership)).await
    } else {
        revoke_keys_made_by(tx, auth, trail, &[user], KeyEnd::MakerDemoted).await
    }
}

async fn end_tokens_beyond(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (maker, membership): (UserId, &Membership),
) -> QueryResult<Vec<SessionId>> {
    let mut ended = Vec::new();
    for made in api_keys::live_made_by(tx, (trail.tenant, &[maker]), trail.clock.now()).await? {
        // Whoever shows the key meanwhile is waited for, and so not missed.
        service_accounts::lock(tx, trail.tenant, made.user_id).await?;
        let scopes = service_accounts::scopes(tx, trail.tenant, made.user_id).await?;
        if scopes.is_none_or(|scopes| scopes.held_by(membership.authority()) == scopes) {
            continue;
        }
        if let Some(key) = api_keys::lock(tx, trail.tenant, made.id).await? {
            ended.extend(end_session_behind(tx, auth, trail, &key, SessionEnd::RolesChanged).await?);
        }
    }
    Ok(ended)
}

/// The same of everybody who has this role of the tenant's own, which was just changed.
pub async fn revoke_keys_of_demoted_holders(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    role: &str,
) -> QueryResult<Vec<SessionId>> {
    let holders = memberships::with_role(tx, trail.tenant, role).await?;
    memberships::hold(tx, trail.tenant, &holders).await?;
    let mut ended = Vec::new();
    for holder in holders {
        if let Some(membership) = memberships::find(tx, trail.tenant, holder).await? {
            ended.extend(revoke_keys_of_demoted(tx, auth, trail, (holder, &membership)).await?);
        }
    }
    Ok(ended)
}
