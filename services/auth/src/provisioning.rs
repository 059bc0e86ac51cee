//! What an identity provider does to people: it invites them, suspends and reactivates them, and ends their membership.
//!
//! Nobody becomes anybody's member by it alone: whoever is new gets the letter that any invitation is, whether or not there is an
//! account with the address, and stays inactive until they accept. Accounts, which span the realm, are never touched.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_identity::permissions::ManageProvisioning;
use shinkofa_kernel::{Role, SessionId, TenantId, UserId, defended};
use shinkofa_web::Fault;

use crate::Auth;
use crate::authority::{require_authority, require_recent_authority};
use crate::db::invitations::{Invitation, InvitationId};
use crate::db::scim_users::{self, Person, Provisioned, ScimUserId};
use crate::db::{invitations, tenants, users};
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::person_name::PersonName;
use crate::domain::scim::{Change, ExternalId};
use crate::error::Error;
use crate::handlers::create_invitation::require_no_member;
use crate::handlers::lock_user::{lock, manageable};
use crate::handlers::unlock_user::end_suspension;
use crate::invitations::{Draft, Letter, make, take_back};
use crate::membership_changes::end_membership;
use crate::provider_suspensions::{is_own, locked_at, reason, recognise};

/// Long enough for somebody who begins next month, and one letter for it.
const INVITATION_OPEN: TimeDelta = TimeDelta::days(30);

/// The caller may look, and whoever was invited and joined meanwhile is known to have.
pub async fn begin_look(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<(), Error> {
    require_authority::<ManageProvisioning>(tx, auth, actor).await?;
    recognise(tx, auth, actor.tenant_id).await
}

/// The caller may change people, and this is who has the id.
///
/// Changes of a tenant's people are made one after the other. Whoever accepts an invitation, or joins by another way, waits for none
/// of them: so their invitation and what is said of them is had first, and it is settled then whether they are a member.
async fn begin_change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: ScimUserId,
) -> Result<Person, Error> {
    let tenant = actor.tenant_id;
    tenants::hold(tx, tenant).await?;
    if defended!("V23-provisioning") {
        let found = scim_users::find(tx, tenant, id).await?;
        if let Some(invitation) = found.and_then(|found| found.invitation_id) {
            invitations::lock(tx, tenant, invitation).await?;
        }
        scim_users::hold(tx, tenant, id).await?;
    }
    require_recent_authority::<ManageProvisioning>(tx, auth, actor).await?;
    recognise(tx, auth, tenant).await?;
    person(tx, tenant, id).await
}

/// Whoever has this id here.
pub async fn person(tx: &mut Connection, tenant: TenantId, id: ScimUserId) -> Result<Person, Error> {
    scim_users::find(tx, tenant, id).await?.ok_or(Error::NotFound)
}

/// The address that a change may send a letter to.
pub async fn letter_to(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (person, said): (&Person, &Change),
) -> Result<Option<EmailAddress>, Error> {
    if person.user_id.is_some() {
        return Ok(None);
    }
    // Another name is another invitation, and of those there are no more than of letters.
    if let Some(name) = another_name(person, said) {
        return Ok(Some(name.clone()));
    }
    let invitation = match person.invitation_id {
        Some(id) => invitations::find(tx, actor.tenant_id, id).await?,
        None => None,
    };
    let is_open = invitation.is_some_and(|invitation| invitation.is_open(auth.platform.clock.now()));
    if is_open || said.active != Some(true) { Ok(None) } else { address_of(person).map(Some) }
}

fn another_name<'a>(person: &Person, said: &'a Change) -> Option<&'a EmailAddress> {
    said.user_name.as_ref().filter(|name| name.canonical() != person.user_name_canonical)
}

/// Where somebody who is not a member yet is written to.
fn address_of(person: &Person) -> Result<EmailAddress, Error> {
    Ok(EmailAddress::try_from(person.user_name.clone()).map_err(Fault::unexpected)?)
}

/// Somebody new: what is said of them, beside the address that they are invited at.
pub async fn provision(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (email, said): (&EmailAddress, &Change),
) -> Result<ScimUserId, Error> {
    let (tenant, now) = (actor.tenant_id, auth.platform.clock.now());
    tenants::hold(tx, tenant).await?;
    require_recent_authority::<ManageProvisioning>(tx, auth, actor).await?;
    recognise(tx, auth, tenant).await?;
    require_name_free(tx, auth, tenant, email).await?;
    let is_wanted = said.active != Some(false);
    let invitation = invite(tx, auth, actor, (email, letter(is_wanted))).await?;
    let mut row = Provisioned {
        tenant_id: tenant,
        id: ScimUserId::new(&auth.platform.clock),
        user_id: None,
        invitation_id: Some(invitation.id),
        user_name: Some(email.as_str().to_owned()),
        user_name_canonical: Some(email.canonical().to_owned()),
        external_id: None,
        display_name: None,
        given_name: None,
        family_name: None,
        deactivated_at: invitation.revoked_at,
        unwanted_by: (!is_wanted).then_some(actor.user_id),
        created_at: now,
        updated_at: now,
    };
    describe(tx, &mut row, said).await?;
    scim_users::save(tx, &row).await?;
    tell(tx, auth, actor, row.id).await?;
    Ok(row.id)
}

