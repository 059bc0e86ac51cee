//! Auth never trusts a token alone: its session has to be there, and its version has to be the account's.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Permission};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};

use crate::db::memberships::Membership;
use crate::db::users::Account;
use crate::db::{impersonations, memberships, sessions, users};
use crate::domain::administration::IMPERSONATION;
use crate::error::Error;

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug)]
pub struct Claimed {
    pub user: UserId,
    pub tenant: TenantId,
    pub session: SessionId,
    pub token_version: i32,
}

impl From<&CurrentActor> for Claimed {
    fn from(actor: &CurrentActor) -> Self {
        Self {
            user: actor.user_id,
            tenant: actor.tenant_id,
            session: actor.session_id,
            token_version: actor.token_version,
        }
    }
}

/// The account and membership behind a token, or [`Error::Unauthenticated`] when any of it is no longer so.
pub async fn require_live(
    tx: &mut Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<(Account, Membership), Error> {
    let session = sessions::find(tx, realm, claimed.session).await?.ok_or(Error::Unauthenticated)?;
    let account = users::find(tx, realm, claimed.user).await?.ok_or(Error::Unauthenticated)?;
    let membership =
        memberships::find(tx, claimed.tenant, claimed.user).await?.ok_or(Error::Unauthenticated)?;
    let live = session.is_live(now)
        && session.user_id == claimed.user
        && session.for_tenant == claimed.tenant
        && account.is_usable(now)
        && account.token_version == claimed.token_version
        && membership.is_active();
    if live && (session.amr != IMPERSONATION || may_go_on(tx, claimed, now).await?) {
        Ok((account, membership))
    } else {
        Err(Error::Unauthenticated)
    }
}

/// Whoever of the staff opened this session: are they still allowed to?
async fn may_go_on(tx: &mut Connection, claimed: Claimed, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(impersonator) = impersonations::impersonator(tx, claimed.tenant, claimed.session, now).await?
    else {
        return Ok(false);
    };
    let membership = memberships::find(tx, claimed.tenant, impersonator).await?;
    Ok(membership.is_some_and(|membership| {
        membership.is_active() && Permission::ImpersonateUsers.is_held_by(&membership.roles)
    }))
}
