//! What an identity provider does to people: it invites them, suspends and reactivates them, and ends their membership.
//!
//! Nobody becomes anybody's member by it alone: whoever is new gets the letter that any invitation is, whether or not there is an
//! account with the address, and stays inactive until they accept. Accounts, which span the realm, are never touched.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_identity::permissions::ManageProvisioning;
use shinkofa_kernel::{Role, SessionId, TenantId, UserId};
use shinkofa_web::{Fault, Problem};

use crate::Auth;
use crate::authority::{require_authority, require_recent_authority};
use crate::db::invitations::{Invitation, InvitationId};
use crate::db::scim_users::{self, Person, PersonFilter, Provisioned, ScimUserId};
use crate::db::{invitations, members, tenants};
use crate::domain::administration::Reason;
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::invitation::{InvitationKind, MOST_OPEN};
use crate::domain::person_name::PersonName;
use crate::domain::scim::{Change, ExternalId};
use crate::error::Error;
use crate::handlers::create_invitation::require_no_member;
use crate::handlers::lock_user::{lock, manageable};
use crate::handlers::unlock_user::unlock;
use crate::invitations::mail_link;
use crate::membership_changes::end_membership;

/// Long enough for somebody who begins next month, and one letter for it.
const INVITATION_OPEN: TimeDelta = TimeDelta::days(30);

/// What staff and the member are told of a suspension.
const DEACTIVATED: &str = "Deactivated by the studio's identity provider";

/// The caller may look, and whoever was invited and joined meanwhile is known to have.
pub async fn begin_look(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<(), Error> {
    require_authority::<ManageProvisioning>(tx, auth, actor).await?;
    Ok(scim_users::recognise(tx, (actor.tenant_id, auth.realm)).await?)
}

/// The caller may change people. Changes of a tenant's people are made one after the other.
async fn begin_change(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<(), Error> {
    tenants::hold(tx, actor.tenant_id).await?;
    require_recent_authority::<ManageProvisioning>(tx, auth, actor).await?;
    Ok(scim_users::recognise(tx, (actor.tenant_id, auth.realm)).await?)
}

/// Whoever has this id here.
pub async fn person(tx: &mut Connection, tenant: TenantId, id: ScimUserId) -> Result<Person, Error> {
    let filter = PersonFilter { id: Some(id), ..PersonFilter::default() };
    let found = scim_users::find(tx, tenant, &filter, (0, 1)).await?;
    found.into_iter().next().ok_or(Error::NotFound)
}

/// The address that a change may send a letter to.
pub fn letter_to(person: &Person, change: &Change) -> Result<Option<EmailAddress>, Error> {
    if person.user_id.is_some() || change.active == Some(false) {
        return Ok(None);
    }
    let another = change.user_name.as_ref().filter(|name| is_another(person, name));
    match (another, change.active) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, Some(true)) => {
            let email = EmailAddress::try_from(person.user_name.clone()).map_err(Fault::unexpected)?;
            Ok(Some(email))
        }
        (None, _) => Ok(None),
    }
}

fn is_another(person: &Person, name: &EmailAddress) -> bool {
    name.canonical() != person.user_name_canonical
}

