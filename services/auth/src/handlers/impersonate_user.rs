//! `POST /api/admin/users/{userId}/impersonate`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ImpersonateUsers;
use shinkofa_identity::{CurrentActor, Permission, RequirePermission};
use shinkofa_kernel::UserId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, RequestContext,
    Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
use crate::db::{tenants, users};
use crate::domain::account::AccountKind;
use crate::domain::administration::{Reason, may_be_impersonated};
use crate::domain::device::Surroundings;
use crate::error::Error;
use crate::impersonation::{self, ImpersonationAnswer};
use crate::membership_changes::{caller_and_member, require_manageable};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImpersonateRequest {
    /// Shown to staff, and to the member in a copy of their data.
    #[schema(value_type = String, min_length = 3, max_length = 500, example = "Ticket 4711: the calendar stays empty")]
    reason: Reason,
}

/// See the platform as a member does
///
/// Gives a token in the member's name that is good for fifteen minutes and for GET alone, in every service. It says who acts
/// (`act`) and that it is read-only (`ro`). The member is told by mail, sees the session and can end it. There is no such token
/// for an admin.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    request_body = ImpersonateRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = ImpersonationAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`own_account`"),
    ),
)]
#[post("/api/admin/users/{userId}/impersonate")]
pub async fn impersonate_user(
    caller: RequirePermission<ImpersonateUsers>,
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
    user: Path<UserId>,
    body: Body<ImpersonateRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, user, Body(ImpersonateRequest { reason })) = (caller.actor, user.0, body);
    auth.platform.limiter.require(&limits::IMPERSONATE_BY_USER, &actor.user_id.to_string()).await?;
    let surroundings = surroundings(&request, &context);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let answer = transaction(&auth.platform.database, &scope, "impersonate_user", async |tx| {
        impersonate(tx, &auth, &actor, user, (&reason, &surroundings)).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(answer))
}

async fn impersonate(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    user: UserId,
    (reason, surroundings): (&Reason, &Surroundings),
) -> Result<ImpersonationAnswer, Error> {
    let now = auth.platform.clock.now();
    // Held, so that whoever takes the caller's account back from somebody else, or suspends the member's, does not miss what this
    // opens. First, as they lock the account before they look into its tenants.
    users::hold(tx, auth.realm, actor.user_id).await?;
    let account = users::hold(tx, auth.realm, user).await?;
    // Whoever closes the tenant or takes the caller's place away waits for this, and so does not miss what it opens.
    tenants::hold_open(tx, actor.tenant_id).await?;
    let (own, membership) = caller_and_member::<ImpersonateUsers>(tx, auth, actor, user).await?;
    if user == actor.user_id {
        return Err(Error::OwnAccount);
    }
    // Seeing what somebody sees is as much as being given what they may see.
    require_manageable(&own, &membership)?;
    let account = account.filter(|account| account.is_usable(now)).ok_or(Error::CannotImpersonate)?;
    let out_of_reach = !may_be_impersonated(&membership.roles)
        || membership.authority().holds(Permission::ImpersonateUsers)
        // A program sees nothing that one could look at in its place.
        || account.kind == AccountKind::Service;
    if out_of_reach || !membership.is_active() {
        return Err(Error::CannotImpersonate);
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let member = (&account, &membership);
    impersonation::open(tx, auth, &trail, member, (actor.user_id, reason, surroundings)).await
}
