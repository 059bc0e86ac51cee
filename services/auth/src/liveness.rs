//! Auth never trusts a token alone: its session has to be there, and its version has to be the account's.

use chrono::{DateTime, Utc};
use shinkofa_db::Connection;
use shinkofa_identity::{
    AssuranceLevel, CurrentActor, Permission, enrolment_required, is_stepped_up, step_up_required,
};
use shinkofa_kernel::{RealmId, SessionId, TenantId, UserId, defended};
use shinkofa_web::Problem;

use crate::Auth;
use crate::account_only::or_account_only;
use crate::db::live::{self, Behind};
use crate::db::memberships::Membership;
use crate::db::sessions::Session;
use crate::db::users::Account;
use crate::db::{factors, impersonations, memberships, users};
use crate::domain::account::AccountKind;
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
    let Live { account, membership, .. } = require_member(tx, realm, claimed, now).await?;
    Ok((account, membership))
}

/// The same, with the session.
pub async fn require_member(
    tx: &Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    require_enrolled(require_session(tx, realm, claimed, now).await?)
}

/// The same for what is of the account alone: also for a member of nothing.
pub async fn require_owner(
    tx: &mut Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    require_enrolled(require_signed_in(tx, realm, claimed, now).await?)
}

fn require_enrolled(live: Live) -> Result<Live, Error> {
    let looks_on = live.session.amr == IMPERSONATION;
    if !looks_on
        && enrols_only(&live.membership.authority().weight(), live.session.assurance(), &live.session.amr)
    {
        return Err(enrolment_required().into());
    }
    Ok(live)
}

/// The same for the few routes that are also open to those who have to enrol a second factor first.
pub async fn require_session(
    tx: &Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    let seen = live::behind(tx, (realm, claimed.tenant), claimed.session).await?;
    let Some(Behind { session, account: Some(account), membership: Some(membership) }) = seen else {
        return Err(Error::Unauthenticated);
    };
    require_standing(tx, realm, (claimed, now), Live { session, account, membership }).await
}

/// The same for whoever is signed in at all: also for a member of nothing.
pub async fn require_signed_in(
    tx: &mut Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    let seen = live::behind(tx, (realm, claimed.tenant), claimed.session).await?;
    let Some(Behind { session, account: Some(account), membership }) = seen else {
        return Err(Error::Unauthenticated);
    };
    let membership = or_account_only(tx, claimed.tenant, &account, membership).await?;
    let membership = membership.ok_or(Error::Unauthenticated)?;
    require_standing(tx, realm, (claimed, now), Live { session, account, membership }).await
}

async fn require_standing(
    tx: &Connection,
    realm: RealmId,
    (claimed, now): (Claimed, DateTime<Utc>),
    Live { session, account, membership }: Live,
) -> Result<Live, Error> {
    // The account and the membership are those of whose session it is.
    let live = session.is_live(now)
        && session.user_id == claimed.user
        && session.for_tenant == claimed.tenant
        && account.is_usable(now)
        && account.token_version == claimed.token_version
        && (membership.is_active() || !defended!("V23-token"));
    if live && (session.amr != IMPERSONATION || may_go_on(tx, realm, claimed, now).await?) {
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
    require_recent(tx, auth, &live, now).await?;
    Ok(live)
}

/// Did whoever is behind this session show lately who they are, with all that their account can show?
pub async fn require_recent(
    tx: &mut Connection,
    auth: &Auth,
    live: &Live,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let shown = live.session.assurance();
    let demanded = demanded(tx, auth, live.account.id, shown).await?;
    if is_stepped_up((shown, live.session.authenticated_at), demanded, now) {
        Ok(())
    } else {
        Err(step_up_required(demanded).into())
    }
}

/// The same, for what is not refused but shown in part.
pub async fn is_recent(
    tx: &mut Connection,
    auth: &Auth,
    live: &Live,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let shown = live.session.assurance();
    let demanded = demanded(tx, auth, live.account.id, shown).await?;
    Ok(is_stepped_up((shown, live.session.authenticated_at), demanded, now))
}

/// Somebody whose second factor, where their account has one, was shown lately. Where it has none the password shows who
/// they are, and the caller asks for it. It is of the account alone, so it is asked of a member of nothing as well.
pub async fn require_factor_shown(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    let live = require_owner(tx, auth.realm, Claimed::from(actor), now).await?;
    if factors::any_confirmed(tx, auth.realm, actor.user_id).await? {
        require_recent(tx, auth, &live, now).await?;
    }
    Ok(live)
}

/// Somebody whose account has no password, which would stand in `field`: they showed lately who they are, by whatever way they sign in.
/// A guest's session is their account, and there is nothing else to show.
pub async fn require_no_password(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    field: &'static str,
) -> Result<Live, Error> {
    let now = auth.platform.clock.now();
    let live = require_owner(tx, auth.realm, Claimed::from(actor), now).await?;
    if live.account.password_phc.is_some() {
        return Err(Problem::invalid_field(field, "is needed: the account has one").into());
    }
    if live.account.kind != AccountKind::Anonymous {
        require_recent(tx, auth, &live, now).await?;
    }
    Ok(live)
}

/// Somebody who has no second factor, so that their password is all that they can show.
pub async fn require_password_alone(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    now: DateTime<Utc>,
) -> Result<Live, Error> {
    let live = require_session(tx, auth.realm, Claimed::from(actor), now).await?;
    if factors::any_confirmed(tx, auth.realm, actor.user_id).await? {
        return Err(step_up_required(AssuranceLevel::Aal2).into());
    }
    Ok(live)
}

/// Whoever of the staff opened this session: are they still allowed to?
async fn may_go_on(
    tx: &Connection,
    realm: RealmId,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(impersonator) = impersonations::impersonator(tx, claimed.tenant, claimed.session, now).await?
    else {
        return Ok(false);
    };
    let account = users::find(tx, realm, impersonator).await?;
    if !account.is_some_and(|account| account.is_usable(now)) {
        return Ok(false);
    }
    let membership = memberships::find(tx, claimed.tenant, impersonator).await?;
    Ok(membership.is_some_and(|membership| {
        membership.is_active() && membership.authority().holds(Permission::ImpersonateUsers)
    }))
}
