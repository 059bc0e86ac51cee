//! `DELETE /api/auth/mfa/remembered-devices/{deviceId}`

use actix_web::{HttpResponse, delete, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::db::remembered_devices::{self, RememberedDeviceId};
use crate::domain::audit::AuditAction;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

/// Forget a remembered device
///
/// Its next sign-in asks for the second factor again. It stays signed in.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    params(("deviceId" = RememberedDeviceId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/auth/mfa/remembered-devices/{deviceId}")]
pub async fn forget_device(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    Path(device): Path<RememberedDeviceId>,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "forget_device", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        if !remembered_devices::forget(tx, (auth.realm, actor.user_id, device)).await? {
            return Err(Error::NotFound);
        }
        let trail = auth.trail(actor.tenant_id, actor.actor());
        let details = json!({ "deviceId": device });
        Ok(trail.user(tx, AuditAction::DeviceForgotten, actor.user_id, details).await?)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
