//! Auth never trusts a token alone: its session has to be there, and its version has to be the account's.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Permission, enrolment_required, is_stepped_up, step_up_required};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId, defended};

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::sessions::Session;
use crate::db::users::Account;
use crate::db::{impersonations, memberships, sessions, users};
use crate::domain::administration::IMPERSONATION;
use crate::domain::second_factor::enrols_only;
use crate::error::Error;
use crate::session_opening::demanded;

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

/// What stands behind a token now.
pub struct Live {
    pub session: Session,
    pub account: Account,
    pub membership: Membership,
}

/// The account and membership behind a token, or [`Error::Unauthenticated`] when any of it is no longer so, or 403 when the
/// session opens enrolment only.
pub async fn require_live(
    tx: &mut Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<(Account, Membership), Error> {
    let Live { session, account, membership } = require_session(tx, realm, claimed, now).await?;
    let looks_on = session.amr == IMPERSONATION;
    if !looks_on && enrols_only(&membership.authority().weight(), session.assurance(), &session.amr) {
        return Err(enrolment_required().into());
    }
    Ok((account, membership))
}

/// The same for the few routes that are also open to those who have to enrol a second factor first.
pub async fn require_session(
    tx: &mut Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    let session = sessions::find(tx, realm, claimed.session).await?.ok_or(Error::Unauthenticated)?;
    let account = users::find(tx, realm, claimed.user).await?.ok_or(Error::Unauthenticated)?;
    let membership =
        memberships::find(tx, claimed.tenant, claimed.user).await?.ok_or(Error::Unauthenticated)?;
    let live = session.is_live(now)
        && session.user_id == claimed.user
        && session.for_tenant == claimed.tenant
        && account.is_usable(now)
        && account.token_version == claimed.token_version
        && (membership.is_active() || !defended!("V23-token"));
    if live && (session.amr != IMPERSONATION || may_go_on(tx, claimed, now).await?) {
        Ok(Live { session, account, membership })
    } else {
        Err(Error::Unauthenticated)
    }
}

/// Somebody who may change how they sign in: they showed lately who they are, by the session in the database and with all
/// that their account can show. Their account is locked until the transaction ends, so that changes come one by one.
pub async fn require_stepped_up(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    users::lock(tx, auth.realm, actor.user_id).await?.ok_or(Error::Unauthenticated)?;
    let live = require_session(tx, auth.realm, Claimed::from(actor), now).await?;
    let shown = live.session.assurance();
    let demanded = demanded(tx, auth, actor.user_id, shown).await?;
    if !is_stepped_up((shown, live.session.authenticated_at), demanded, now) {
        return Err(step_up_required(demanded).into());
    }
    Ok(live)
}

/// Whoever of the staff opened this session: are they still allowed to?
async fn may_go_on(tx: &mut Connection, claimed: Claimed, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(impersonator) = impersonations::impersonator(tx, claimed.tenant, claimed.session, now).await?
    else {
        return Ok(false);
    };
    let membership = memberships::find(tx, claimed.tenant, impersonator).await?;
    Ok(membership.is_some_and(|membership| {
        membership.is_active() && membership.authority().holds(Permission::ImpersonateUsers)
    }))
}