/// Changes what is said of somebody, and whether they are active. Hand what it returns to
/// [`forget_here`](crate::withdrawal::forget_here) once it is committed.
pub async fn change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, said): (ScimUserId, &Change),
) -> Result<Vec<SessionId>, Error> {
    let before = begin_change(tx, auth, actor, id).await?;
    if let Some(user) = before.user_id {
        manageable::<ManageProvisioning>(tx, auth, actor, user).await?;
    }
    let mut row = row_of(actor.tenant_id, &before);
    let place = |row: &Provisioned| (row.invitation_id, row.deactivated_at, row.unwanted_by);
    let placed = place(&row);
    let another = another_name(&before, said);
    if let Some(name) = another {
        require_name_free(tx, auth, actor.tenant_id, name).await?;
        row.user_name = Some(name.as_str().to_owned());
        row.user_name_canonical = Some(name.canonical().to_owned());
    }
    let is_told_more = describe(tx, &mut row, said).await? || another.is_some();
    let ended = match before.user_id {
        Some(user) => set_active(tx, auth, actor, (user, &before, &mut row), said.active).await?,
        None => {
            invite_again(tx, auth, actor, (&before, another, &mut row), said.active).await?;
            Vec::new()
        }
    };
    if is_told_more || place(&row) != placed {
        row.updated_at = auth.platform.clock.now();
        scim_users::save(tx, &row).await?;
    }
    // What it wants of somebody whom it cannot act on now is remembered for later, and has no entry of its own.
    let is_acted_on = (row.invitation_id, row.deactivated_at) != (placed.0, placed.1);
    if is_told_more || !is_acted_on && row.unwanted_by != placed.2 {
        tell(tx, auth, actor, id).await?;
    }
    Ok(ended)
}

/// Ends a membership, or takes an invitation back. The account stays.
pub async fn deprovision(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: ScimUserId,
) -> Result<Vec<SessionId>, Error> {
    let gone = begin_change(tx, auth, actor, id).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let Some(user) = gone.user_id else {
        take_back_theirs(tx, auth, actor, gone.invitation_id).await?;
        scim_users::delete(tx, actor.tenant_id, id).await?;
        tell(tx, auth, actor, id).await?;
        return Ok(Vec::new());
    };
    let (_, member) = manageable::<ManageProvisioning>(tx, auth, actor, user).await?;
    if !gone.active && !is_own(tx, auth, (actor.tenant_id, user), gone.deactivated_at).await? {
        return Err(Error::SuspendedByStaff);
    }
    // Whoever joined by another way has a letter left, which is no way back.
    take_back_theirs(tx, auth, actor, gone.invitation_id).await?;
    end_membership(tx, auth, &trail, (user, &member), AuditAction::MembershipRemoved).await
}

fn row_of(tenant: TenantId, person: &Person) -> Provisioned {
    let person = person.clone();
    Provisioned {
        tenant_id: tenant,
        id: person.id,
        user_id: person.user_id,
        invitation_id: person.invitation_id,
        user_name: person.is_named.then_some(person.user_name),
        user_name_canonical: person.is_named.then_some(person.user_name_canonical),
        external_id: person.external_id,
        display_name: person.display_name,
        given_name: person.given_name,
        family_name: person.family_name,
        deactivated_at: person.deactivated_at,
        unwanted_by: person.unwanted_by,
        created_at: person.created_at,
        updated_at: person.updated_at,
    }
}

/// Writes into a row what is said of somebody beside their user name. True where that is news.
async fn describe(tx: &mut Connection, row: &mut Provisioned, said: &Change) -> Result<bool, Error> {
    let before = row.clone();
    if let Some(external) = &said.external_id {
        row.external_id = external.clone().map(ExternalId::into_text);
    }
    let names = [
        (&said.display_name, &mut row.display_name),
        (&said.given_name, &mut row.given_name),
        (&said.family_name, &mut row.family_name),
    ];
    for (said, kept) in names {
        if let Some(name) = said {
            *kept = name.clone().map(PersonName::into_text);
        }
    }
    if let Some(external) = &row.external_id
        && row.external_id != before.external_id
        && scim_users::is_external_id_said(tx, row.tenant_id, external).await?
    {
        return Err(Error::ExternalIdTaken);
    }
    let told = |row: &Provisioned| {
        let Provisioned { external_id, display_name, given_name, family_name, .. } = row.clone();
        [external_id, display_name, given_name, family_name]
    };
    Ok(told(row) != told(&before))
}

