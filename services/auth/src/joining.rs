//! Joining a studio where anybody may sign up, with an account that is there already.

use shinkofa_db::Connection;
use shinkofa_kernel::{Actor, Role, TenantId, UserId};

use crate::db::memberships::{self, Membership};
use crate::db::users::{self, Account};
use crate::db::{audit, factors};
use crate::domain::account::{AccountKind, MembershipStatus};
use crate::domain::consent::GivenConsents;
use crate::error::Error;
use crate::invitations::settle_in;
use crate::{Auth, consenting, sign_up_gate};

/// Makes the owner of a confirmed address a plain member of the tenant that the transaction sees, as signing up there would. Whoever
/// is one already stays what they are. Refuses before it changes anything, but for [`Error::MembershipRemoved`]: the transaction is
/// of no use after that.
pub async fn join(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (account, consents): (&Account, &GivenConsents),
) -> Result<Membership, Error> {
    require_somebody(account)?;
    if let Some(membership) = standing(tx, tenant, account.id).await? {
        return Ok(membership);
    }
    let studio = sign_up_gate::open(tx, tenant).await?;
    sign_up_gate::require_terms(&studio, consents)?;
    let who = (tenant, auth.realm, account.id);
    if !memberships::join_once(tx, who, auth.platform.clock.now()).await? {
        // They were let in meanwhile.
        return standing(tx, tenant, account.id).await?.ok_or(Error::NotAMember);
    }
    // Asked once the membership is there: a removal was before it, or finds it.
    if audit::is_removed(tx, tenant, account.id).await? {
        return Err(Error::MembershipRemoved);
    }
    let trail = auth.trail(tenant, Actor::user(account.id));
    let membership = settle_in(tx, auth, &trail, (account, &[Role::Member.as_str().to_owned()])).await?;
    consenting::record(tx, &trail, (account.id, consents), trail.clock.now()).await?;
    Ok(membership)
}

/// The same of whoever comes to the tenant's own page by an identity and has an account: a new one would have become a member there.
///
/// Whoever has a second factor shows it first, where they are a member, and joins from there. Where somebody may not join, they are
/// told what whoever comes by a password is.
pub async fn join_by_identity(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (account, consents): (&Account, &GivenConsents),
) -> Result<(), Error> {
    if factors::any_confirmed(tx, auth.realm, account.id).await? {
        return Ok(());
    }
    // As whoever signs in: the account before the membership.
    users::hold(tx, auth.realm, account.id).await?;
    match join(tx, auth, tenant, (account, consents)).await {
        Ok(_)
        | Err(
            Error::EmailNotVerified
            | Error::GuestAccount
            | Error::MembershipSuspended
            | Error::SignUpClosed
            | Error::TenantClosed,
        ) => Ok(()),
        Err(Error::MembershipRemoved) => Err(Error::NotAMember),
        Err(error) => Err(error),
    }
}

/// Members are people who can be written to: no guests, no accounts for a day, no programs.
fn require_somebody(account: &Account) -> Result<(), Error> {
    match account.kind {
        AccountKind::Member if account.email_verified_at.is_some() => Ok(()),
        AccountKind::Anonymous => Err(Error::GuestAccount),
        AccountKind::Member | AccountKind::Temporary | AccountKind::Service => Err(Error::EmailNotVerified),
    }
}

/// What somebody is in the tenant, where that is settled already.
async fn standing(tx: &mut Connection, tenant: TenantId, user: UserId) -> Result<Option<Membership>, Error> {
    let membership = memberships::find(tx, tenant, user).await?;
    let Some(membership) = membership else { return Ok(None) };
    match membership.status {
        MembershipStatus::Active if membership.tenant_is_open() => Ok(Some(membership)),
        MembershipStatus::Active => Err(Error::TenantClosed),
        MembershipStatus::Suspended => Err(Error::MembershipSuspended),
        MembershipStatus::Invited | MembershipStatus::Accepted => Ok(None),
    }
}
