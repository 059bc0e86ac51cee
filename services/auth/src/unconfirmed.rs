//! Accounts whose address nobody has confirmed. Anybody may make one with anybody's address, so it is nobody's: no member yet,
//! shown to no studio, and forgotten when nobody confirms it.

use serde_json::{Value, json};
use shinkofa_db::Connection;
use shinkofa_kernel::{Actor, Role, TenantId, UserId};

use crate::Auth;
use crate::announcement::{announce_account, announce_departure};
use crate::db::audit::Trail;
use crate::db::memberships::{self, Belonging};
use crate::db::scope;
use crate::db::users::Account;
use crate::domain::account::MembershipStatus;
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::invitations::begin_membership;
use crate::jobs::repeat_erasure::tell_twice;
use crate::{privacy, sign_up_gate};

/// Writes down what happens to an account: in the trail, or in the platform's own as long as its address is not confirmed. Anybody may
/// found a studio, and would learn from its trail whether an address that they sign up with has an account.
pub async fn record(
    tx: &mut Connection,
    trail: &Trail,
    account: &Account,
    (action, details): (AuditAction, Value),
) -> Result<(), Error> {
    if account.email_verified_at.is_some() || trail.tenant == TenantId::DEFAULT {
        return Ok(trail.user(tx, action, account.id, details).await?);
    }
    scope::enter_tenant(tx, TenantId::DEFAULT).await?;
    let platform = Trail { tenant: TenantId::DEFAULT, ..trail.clone() };
    platform.user(tx, action, account.id, details).await?;
    Ok(scope::enter_tenant(tx, trail.tenant).await?)
}

/// Keeps a place in the trail's tenant for whoever confirms the address. It brings no right before.
pub async fn keep_place(tx: &mut Connection, auth: &Auth, trail: &Trail, user: UserId) -> Result<(), Error> {
    let who = (trail.tenant, auth.realm, user);
    Ok(memberships::keep_place(tx, who, trail.clock.now()).await?)
}

/// Gives up what others had signed the owner of an address up for elsewhere, before they confirmed it in the trail's tenant. Where
/// staff suspended them they stay suspended. What letters leave in the other services there is forgotten in its time, and by an
/// erasure, which goes wherever those were told of the person.
pub async fn leave_others(tx: &mut Connection, trail: &Trail, user: UserId) -> Result<(), Error> {
    let others = memberships::everywhere(tx, user).await?;
    let is_left =
        |other: &&Belonging| other.tenant != trail.tenant && other.status != MembershipStatus::Suspended;
    for other in others.iter().filter(is_left) {
        scope::enter_tenant(tx, other.tenant).await?;
        memberships::remove(tx, other.tenant, user).await?;
        let there = Trail { tenant: other.tenant, ..trail.clone() };
        announce_departure(tx, &there, user, other.tier).await?;
    }
    Ok(scope::enter_tenant(tx, trail.tenant).await?)
}

/// Makes a plain member of whoever has confirmed their address in the trail's tenant, and has it told. Whoever is something there already
/// stays that, and their address is told.
pub async fn join(tx: &mut Connection, auth: &Auth, trail: &Trail, account: &Account) -> Result<(), Error> {
    if is_outside(tx, trail.tenant, account.id).await? {
        let roles = [Role::Member.as_str().to_owned()];
        begin_membership(tx, auth, trail, (account, &roles)).await?;
    } else {
        announce_account(tx, trail, account).await?;
    }
    Ok(())
}

/// The same where anybody may sign up. Where not, whoever is nothing there stays outside, and its address book does not know them.
pub async fn join_where_open(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
) -> Result<(), Error> {
    if is_outside(tx, trail.tenant, account.id).await? {
        match sign_up_gate::require_open(tx, trail.tenant).await {
            Ok(()) => {}
            Err(Error::SignUpClosed | Error::TenantClosed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    join(tx, auth, trail, account).await
}

/// Is somebody nothing in the tenant, or has no more than a place kept there?
async fn is_outside(tx: &mut Connection, tenant: TenantId, user: UserId) -> Result<bool, Error> {
    let membership = memberships::find(tx, tenant, user).await?;
    Ok(membership.is_none_or(|membership| membership.status == MembershipStatus::Invited))
}

/// Forgets an account that nobody confirmed, in every tenant that a place was kept in, and in every service that was told. The trail's
/// tenant is among them.
pub async fn erase(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (holder, action): (&Account, AuditAction),
) -> Result<(), Error> {
    let places = memberships::everywhere(tx, holder.id).await?;
    let others = places.iter().map(|place| place.tenant).filter(|tenant| *tenant != trail.tenant);
    let tenants: Vec<_> = others.chain([trail.tenant]).collect();
    let service = Trail { actor: Actor::service("auth"), ..trail.clone() };
    record(tx, &service, holder, (action, json!({ "erased": true }))).await?;
    // The first turn makes the account nobody's: its address is what it is found by in the others.
    for tenant in tenants {
        scope::enter_tenant(tx, tenant).await?;
        privacy::erase_known_as(tx, auth, &[holder.id], &[holder.email_canonical.as_str()]).await?;
        let there = Trail { tenant, ..service.clone() };
        tell_twice(tx, &there, &[holder.id]).await?;
    }
    Ok(())
}
