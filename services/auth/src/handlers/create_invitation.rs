//! `POST /api/tenants/invitations`

use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::TenantId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Locale, Problem, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::authority::require_recent_authority;
use crate::db::{memberships, tenants, users};
use crate::domain::account::MembershipStatus;
use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::invitation::{DAYS_OPEN, InvitationKind, MOST_DAYS_OPEN, MOST_USES};
use crate::domain::tenant::RoleNames;
use crate::error::Error;
use crate::invitation_view::{InvitationView, Onlooker};
use crate::invitations::{Draft, Letter, make};
use crate::membership_changes::{named_roles, require_grantable};
use crate::{Auth, limits};

/// By a letter to one address, or by a code that is passed on by hand.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "kind": "email", "email": "anna@example.org", "roles": ["member"] }))]
pub struct CreateInvitationRequest {
    kind: InvitationKind,
    /// Of an invitation by mail, and only there: who has an account with this address, confirmed, can accept.
    #[schema(value_type = Option<String>, format = "email", max_length = 254, example = "anna@example.org")]
    email: Option<ReachableAddress>,
    /// What they become: 1 to 10 names of roles, each once.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 10, example = json!(["member"]))]
    roles: RoleNames,
    /// The language of the letter; the studio's when absent.
    locale: Option<Locale>,
    /// Of a code, and only there: so many people can use it; one when absent.
    #[schema(minimum = 1, maximum = 1000)]
    max_uses: Option<u16>,
    /// 7 when absent.
    #[schema(minimum = 1, maximum = 90, example = 7)]
    days_open: Option<u16>,
}

/// What was asked for, within its bounds.
struct Asked {
    email: Option<EmailAddress>,
    roles: RoleNames,
    locale: Option<Locale>,
    uses: u16,
    days: u16,
}

impl Asked {
    fn read(request: CreateInvitationRequest) -> Result<Self, Problem> {
        let CreateInvitationRequest { kind, email, roles, locale, max_uses, days_open } = request;
        match kind {
            InvitationKind::Email if email.is_none() => {
                return Err(Problem::invalid_field("/email", "is needed for an invitation by mail"));
            }
            InvitationKind::Email if max_uses.is_some() => {
                return Err(Problem::invalid_field("/maxUses", "is for codes: a letter invites one person"));
            }
            InvitationKind::Code if email.is_some() => {
                return Err(Problem::invalid_field(
                    "/email",
                    "is for invitations by mail: nobody is sent a code",
                ));
            }
            InvitationKind::Email | InvitationKind::Code => {}
        }
        let (uses, days) = (max_uses.unwrap_or(1), days_open.unwrap_or(DAYS_OPEN));
        let email = email.map(EmailAddress::from);
        let asked = Self { email, roles, locale, uses, days };
        if !(1..=MOST_USES).contains(&asked.uses) {
            return Err(Problem::invalid_field("/maxUses", format!("must be between 1 and {MOST_USES}")));
        }
        if !(1..=MOST_DAYS_OPEN).contains(&asked.days) {
            return Err(Problem::invalid_field(
                "/daysOpen",
                format!("must be between 1 and {MOST_DAYS_OPEN}"),
            ));
        }
        Ok(asked)
    }
}

/// Invite somebody
///
/// By mail: the letter's link is good for the owner of the address alone, once. By code: for whoever has it, as often as it says.
/// An invitation promises roles, none that the caller may not give; it is worth nothing any more when the caller may not give them.
#[utoipa::path(
    tag = "invitations",
    security(("bearer" = [])),
    request_body = CreateInvitationRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = InvitationView),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`already_member`, `already_invited` or `too_many_invitations`"),
    ),
)]
#[post("/api/tenants/invitations")]
pub async fn create_invitation(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    body: Body<CreateInvitationRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, asked) = (caller.actor, Asked::read(body.0)?);
    auth.platform.limiter.require(&limits::INVITE_BY_USER, &actor.user_id.to_string()).await?;
    if let Some(email) = &asked.email {
        auth.platform.limiter.require(&limits::INVITE_BY_ADDRESS, &limits::key_of(email)).await?;
    }
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let view = transaction(&auth.platform.database, &scope, "create_invitation", async |tx| {
        invite(tx, &auth, &actor, &asked).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(view))
}

async fn invite(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    asked: &Asked,
) -> Result<InvitationView, Error> {
    let tenant = actor.tenant_id;
    tenants::hold(tx, tenant).await?;
    let (_, own) = require_recent_authority::<ManageMembers>(tx, auth, actor).await?;
    let trail = auth.trail(tenant, actor.actor());
    let roles = named_roles(tx, &trail, &asked.roles).await?;
    require_grantable(own.authority(), &roles)?;
    if let Some(email) = &asked.email {
        require_no_member(tx, auth, tenant, email).await?;
    }
    let draft = Draft {
        email: asked.email.as_ref(),
        letter: Letter::Sent,
        roles: asked.roles.as_slice(),
        locale: asked.locale,
        uses: asked.uses,
        open_for: TimeDelta::days(i64::from(asked.days)),
    };
    let invitation = make(tx, auth, &trail, (actor.user_id, &draft)).await?;
    Ok(InvitationView::new(auth, invitation, asked.roles.as_slice().to_vec(), Onlooker::CouldInvite)?)
}

/// Who manages members sees who they are: so they may be told that this is one.
pub async fn require_no_member(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    email: &EmailAddress,
) -> Result<(), Error> {
    let Some(account) = users::find_by_email(tx, auth.realm, email).await? else { return Ok(()) };
    let membership = memberships::find(tx, tenant, account.id).await?;
    let is_member = membership.is_some_and(|membership| {
        matches!(membership.status, MembershipStatus::Active | MembershipStatus::Suspended)
    });
    if is_member { Err(Error::AlreadyMember) } else { Ok(()) }
}