async fn require_name_free(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    name: &EmailAddress,
) -> Result<(), Error> {
    let (place, name) = ((tenant, auth.realm), name.canonical());
    let is_taken = scim_users::is_name_said(tx, tenant, name).await?
        || !scim_users::find_named(tx, place, name).await?.is_empty();
    if is_taken { Err(Error::UserNameTaken) } else { Ok(()) }
}

/// Suspends or reactivates a member, where they are not so already. Whom the staff suspended, the staff lets in again; what the
/// provider itself said of them before, it may take back.
async fn set_active(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (user, before, row): (UserId, &Person, &mut Provisioned),
    wanted: Option<bool>,
) -> Result<Vec<SessionId>, Error> {
    let mut ended = Vec::new();
    match wanted {
        None => {}
        Some(false) => {
            if before.active {
                ended = lock::<ManageProvisioning>(tx, auth, actor, user, &reason()?).await?;
                row.deactivated_at = locked_at(tx, auth, actor.tenant_id, user).await?;
            }
            row.unwanted_by = before.unwanted_by.or(Some(actor.user_id));
        }
        Some(true) => {
            if !before.active {
                if is_own(tx, auth, (actor.tenant_id, user), before.deactivated_at).await? {
                    end_suspension(tx, auth, actor, user).await?;
                    row.deactivated_at = None;
                } else if before.unwanted_by.is_none() {
                    return Err(Error::SuspendedByStaff);
                }
            }
            row.unwanted_by = None;
        }
    }
    Ok(ended)
}

/// What becomes of the invitation of somebody who is not a member yet.
async fn invite_again(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (before, another, row): (&Person, Option<&EmailAddress>, &mut Provisioned),
    wanted: Option<bool>,
) -> Result<(), Error> {
    let last = match before.invitation_id {
        Some(id) => invitations::lock(tx, actor.tenant_id, id).await?,
        None => None,
    };
    let now = auth.platform.clock.now();
    let is_open = last.as_ref().is_some_and(|last| last.is_open(now));
    let is_wanted = wanted.unwrap_or(is_open);
    match wanted {
        Some(true) => row.unwanted_by = None,
        Some(false) => row.unwanted_by = before.unwanted_by.or(Some(actor.user_id)),
        None => {}
    }
    if another.is_none() && is_wanted == is_open {
        return Ok(());
    }
    if another.is_none() && is_wanted && last.is_some_and(|last| is_revoked_by_staff(before, &last)) {
        return Err(Error::SuspendedByStaff);
    }
    if let Some(at) = take_back_theirs(tx, auth, actor, before.invitation_id).await? {
        row.deactivated_at = Some(at);
    }
    if another.is_none() && !is_wanted {
        return Ok(());
    }
    let email = match another {
        Some(name) => name.clone(),
        None => address_of(before)?,
    };
    let made = invite(tx, auth, actor, (&email, letter(is_wanted))).await?;
    row.invitation_id = Some(made.id);
    row.deactivated_at = made.revoked_at;
    Ok(())
}

/// One that expired is marked as revoked later, when it stands in the way of another.
fn is_revoked_by_staff(person: &Person, invitation: &Invitation) -> bool {
    let revoked_at = invitation.revoked_at.filter(|at| *at < invitation.expires_at);
    revoked_at.is_some() && revoked_at != person.deactivated_at
}

fn letter(is_wanted: bool) -> Letter {
    if is_wanted { Letter::Sent } else { Letter::None }
}

/// Invites the owner of an address to be a plain member. Whoever has an account with it and has not confirmed it is not known to be
/// its owner, and in nobody's way.
async fn invite(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (email, letter): (&EmailAddress, Letter),
) -> Result<Invitation, Error> {
    let account = users::find_by_email(tx, auth.realm, email).await?;
    if account.is_some_and(|account| account.email_verified_at.is_some()) {
        require_no_member(tx, auth, actor.tenant_id, email).await?;
    }
    let roles = [Role::Member.as_str().to_owned()];
    let draft =
        Draft { email: Some(email), letter, roles: &roles, locale: None, uses: 1, open_for: INVITATION_OPEN };
    let trail = auth.trail(actor.tenant_id, actor.actor());
    make(tx, auth, &trail, (actor.user_id, &draft)).await
}

/// Has nobody accept somebody's invitation any more. The moment of it, where they still could.
async fn take_back_theirs(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: Option<InvitationId>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(id) = id else { return Ok(None) };
    let Some(invitation) = invitations::lock(tx, actor.tenant_id, id).await? else { return Ok(None) };
    let trail = auth.trail(actor.tenant_id, actor.actor());
    take_back(tx, &trail, &invitation).await
}

/// The trail holds that something else is said of somebody, and not what.
async fn tell(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: ScimUserId) -> Result<(), Error> {
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.tenant(tx, AuditAction::ProvisioningChanged, json!({ "scimUserId": id })).await?)
}
