//! Inviting people to a tenant, and letting in who accepts.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use serde_json::json;
use shinkofa_contracts::auth::{
    AccountLetter, AccountLetterRequested, LetterSecret, PersonalContact, PersonalLetter,
    UserErasureRequested,
};
use shinkofa_db::Connection;
use shinkofa_feed::{Occurrence, append};
use shinkofa_identity::Permission;
use shinkofa_kernel::{Actor, Role, TenantId, UserId, defended};
use shinkofa_web::{Fault, Locale, Problem};

use crate::Auth;
use crate::announcement::{announce_account_here, announce_membership};
use crate::banning::is_account_banned;
use crate::db::audit::Trail;
use crate::db::invitations::{self, Invitation, InvitationId};
use crate::db::memberships::{self, Membership};
use crate::db::roles::TenantRole;
use crate::db::tenants::{self, Tenant};
use crate::db::users::{self, Account};
use crate::db::{events, roles, scope, service_accounts};
use crate::domain::account::MembershipStatus;
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::invitation::{InvitationCode, InvitationKind, InvitationSecret, MOST_OPEN};
use crate::domain::one_time_token::OneTimeToken;
use crate::error::Error;
use crate::letters::seal;
use crate::membership_changes::require_grantable;
use crate::provider_suspensions::recognise;

/// What an invitation may be found by. A code is short: its digest is keyed, so that nobody who reads the table can try codes
/// against it, and looking one up takes as long for a near miss as for any other.
pub fn digests(auth: &Auth, secret: &InvitationSecret) -> Vec<Vec<u8>> {
    match secret {
        InvitationSecret::Token(token) => vec![token.digest().to_vec()],
        InvitationSecret::Code(code) => auth.sealing.digests("invitation_code", code.as_str().as_bytes()),
    }
}

/// The context that a code is sealed for.
pub fn code_context(invitation: InvitationId) -> String {
    format!("invitation_code:{invitation}")
}

/// Is somebody written to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    Sent,
    /// The invitation is made and good for nothing: it says until when the address is kept.
    None,
}

/// What an invitation is to be.
pub struct Draft<'a> {
    /// Whom it is mailed to. One to nobody is a code.
    pub email: Option<&'a EmailAddress>,
    pub letter: Letter,
    /// Names of roles of the tenant, which the caller may give.
    pub roles: &'a [String],
    /// The studio's when absent.
    pub locale: Option<Locale>,
    pub uses: u16,
    pub open_for: TimeDelta,
}

