//! What a stranger who was in somebody's account did in their studios, to come back by when the account is its owner's again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::Permission;
use shinkofa_kernel::{SessionId, TenantId, UserId};

use crate::Auth;
use crate::db::audit::{self, Trail};
use crate::db::invitations::{self, InvitationId};
use crate::db::memberships::{self, Membership};
use crate::db::webhooks::{self, WebhookId};
use crate::db::{scope, tenants, timeline};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::session::LONGEST_SESSION;
use crate::error::Error;
use crate::invitations::take_back;
use crate::key_revocation::revoke_keys_made_since;
use crate::securing::ToldBy;
use crate::withdrawal::end_impersonations;

/// What it takes to leave any of it in a studio.
const LEAVING_WAYS_BACK: [Permission; 3] =
    [Permission::ManageWebhooks, Permission::ManageMembers, Permission::ManageServiceAccounts];

/// Disables the webhooks that were made, changed or enabled since then in an account's name, takes back the invitations that were made or
/// sent anew, revokes the keys that were made, and ends what is seen in the place of others, in every studio that its owner is anything
/// in, or was since then. What somebody else has enabled or sent anew after stays. Each studio's trail tells of its own, and
/// who was given roles. Hand what it returns to [`forget_here`](crate::withdrawal::forget_here) once it is committed.
///
/// The caller has locked the account, as whoever makes a key does before anything else. The studios are held one after the other by
/// their age, as by whoever else holds several.
pub async fn close_back_doors(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
    told_by: ToldBy,
) -> Result<Vec<SessionId>, Error> {
    let mut ended = Vec::new();
    for tenant in studios_since(tx, owner, since).await? {
        scope::enter_tenant(tx, tenant).await?;
        let there = Trail { tenant, ..trail.clone() };
        ended.extend(close_here(tx, auth, &there, (owner, since), told_by).await?);
    }
    scope::enter_tenant(tx, trail.tenant).await?;
    Ok(ended)
}

/// By their age. What was made in a studio stays there when its maker leaves, whose timeline tells of the leaving.
async fn studios_since(
    tx: &mut Connection,
    owner: UserId,
    since: DateTime<Utc>,
) -> QueryResult<BTreeSet<TenantId>> {
    // In this order, so that one that is being left is not missed.
    let present = memberships::everywhere(tx, owner).await?;
    let told = timeline::tenants_since(tx, owner, since).await?;
    Ok(present.into_iter().map(|belonging| belonging.tenant).chain(told).collect())
}

async fn close_here(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
    told_by: ToldBy,
) -> Result<Vec<SessionId>, Error> {
    // Whoever is just doing any of it is waited for, and so not missed; whoever comes later has no session any more.
    tenants::hold(tx, trail.tenant).await?;
    let since = reach(tx, trail, (owner, since), told_by).await?;
    let done = Done::since(tx, trail.tenant, (owner, since)).await?;
    // First, so that the stranger is told nothing of the rest.
    disable_webhooks(tx, trail, &done.webhooks).await?;
    take_back_invitations(tx, trail, &done.invitations).await?;
    tell_of_roles(tx, trail, owner, &done).await?;
    let mut ended = end_impersonations(tx, auth, trail, &[owner]).await?;
    ended.extend(revoke_keys_made_since(tx, auth, trail, (owner, since)).await?);
    Ok(ended)
}

/// Since when what was done in this studio is undone. Whoever may still do the like there could undo it one by one. Anybody else chooses
/// among all the events of their own timeline, and so among all that they ever did there: they reach back as far as a session may
/// last. The link of a letter names its event itself, and is good for a week.
async fn reach(
    tx: &mut Connection,
    trail: &Trail,
    (owner, since): (UserId, DateTime<Utc>),
    told_by: ToldBy,
) -> QueryResult<DateTime<Utc>> {
    if told_by != ToldBy::Session {
        return Ok(since);
    }
    let member = memberships::find(tx, trail.tenant, owner).await?.filter(Membership::belongs);
    let may_still =
        member.is_some_and(|member| LEAVING_WAYS_BACK.iter().any(|to| member.authority().holds(*to)));
    Ok(if may_still { since } else { since.max(trail.clock.now() - LONGEST_SESSION) })
}

/// What the trail of one studio tells of an account. What was changed by several knows the last of them at most.
#[derive(Default)]
struct Done {
    webhooks: Vec<WebhookId>,
    invitations: Vec<InvitationId>,
    /// Whose roles were set.
    members: Vec<UserId>,
    /// The names of those of the studio's own that were changed.
    roles: Vec<String>,
}

impl Done {
    async fn since(
        tx: &mut Connection,
        tenant: TenantId,
        (doer, since): (UserId, DateTime<Utc>),
    ) -> QueryResult<Self> {
        let mut done = Self::default();
        for (subject, id, role) in audit::ways_back_since(tx, (tenant, doer), since).await? {
            match subject {
                AuditSubject::Webhook => done.webhooks.push(WebhookId::from_uuid(id)),
                AuditSubject::Invitation => done.invitations.push(InvitationId::from_uuid(id)),
                AuditSubject::User => done.members.push(UserId::from_uuid(id)),
                AuditSubject::Tenant => done.roles.extend(role),
                AuditSubject::Session | AuditSubject::Realm | AuditSubject::Ban => {}
            }
        }
        Ok(done)
    }
}

async fn disable_webhooks(tx: &mut Connection, trail: &Trail, ids: &[WebhookId]) -> Result<(), Error> {
    let tenant = trail.tenant;
    for id in webhooks::enabled_among(tx, tenant, ids).await? {
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
    ids: &[InvitationId],
) -> Result<(), Error> {
    let (tenant, now) = (trail.tenant, trail.clock.now());
    for id in invitations::open_among(tx, tenant, ids, now).await? {
        // Whoever accepts it meanwhile is waited for.
        if let Some(invitation) = invitations::lock(tx, tenant, id).await? {
            take_back(tx, trail, &invitation).await?;
        }
    }
    Ok(())
}

/// Roles that were given stay, and what they allow: whether somebody is the stranger's friend or a new colleague, the studio knows. The
/// trail says whom to look at, and their owner's timeline that it was done in their name.
async fn tell_of_roles(tx: &mut Connection, trail: &Trail, owner: UserId, done: &Done) -> Result<(), Error> {
    let mut people = invitations::accepted_by(tx, trail.tenant, &done.invitations).await?;
    people.extend(&done.members);
    for role in &done.roles {
        people.extend(memberships::with_role(tx, trail.tenant, role).await?);
    }
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Ok(());
    }
    let details = json!({ "userIds": people });
    Ok(trail.user(tx, AuditAction::RolesDisowned, owner, details).await?)
}
