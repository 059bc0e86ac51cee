//! Guests: accounts without anybody's name, until an address makes one somebody's.

use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_kernel::{Actor, Role, UserId, defended};
use shinkofa_web::{Fault, Locale};

use crate::Auth;
use crate::access_ending::end_access;
use crate::announcement::{announce_account, announce_membership};
use crate::db::audit::Trail;
use crate::db::memberships::{self, Membership};
use crate::db::signups::{self, Signup};
use crate::db::users::{self, Account, Choice, NewAccount};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::error::Error;
use crate::{consenting, unconfirmed};

/// Makes a guest: a member of the tenant without any role, so without any right that a role brings. Nothing is told to the
/// other services: they have nobody to write to.
pub async fn make_guest(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (id, locale): (UserId, Locale),
) -> Result<(Account, Membership), Error> {
    let now = trail.clock.now();
    // No mail reaches it, and nobody can ask for it: the top-level domain is reserved (RFC 2606).
    let nobody = format!("{id}@guest.invalid");
    let guest = NewAccount {
        realm_id: auth.realm,
        id,
        kind: AccountKind::Anonymous,
        status: AccountStatus::Active,
        email: nobody.clone(),
        email_canonical: nobody,
        email_verified_at: None,
        name: String::new(),
        locale,
        password_phc: None,
        token_version: 1,
        created_at: now,
        updated_at: now,
    };
    let missing = || Fault::unexpected("a new guest is not there");
    if !users::insert(tx, &guest).await? {
        return Err(missing().into());
    }
    memberships::join(tx, (trail.tenant, auth.realm, id), now).await?;
    trail.user(tx, AuditAction::AccountCreated, id, json!({ "kind": AccountKind::Anonymous })).await?;
    let account = users::find(tx, auth.realm, id).await?.ok_or_else(missing)?;
    let membership = memberships::find(tx, trail.tenant, id).await?.ok_or_else(missing)?;
    Ok((account, membership))
}

/// Makes a guest a member with the address, name and password of `signup`, whose address was just confirmed. The account
/// keeps its id and everything that hangs on it, but none of the sessions that were a guest's: who asked knows the password. A guest
/// who left the tenant or was removed since then becomes no member of it: the link leads nowhere.
pub async fn upgrade(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (guest, signup): (UserId, &Signup),
) -> Result<Account, Error> {
    let now = trail.clock.now();
    let email: EmailAddress = signup.email.parse().map_err(Fault::unexpected)?;
    make_room(tx, auth, trail, &email).await?;
    let choice = Choice { name: &signup.name, locale: signup.locale, password_phc: &signup.password_phc };
    let owner = (auth.realm, guest);
    let token_version =
        users::upgrade_guest(tx, owner, (&email, choice), now).await?.ok_or(Error::LinkGone)?;
    // Before the sessions are ended, as whoever removes the guest does it.
    memberships::held(tx, trail.tenant, guest).await?.ok_or(Error::LinkGone)?;
    let ended = if defended!("V16-guest") {
        end_access(tx, auth, trail, (guest, token_version), None).await?.sessions
    } else {
        0
    };
    memberships::set_roles(tx, trail.tenant, guest, &[Role::Member]).await?;
    signups::delete_for_addresses(tx, auth.realm, &[email.canonical()]).await?;
    let trail = Trail { actor: Actor::user(guest), ..trail.clone() };
    trail.user(tx, AuditAction::GuestUpgraded, guest, json!({ "endedSessions": ended })).await?;
    consenting::record_of_signup(tx, &trail, (guest, signup)).await?;
    let missing = || Fault::unexpected("an upgraded guest is not there");
    let account = users::find(tx, auth.realm, guest).await?.ok_or_else(missing)?;
    let membership = memberships::find(tx, trail.tenant, guest).await?.ok_or_else(missing)?;
    announce_account(tx, &trail, &account).await?;
    announce_membership(tx, &trail, guest, &membership).await?;
    Ok(account)
}

/// An address that somebody has confirmed stays theirs. An account that nobody has confirmed is nobody's, and gives way.
async fn make_room(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    email: &EmailAddress,
) -> Result<(), Error> {
    let Some(holder) = users::lock_by_email(tx, auth.realm, email.canonical()).await? else { return Ok(()) };
    if holder.email_verified_at.is_some() {
        return Err(Error::LinkGone);
    }
    unconfirmed::erase(tx, auth, trail, (&holder, AuditAction::AddressClaimed)).await
}
