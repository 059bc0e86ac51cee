//! The privacy contract: what auth knows about a person, and how it forgets them.

use diesel::QueryResult;
use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::UserId;

use crate::Auth;
use crate::db::{
    consents, events, impersonations, known_devices, members, memberships, one_time_tokens, revocations,
    scope, sessions, signups, users,
};

/// The account, the membership in the transaction's tenant, and the sessions.
pub async fn export(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<Value> {
    scope::enter_realm(tx, auth.realm).await?;
    let Some(account) = users::find(tx, auth.realm, user).await? else { return Ok(Value::Null) };
    let membership = memberships::here(tx, user).await?;
    let sessions = sessions::places_of_user(tx, auth.realm, user).await?;
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|session| {
            json!({
                "sessionId": session.session, "signedInAt": session.opened_at, "lastUsedAt": session.last_used_at,
                "userAgent": session.user_agent, "network": session.ip_prefix, "endedAt": session.ended_at,
            })
        })
        .collect();
    let lock_reason = members::lock_reason_here(tx, user).await?;
    let consents = consents::history_here(tx, user).await?;
    let impersonations = impersonations::of_user_here(tx, user).await?;
    let impersonations: Vec<_> = impersonations
        .into_iter()
        .map(
            |seen| json!({ "openedAt": seen.opened_at, "expiresAt": seen.expires_at, "reason": seen.reason }),
        )
        .collect();
    Ok(json!({
        "account": {
            "userId": account.id, "email": account.email, "name": account.name, "locale": account.locale,
            "emailVerifiedAt": account.email_verified_at, "createdAt": account.created_at,
        },
        "membership": membership.map(|membership| json!({
            "status": membership.status, "tier": membership.tier, "roles": membership.roles,
        })),
        "consents": consents,
        "lockReason": lock_reason,
        "seenByStaff": impersonations,
        "sessions": sessions,
    }))
}

/// Ends the membership in the transaction's tenant and makes the account nobody's. The audit trail holds ids alone and
/// stays.
pub async fn erase(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<()> {
    let now = auth.platform.clock.now();
    scope::enter_realm(tx, auth.realm).await?;
    memberships::remove_here(tx, user).await?;
    impersonations::delete_of_user_here(tx, user).await?;
    consents::delete_here(tx, user).await?;
    let Some(account) = users::find(tx, auth.realm, user).await? else { return Ok(()) };
    signups::delete_for_address(tx, auth.realm, &account.email_canonical).await?;
    one_time_tokens::delete_of_user(tx, auth.realm, user).await?;
    known_devices::delete_of_user(tx, auth.realm, user).await?;
    sessions::delete_of_user(tx, auth.realm, user).await?;
    events::forget_person(tx, user).await?;
    let token_version = users::erase(tx, auth.realm, user, now).await?;
    revocations::record(tx, &Revocation::User { user_id: user, token_version }, now).await
}
