//! `DELETE /api/tenants/invitations/{invitationId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Problem, RateRefusal, Unavailability};

use crate::authority::require_authority;
use crate::db::invitations::{self, Invitation, InvitationId};
use crate::db::roles::{self, TenantRole};
use crate::db::tenants;
use crate::error::Error;
use crate::invitations::take_back;
use crate::membership_changes::require_grantable;
use crate::{Auth, limits};

/// Revoke an invitation
///
/// Nobody accepts it any more. Whoever did is a member as before. Revoking it again changes nothing.
#[utoipa::path(
    tag = "invitations",
    security(("bearer" = [])),
    params(("invitationId" = InvitationId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/tenants/invitations/{invitationId}")]
pub async fn revoke_invitation(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    id: Path<InvitationId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::INVITE_BY_USER, &actor.user_id.to_string()).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "revoke_invitation", async |tx| {
        let (invitation, _) = manageable_invitation(tx, &auth, &actor, id.0).await?;
        take_back(tx, &trail, &invitation).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// An invitation that promises nothing which the caller may not give, and what it promises. Nobody else uses or changes it meanwhile.
pub async fn manageable_invitation(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: InvitationId,
) -> Result<(Invitation, Vec<TenantRole>), Error> {
    let tenant = actor.tenant_id;
    // Whoever takes the account back from somebody else is waited for, and the session is over then; or waits, and misses nothing.
    tenants::hold(tx, tenant).await?;
    let (_, own) = require_authority::<ManageMembers>(tx, auth, actor).await?;
    let invitation = invitations::lock(tx, tenant, id).await?.ok_or_else(Problem::not_found)?;
    let promised = invitations::roles_of(tx, tenant, &[id]).await?;
    let names: Vec<String> = promised.into_iter().map(|(_, role)| role).collect();
    let promised = roles::hold(tx, tenant, &names).await?;
    require_grantable(own.authority(), &promised)?;
    Ok((invitation, promised))
}
