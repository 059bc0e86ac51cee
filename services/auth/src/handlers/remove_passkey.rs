//! `DELETE /api/auth/passkeys/{passkeyId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireStepUp;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability};

use super::remove_factor::remove;
use crate::db::factors::FactorId;
use crate::db::passkeys;
use crate::error::Error;
use crate::factor_changes::apply_here;
use crate::liveness::require_stepped_up;
use crate::{Auth, limits};

/// Remove a passkey
///
/// It opens nothing from now on; the authenticator keeps it until its owner deletes it there. The last second factor that a
/// role needs stays. With the last of all the recovery codes go. Every other session of the account ends, and no device is
/// remembered any more.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    params(("passkeyId" = FactorId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`last_factor_required`"),
    ),
)]
#[delete("/api/auth/passkeys/{passkeyId}")]
pub async fn remove_passkey(
    auth: web::Data<Auth>,
    RequireStepUp { actor }: RequireStepUp,
    Path(id): Path<FactorId>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "remove_passkey", async |tx| {
        require_stepped_up(tx, &auth, &actor, auth.platform.clock.now()).await?;
        passkeys::find(tx, (auth.realm, actor.user_id, id)).await?.ok_or(Error::NotFound)?;
        remove(tx, &auth, &actor, id).await
    })
    .await?;
    apply_here(&auth, &ended);
    Ok(HttpResponse::NoContent().finish())
}
