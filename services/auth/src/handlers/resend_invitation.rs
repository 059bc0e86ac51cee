//! `POST /api/tenants/invitations/{invitationId}/resend`

use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{
    CallerRefusals, Fault, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};

use super::revoke_invitation::manageable_invitation;
use crate::authority::require_recent_authority;
use crate::db::invitations::{self, Invitation, InvitationId};
use crate::db::roles::TenantRole;
use crate::domain::audit::AuditAction;
use crate::domain::email::EmailAddress;
use crate::domain::invitation::{DAYS_OPEN, InvitationKind};
use crate::error::Error;
use crate::invitations::mail_link;
use crate::{Auth, limits};

/// Send an invitation again
///
/// Another letter, whose link takes the place of the one before and is good for seven days. One that was accepted or revoked, and
/// one by code, answers 410. Where its roles allow anything, it takes somebody who showed lately who they are.
#[utoipa::path(
    tag = "invitations",
    security(("bearer" = [])),
    params(("invitationId" = InvitationId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 202),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`raises_above`, or `step_up_required`: see `www-authenticate`"),
        (status = 410, body = ProblemDocument, content_type = "application/problem+json", description = "`invitation_gone`"),
    ),
)]
#[post("/api/tenants/invitations/{invitationId}/resend")]
pub async fn resend_invitation(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    id: Path<InvitationId>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::INVITE_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let invitation = transaction(&auth.platform.database, &scope, "find_invitation", async |tx| {
        resendable_invitation(tx, &auth, &actor, id.0).await
    })
    .await?;
    if let Some(email) = invitation.email {
        let email = EmailAddress::try_from(email).map_err(Fault::unexpected)?;
        auth.platform.limiter.require(&limits::INVITE_BY_ADDRESS, &limits::key_of(&email)).await?;
    }
    transaction(&auth.platform.database, &scope, "resend_invitation", async |tx| {
        resend(tx, &auth, &actor, id.0).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Accepted().finish())
}

/// A letter renews what the invitation promises: where that is worth something, it takes as much as making one.
async fn resendable_invitation(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: InvitationId,
) -> Result<Invitation, Error> {
    let (invitation, promised) = manageable_invitation(tx, auth, actor, id).await?;
    if promised.iter().any(TenantRole::weighs) {
        require_recent_authority::<ManageMembers>(tx, auth, actor).await?;
    }
    Ok(invitation)
}

async fn resend(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: InvitationId,
) -> Result<(), Error> {
    let now = auth.platform.clock.now();
    let before = resendable_invitation(tx, auth, actor, id).await?;
    let is_over = before.revoked_at.is_some() || before.uses >= before.most_uses;
    if before.kind != InvitationKind::Email || is_over {
        return Err(Error::InvitationGone);
    }
    // Whoever sends it answers for it from now on.
    let until = now + TimeDelta::days(i64::from(DAYS_OPEN));
    invitations::renew(tx, (actor.tenant_id, id), (actor.user_id, until)).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    mail_link(tx, auth, &trail, &Invitation { expires_at: until, ..before }).await?;
    Ok(trail.invitation(tx, AuditAction::InvitationResent, id, json!({})).await?)
}
