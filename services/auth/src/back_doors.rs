//! What a stranger who was in somebody's account made in their studios, to come back by when the account is its owner's again.

use chrono::{DateTime, Utc};
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_kernel::{SessionId, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::{invitations, memberships, scope, tenants, webhooks};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::invitations::take_back;
use crate::key_revocation::revoke_keys_made_since;

/// Disables the webhooks, takes back the invitations and revokes the keys that were made since then in an account's name, in every
/// studio that its owner is anything in. Each studio's trail tells of its own. Hand what it returns to
/// [`forget_here`](crate::withdrawal::forget_here) once it is committed.
///
/// The caller has locked the account, as whoever makes a key does before anything else. The studios are held one after the other by
/// their age, as by whoever else holds several.
pub async fn close_back_doors(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
) -> Result<Vec<SessionId>, Error> {
    let mut ended = Vec::new();
    for belonging in memberships::everywhere(tx, owner).await? {
        scope::enter_tenant(tx, belonging.tenant).await?;
        let there = Trail { tenant: belonging.tenant, ..trail.clone() };
        ended.extend(close_here(tx, auth, &there, (owner, since)).await?);
    }
    scope::enter_tenant(tx, trail.tenant).await?;
    Ok(ended)
}

async fn close_here(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    made: (UserId, DateTime<Utc>),
) -> Result<Vec<SessionId>, Error> {
    // Whoever is just making an invitation or a webhook is waited for, and so not missed; whoever comes later has no session any more.
    tenants::hold(tx, trail.tenant).await?;
    // First, so that the stranger is told nothing of the rest.
    disable_webhooks(tx, trail, made).await?;
    take_back_invitations(tx, trail, made).await?;
    Ok(revoke_keys_made_since(tx, auth, trail, made).await?)
}

async fn disable_webhooks(
    tx: &mut Connection,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
) -> Result<(), Error> {
    let tenant = trail.tenant;
    for id in webhooks::enabled_made_since(tx, (tenant, owner), since).await? {
        let endpoint = webhooks::lock(tx, tenant, id).await?;
        if endpoint.is_none_or(|endpoint| endpoint.disabled_at.is_some()) {
            continue;
        }
        webhooks::set_disabled(tx, (tenant, id), Some(trail.clock.now())).await?;
        // Also what waits to be tried again, and would be once it is enabled.
        webhooks::abandon_pending(tx, (tenant, id)).await?;
        trail.webhook(tx, AuditAction::WebhookDisabled, id, json!({ "reason": "maker_disowned" })).await?;
    }
    Ok(())
}

async fn take_back_invitations(
    tx: &mut Connection,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
) -> Result<(), Error> {
    let (tenant, now) = (trail.tenant, trail.clock.now());
    for id in invitations::open_made_since(tx, (tenant, owner), (since, now)).await? {
        // Whoever accepts it meanwhile is waited for.
        if let Some(invitation) = invitations::lock(tx, tenant, id).await? {
            take_back(tx, trail, &invitation).await?;
        }
    }
    Ok(())
}