/// Somebody new: what is said of them, beside the address that they are invited at.
pub async fn provision(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (email, said): (&EmailAddress, &Change),
) -> Result<ScimUserId, Error> {
    begin_change(tx, auth, actor).await?;
    let (tenant, now) = (actor.tenant_id, auth.platform.clock.now());
    require_name_free(tx, tenant, email).await?;
    require_no_member(tx, auth, tenant, email).await?;
    let letter = if said.active == Some(false) { Letter::None } else { Letter::Sent };
    let invitation = invite(tx, auth, actor, (email, letter)).await?;
    let mut row = Provisioned {
        tenant_id: tenant,
        id: ScimUserId::new(&auth.platform.clock),
        user_id: None,
        invitation_id: Some(invitation),
        user_name: email.as_str().to_owned(),
        user_name_canonical: email.canonical().to_owned(),
        external_id: None,
        display_name: None,
        given_name: None,
        family_name: None,
        deactivated_at: None,
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
    begin_change(tx, auth, actor).await?;
    let before = person(tx, actor.tenant_id, id).await?;
    if let Some(user) = before.user_id {
        manageable::<ManageProvisioning>(tx, auth, actor, user).await?;
    }
    let now = auth.platform.clock.now();
    let mut row = row_of(actor.tenant_id, &before);
    let another = said.user_name.as_ref().filter(|name| is_another(&before, name));
    if let Some(name) = another {
        require_name_free(tx, actor.tenant_id, name).await?;
        row.user_name = name.as_str().to_owned();
        row.user_name_canonical = name.canonical().to_owned();
    }
    let is_told_more = describe(tx, &mut row, said).await? || another.is_some();
    let ended = match before.user_id {
        Some(user) => set_active(tx, auth, actor, (user, &before, &mut row), said.active).await?,
        None => {
            row.invitation_id = invite_again(tx, auth, actor, (&before, another), said.active).await?;
            Vec::new()
        }
    };
    let is_moved = row.invitation_id != before.invitation_id || row.deactivated_at != before.deactivated_at;
    if is_told_more || is_moved {
        row.updated_at = now;
        scim_users::save(tx, &row).await?;
    }
    if is_told_more {
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
    begin_change(tx, auth, actor).await?;
    let gone = person(tx, actor.tenant_id, id).await?;
    let Some(user) = gone.user_id else {
        revoke(tx, auth, actor, gone.invitation_id).await?;
        scim_users::delete(tx, actor.tenant_id, id).await?;
        tell(tx, auth, actor, id).await?;
        return Ok(Vec::new());
    };
    let (_, member) = manageable::<ManageProvisioning>(tx, auth, actor, user).await?;
    if !gone.active {
        require_own_suspension(tx, auth, actor, (user, &gone)).await?;
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    end_membership(tx, auth, &trail, (user, &member), AuditAction::MembershipRemoved).await
}

fn row_of(tenant: TenantId, person: &Person) -> Provisioned {
    let person = person.clone();
    Provisioned {
        tenant_id: tenant,
        id: person.id,
        user_id: person.user_id,
        invitation_id: person.invitation_id,
        user_name: person.user_name,
        user_name_canonical: person.user_name_canonical,
        external_id: person.external_id,
        display_name: person.display_name,
        given_name: person.given_name,
        family_name: person.family_name,
        deactivated_at: person.deactivated_at,
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
    if row.external_id.is_some() && row.external_id != before.external_id {
        let taken = PersonFilter { external_id: row.external_id.clone(), ..PersonFilter::default() };
        if scim_users::count(tx, row.tenant_id, &taken).await? > 0 {
            return Err(Error::ExternalIdTaken);
        }
    }
    let told = |row: &Provisioned| {
        let Provisioned { external_id, display_name, given_name, family_name, .. } = row.clone();
        [external_id, display_name, given_name, family_name]
    };
    Ok(told(row) != told(&before))
}

async fn require_name_free(tx: &mut Connection, tenant: TenantId, name: &EmailAddress) -> Result<(), Error> {
    let canonical = Some(name.canonical().to_owned());
    let taken = PersonFilter { user_name_canonical: canonical, ..PersonFilter::default() };
    if scim_users::count(tx, tenant, &taken).await? > 0 { Err(Error::UserNameTaken) } else { Ok(()) }
}

/// Suspends or reactivates a member, where they are not so already.
async fn set_active(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (user, before, row): (UserId, &Person, &mut Provisioned),
    wanted: Option<bool>,
) -> Result<Vec<SessionId>, Error> {
    match wanted {
        Some(false) if before.active => {
            let reason = Reason::try_from(DEACTIVATED.to_owned()).map_err(Fault::unexpected)?;
            let ended = lock::<ManageProvisioning>(tx, auth, actor, user, &reason).await?;
            row.deactivated_at = locked_at(tx, auth, actor.tenant_id, user).await?;
            Ok(ended)
        }
        Some(true) if !before.active => {
            require_own_suspension(tx, auth, actor, (user, before)).await?;
            unlock::<ManageProvisioning>(tx, auth, actor, user).await?;
            row.deactivated_at = None;
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// Whom the staff suspended, the staff lets in again.
async fn require_own_suspension(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (user, person): (UserId, &Person),
) -> Result<(), Error> {
    let locked_at = locked_at(tx, auth, actor.tenant_id, user).await?;
    let is_own = person.deactivated_at.is_some() && locked_at == person.deactivated_at;
    if is_own { Ok(()) } else { Err(Error::SuspendedByStaff) }
}

async fn locked_at(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let member = members::find(tx, (tenant, auth.realm, user)).await?;
    Ok(member.and_then(|member| member.locked_at))
}

/// What becomes of the invitation of somebody who is not a member yet, and which one it is from now on.
async fn invite_again(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (before, another): (&Person, Option<&EmailAddress>),
    wanted: Option<bool>,
) -> Result<Option<InvitationId>, Error> {
    let is_open = open_invitation(tx, auth, actor.tenant_id, before.invitation_id).await?.is_some();
    let is_wanted = wanted.unwrap_or(is_open);
    if another.is_none() && is_wanted == is_open {
        return Ok(before.invitation_id);
    }
    revoke(tx, auth, actor, before.invitation_id).await?;
    if another.is_none() && !is_wanted {
        return Ok(before.invitation_id);
    }
    let email = match another {
        Some(name) => name.clone(),
        None => EmailAddress::try_from(before.user_name.clone()).map_err(Fault::unexpected)?,
    };
    require_no_member(tx, auth, actor.tenant_id, &email).await?;
    let letter = if is_wanted { Letter::Sent } else { Letter::None };
    invite(tx, auth, actor, (&email, letter)).await.map(Some)
}

/// Is somebody written to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Sent,
    /// The invitation is made and good for nothing: it says until when the address is kept.
    None,
}

/// Invites the owner of an address to be a plain member.
async fn invite(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (email, letter): (&EmailAddress, Letter),
) -> Result<InvitationId, Error> {
    let (tenant, now) = (actor.tenant_id, auth.platform.clock.now());
    if invitations::count_open(tx, tenant, now).await? >= MOST_OPEN {
        return Err(Error::TooManyInvitations);
    }
    let settings = tenants::find(tx, tenant).await?.ok_or_else(Problem::not_found)?;
    invitations::revoke_expired_to(tx, tenant, email.canonical(), now).await?;
    let invitation = Invitation {
        tenant_id: tenant,
        id: InvitationId::new(&auth.platform.clock),
        realm_id: auth.realm,
        kind: InvitationKind::Email,
        email: Some(email.as_str().to_owned()),
        email_canonical: Some(email.canonical().to_owned()),
        locale: settings.default_locale,
        code_sealed: None,
        most_uses: 1,
        uses: 0,
        invited_by: actor.user_id,
        created_at: now,
        expires_at: now + INVITATION_OPEN,
        revoked_at: (letter == Letter::None).then_some(now),
    };
    let roles = [Role::Member.as_str().to_owned()];
    if !invitations::insert(tx, &invitation, &roles).await? {
        return Err(Error::AlreadyInvited);
    }
    if letter == Letter::Sent {
        let trail = auth.trail(tenant, actor.actor());
        mail_link(tx, auth, &trail, &invitation).await?;
        let details = json!({ "kind": invitation.kind, "roles": roles });
        trail.invitation(tx, AuditAction::InvitationCreated, invitation.id, details).await?;
    }
    Ok(invitation.id)
}

async fn open_invitation(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    id: Option<InvitationId>,
) -> Result<Option<Invitation>, Error> {
    let Some(id) = id else { return Ok(None) };
    let now = auth.platform.clock.now();
    Ok(invitations::lock(tx, tenant, id).await?.filter(|invitation| invitation.is_open(now)))
}

/// Nobody accepts the invitation any more.
async fn revoke(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: Option<InvitationId>,
) -> Result<(), Error> {
    let Some(open) = open_invitation(tx, auth, actor.tenant_id, id).await? else { return Ok(()) };
    invitations::revoke(tx, (actor.tenant_id, open.id), auth.platform.clock.now()).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.invitation(tx, AuditAction::InvitationRevoked, open.id, json!({})).await?)
}

/// The trail holds that something else is said of somebody, and not what.
async fn tell(tx: &mut Connection, auth: &Auth, actor: &CurrentActor, id: ScimUserId) -> Result<(), Error> {
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(trail.tenant(tx, AuditAction::ProvisioningChanged, json!({ "scimUserId": id })).await?)
}
