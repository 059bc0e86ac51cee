//! Keeping out who was banned, by what they come with: whichever account they try, and whichever way of signing in.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::bans::{self, Ban, ToldBan};
use crate::domain::administration::Reason;
use crate::domain::audit::AuditAction;
use crate::domain::ban::{Mark, shown};
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::error::Error;

fn context(tenant: TenantId) -> String {
    format!("ban:{tenant}")
}

/// What a ban would know the caller by, and these accounts.
pub fn fingerprints(
    auth: &Auth,
    tenant: TenantId,
    (accounts, binding, surroundings): (&[UserId], &DeviceBinding, &Surroundings),
) -> Vec<Vec<u8>> {
    let marks = shown(binding, surroundings).into_iter();
    of_marks(auth, tenant, marks.chain(accounts.iter().copied().map(Mark::account)))
}

fn of_marks(auth: &Auth, tenant: TenantId, marks: impl IntoIterator<Item = Mark>) -> Vec<Vec<u8>> {
    let context = context(tenant);
    marks.into_iter().flat_map(|mark| auth.sealing.digests(&context, &mark.to_bytes())).collect()
}

/// [`Error::Banned`] when a ban names what the caller comes with, or one of these accounts: none where it is not known yet who comes,
/// so that nobody learns by a refusal whose an address is.
pub async fn require_not_banned(
    tx: &Connection,
    auth: &Auth,
    tenant: TenantId,
    (accounts, binding, surroundings): (&[UserId], &DeviceBinding, &Surroundings),
) -> Result<(), Error> {
    let fingerprints = fingerprints(auth, tenant, (accounts, binding, surroundings));
    let now = auth.platform.clock.now();
    if bans::any(tx, tenant, &fingerprints, now).await? { Err(Error::Banned) } else { Ok(()) }
}

/// Does a ban of the tenant's name this account, whatever else it is known by?
pub async fn is_account_banned(
    tx: &Connection,
    auth: &Auth,
    tenant: TenantId,
    user: UserId,
) -> QueryResult<bool> {
    let fingerprints = of_marks(auth, tenant, [Mark::account(user)]);
    bans::any(tx, tenant, &fingerprints, auth.platform.clock.now()).await
}

/// Bans these marks. Repeating it under the same id changes nothing: false.
pub async fn ban(
    tx: &mut Connection,
    auth: &Auth,
    (trail, id): (&Trail, Uuid),
    marks: &[Mark],
    (reason, until): (&Reason, Option<DateTime<Utc>>),
) -> Result<bool, Error> {
    let context = context(trail.tenant);
    let banned_by = serde_json::to_value(&trail.actor).map_err(Fault::unexpected)?;
    let mut rows = Vec::new();
    for mark in marks {
        let fingerprint = auth.sealing.digests(&context, &mark.to_bytes()).into_iter().next();
        rows.push(Ban {
            tenant_id: trail.tenant,
            ban_id: id,
            fingerprint: fingerprint.ok_or_else(|| Fault::unexpected("there is no key for digests"))?,
            kind: mark.kind,
            reason: reason.as_str().to_owned(),
            banned_at: trail.clock.now(),
            banned_by: banned_by.clone(),
            until,
        });
    }
    Ok(bans::insert(tx, &rows).await? > 0)
}

/// Lifts a ban of the trail's tenant, and no other one of the same person. False when there is none of this id.
pub async fn lift(tx: &mut Connection, trail: &Trail, id: Uuid) -> QueryResult<bool> {
    let is_lifted = bans::lift(tx, trail.tenant, id).await?;
    if is_lifted {
        trail.ban(tx, AuditAction::BanLifted, id, json!({})).await?;
    }
    Ok(is_lifted)
}

/// Bans that name this account, in whichever tenant the transaction sees.
pub async fn told_here(tx: &mut Connection, auth: &Auth, user: UserId) -> QueryResult<Vec<ToldBan>> {
    let Some(tenant) = bans::tenant_here(tx).await? else { return Ok(Vec::new()) };
    bans::told_of(tx, tenant, &of_marks(auth, tenant, [Mark::account(user)])).await
}

/// Forgets which bans name these accounts, in whichever tenant the transaction sees. What else they name stays banned.
pub async fn forget_accounts_here(tx: &mut Connection, auth: &Auth, users: &[UserId]) -> QueryResult<()> {
    let Some(tenant) = bans::tenant_here(tx).await? else { return Ok(()) };
    let accounts = users.iter().copied().map(Mark::account);
    bans::forget(tx, tenant, &of_marks(auth, tenant, accounts)).await
}
