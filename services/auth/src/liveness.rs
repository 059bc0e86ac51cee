//! Auth never trusts a token alone: its session has to be there, and its version has to be the account's.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId};

use crate::db::memberships::Membership;
use crate::db::users::Account;
use crate::db::{memberships, sessions, users};
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
    if live { Ok((account, membership)) } else { Err(Error::Unauthenticated) }
}