/// Makes an invitation in the trail's tenant, which the caller holds: they are counted, so they are made one after the other.
pub async fn make(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (by, draft): (UserId, &Draft<'_>),
) -> Result<Invitation, Error> {
    let (tenant, now) = (trail.tenant, trail.clock.now());
    if invitations::count_open(tx, tenant, now).await? >= MOST_OPEN {
        return Err(Error::TooManyInvitations);
    }
    let settings = tenants::find(tx, tenant).await?.ok_or_else(Problem::not_found)?;
    let code = match draft.email {
        Some(email) => {
            invitations::revoke_expired_to(tx, tenant, email.canonical(), now).await?;
            None
        }
        None => Some(InvitationCode::from_random(auth.randomness.bytes()?)),
    };
    let id = InvitationId::new(&trail.clock);
    let seal = |code: &InvitationCode| auth.sealing.seal(&code_context(id), code.as_str().as_bytes());
    let invitation = Invitation {
        tenant_id: tenant,
        id,
        realm_id: auth.realm,
        kind: if code.is_some() { InvitationKind::Code } else { InvitationKind::Email },
        email: draft.email.map(|email| email.as_str().to_owned()),
        email_canonical: draft.email.map(|email| email.canonical().to_owned()),
        locale: draft.locale.unwrap_or(settings.default_locale),
        code_sealed: code.as_ref().map(seal).transpose().map_err(Fault::unexpected)?,
        most_uses: i32::from(draft.uses),
        uses: 0,
        invited_by: by,
        created_at: now,
        expires_at: now + draft.open_for,
        revoked_at: (draft.letter == Letter::None).then_some(now),
    };
    if !invitations::insert(tx, &invitation, draft.roles).await? {
        return Err(Error::AlreadyInvited);
    }
    match code {
        Some(code) => {
            let digests = digests(auth, &InvitationSecret::Code(code));
            let digest = digests.first().ok_or_else(|| Fault::unexpected("there is no key for digests"))?;
            invitations::set_key(tx, auth.realm, (tenant, id), digest).await?;
        }
        None if draft.letter == Letter::None => return Ok(invitation),
        None => mail_link(tx, auth, trail, &invitation).await?,
    }
    let details = json!({ "kind": invitation.kind, "roles": draft.roles });
    trail.invitation(tx, AuditAction::InvitationCreated, id, details).await?;
    Ok(invitation)
}

/// Has nobody accept an invitation any more, which the transaction has locked. The moment of it, where somebody still could.
pub async fn take_back(
    tx: &mut Connection,
    trail: &Trail,
    invitation: &Invitation,
) -> Result<Option<DateTime<Utc>>, Error> {
    let now = trail.clock.now();
    if !invitation.is_open(now) {
        return Ok(None);
    }
    invitations::revoke(tx, (trail.tenant, invitation.id), now).await?;
    trail.invitation(tx, AuditAction::InvitationRevoked, invitation.id, json!({})).await?;
    Ok(Some(now))
}

/// Lets a new link lead to the invitation and nothing else, and has notify mail it.
pub async fn mail_link(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    invitation: &Invitation,
) -> Result<(), Error> {
    let Some(email) = &invitation.email else { return Ok(()) };
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let place = (invitation.tenant_id, invitation.id);
    invitations::set_key(tx, auth.realm, place, &token.digest()).await?;
    let secret = LetterSecret { link_token: Some(token.as_str().to_owned()), code: None };
    // Nobody is told whether the address has an account: the letter is to whoever reads it.
    let requested = AccountLetterRequested {
        user_id: invitation.addressee(),
        locale: invitation.locale,
        letter: AccountLetter::Invitation { expires_at: invitation.expires_at },
        sealed_secret: Some(seal(auth, &secret)?),
    };
    let to = PersonalLetter::from(PersonalContact { email: email.clone(), name: String::new() });
    append(tx, &trail.occurrence(), invitation.id.as_uuid(), &requested, Some(&to)).await?;
    Ok(())
}

/// An invitation that somebody may accept now, its tenant, and what it makes of them.
pub struct Offer {
    pub invitation: Invitation,
    pub tenant: Tenant,
    pub roles: Vec<TenantRole>,
}

/// Where what somebody has leads, for the rest of the transaction. Nobody else uses it meanwhile.
///
/// It is gone, whatever became of it: used, revoked, expired, its tenant closed, or whoever made it no longer allowed to.
pub async fn offer(tx: &mut Connection, auth: &Auth, digests: &[Vec<u8>]) -> Result<Offer, Error> {
    let place = invitations::place(tx, auth.realm, digests).await?;
    let (tenant, id) = place.ok_or(Error::InvitationGone)?;
    scope::enter_tenant(tx, tenant).await?;
    let now = auth.platform.clock.now();
    let invitation = invitations::lock(tx, tenant, id).await?;
    let invitation = invitation.filter(|invitation| invitation.is_open(now)).ok_or(Error::InvitationGone)?;
    let tenant = tenants::find(tx, tenant).await?;
    let open = |tenant: &Tenant| tenant.is_open() || !defended!("V28-invitation");
    let tenant = tenant.filter(open).ok_or(Error::InvitationGone)?;
    let promised = invitations::roles_of(tx, tenant.id, &[id]).await?;
    let names: Vec<String> = promised.into_iter().map(|(_, role)| role).collect();
    let roles = roles::hold(tx, tenant.id, &names).await?;
    if may_still_invite(tx, (auth, tenant.id), invitation.invited_by, &roles).await? {
        Ok(Offer { invitation, tenant, roles })
    } else {
        Err(Error::InvitationGone)
    }
}

/// May whoever made an invitation still give what it promises? Not while their account is suspended, or a ban names it: either may end,
/// and the invitation is good again. A program never had a role to lose: its scope has to allow it, and it promises plain membership
/// alone. Whether the tenant is open was asked before.
async fn may_still_invite(
    tx: &mut Connection,
    (auth, tenant): (&Auth, TenantId),
    inviter: UserId,
    roles: &[TenantRole],
) -> Result<bool, Error> {
    memberships::hold(tx, tenant, &[inviter]).await?;
    let membership = memberships::find(tx, tenant, inviter).await?.filter(Membership::belongs);
    let Some(membership) = membership else { return Ok(false) };
    let account = users::find(tx, auth.realm, inviter).await?;
    let is_usable = account.is_some_and(|account| account.is_usable(auth.platform.clock.now()));
    if !is_usable || is_account_banned(tx, auth, tenant, inviter).await? {
        return Ok(false);
    }
    let is_plain = roles.iter().all(|role| role.name == Role::Member.as_str());
    if let Some(program) = service_accounts::find(tx, (tenant, auth.realm, inviter)).await? {
        let provisions = program.scopes().holds(Permission::ManageProvisioning);
        return Ok(program.disabled_at.is_none() && provisions && is_plain);
    }
    let authority = membership.authority();
    let may_invite = authority.holds(Permission::ManageMembers)
        || is_plain && authority.holds(Permission::ManageProvisioning);
    Ok(may_invite && require_grantable(authority, roles).is_ok())
}

/// Makes the owner of a confirmed address a member, with the roles that the invitation promises. Refuses before it changes
/// anything, but for whoever became a member by another way meanwhile: the transaction is of no use after that. Who confirms their
/// address in it cannot have.
pub async fn accept(
    tx: &mut Connection,
    auth: &Auth,
    offer: &Offer,
    account: &Account,
) -> Result<Membership, Error> {
    let Offer { invitation, tenant, roles } = offer;
    let now = auth.platform.clock.now();
    if account.email_verified_at.is_none() {
        return Err(Error::EmailNotVerified);
    }
    let to_another = invitation.kind == InvitationKind::Email
        && invitation.email_canonical.as_deref() != Some(account.email_canonical.as_str());
    if to_another {
        return Err(Error::OtherAddress);
    }
    require_outside(tx, tenant.id, account.id).await?;
    let place = (tenant.id, invitation.id);
    // Once each: a code that is still good for others undoes no demotion and no removal of who used it.
    if !invitations::note_acceptance(tx, place, account.id, now).await? {
        return Err(Error::InvitationGone);
    }
    invitations::use_up(tx, place, now).await?.ok_or(Error::InvitationGone)?;
    let names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
    let trail = auth.trail(tenant.id, Actor::user(account.id));
    let details = json!({ "userId": account.id });
    trail.invitation(tx, AuditAction::InvitationAccepted, invitation.id, details).await?;
    begin_membership(tx, auth, &trail, (account, &names)).await
}

/// Refuses whoever is a member already, or suspended.
async fn require_outside(tx: &mut Connection, tenant: TenantId, user: UserId) -> Result<(), Error> {
    let membership = memberships::find(tx, tenant, user).await?;
    match membership.map(|membership| membership.status) {
        Some(MembershipStatus::Active) => Err(Error::AlreadyMember),
        Some(MembershipStatus::Suspended) => Err(Error::MembershipSuspended),
        Some(MembershipStatus::Invited | MembershipStatus::Accepted) | None => Ok(()),
    }
}

/// Lets somebody in who was no member of the trail's tenant, with these roles. Whoever has become one since that was looked at, and
/// perhaps was suspended, stays what they are: the transaction is of no use after that.
pub async fn begin_membership(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, roles): (&Account, &[String]),
) -> Result<Membership, Error> {
    let who = (trail.tenant, auth.realm, account.id);
    if !memberships::join_once(tx, who, trail.clock.now()).await? {
        require_outside(tx, trail.tenant, account.id).await?;
        return Err(Error::NotAMember);
    }
    settle_in(tx, auth, trail, (account, roles)).await
}

/// What follows when somebody has just become an active member of the trail's tenant: their roles, and everybody who hears of it.
pub async fn settle_in(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, roles): (&Account, &[String]),
) -> Result<Membership, Error> {
    memberships::set_named_roles(tx, trail.tenant, account.id, roles).await?;
    trail.user(tx, AuditAction::MembershipBegun, account.id, json!({ "roles": roles })).await?;
    let membership = memberships::find(tx, trail.tenant, account.id).await?;
    let membership = membership.ok_or_else(|| Fault::unexpected("a new membership is not there"))?;
    announce_account_here(tx, trail, account).await?;
    announce_membership(tx, trail, account.id, &membership).await?;
    recognise(tx, auth, trail.tenant).await?;
    Ok(membership)
}

/// Forgets who was invited: here, in the log, and in every service that was told. The transaction sees the tenant of each.
pub async fn forget(tx: &mut Connection, auth: &Auth, gone: &[Invitation]) -> QueryResult<()> {
    for invitation in gone.iter().filter(|invitation| invitation.email.is_some()) {
        let somebody = invitation.addressee();
        events::forget_people(tx, &[somebody]).await?;
        let occurrence = occurrence(auth, invitation.tenant_id);
        append(tx, &occurrence, somebody.as_uuid(), &UserErasureRequested { user_id: somebody }, None)
            .await?;
        let trail = auth.trail(invitation.tenant_id, Actor::service("auth"));
        trail.invitation(tx, AuditAction::InvitationForgotten, invitation.id, json!({})).await?;
    }
    invitations::delete(tx, auth.realm, gone).await
}

fn occurrence(auth: &Auth, tenant: TenantId) -> Occurrence<'_> {
    Occurrence { clock: &auth.platform.clock, tenant: Some(tenant), actor: Actor::service("auth") }
}
