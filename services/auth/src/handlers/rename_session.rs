//! `PATCH /api/auth/sessions/{id}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::SessionId;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};
use utoipa::ToSchema;

use super::list_sessions::SessionView;
use crate::db::sessions;
use crate::domain::audit::AuditAction;
use crate::domain::profile::{Change, DeviceName};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenameSessionRequest {
    /// Null forgets the name.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60, example = "My phone")]
    device_name: Change<DeviceName>,
}

/// Name a device
///
/// The session is one of the caller's own: another person's answers as one that does not exist.
#[utoipa::path(
    tag = "sessions",
    params(("id" = SessionId, Path)),
    request_body = RenameSessionRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = SessionView),
    ),
)]
#[patch("/api/auth/sessions/{id}")]
pub async fn rename_session(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    id: Path<SessionId>,
    body: Body<RenameSessionRequest>,
) -> Result<HttpResponse, Error> {
    let (Path(id), Body(RenameSessionRequest { device_name })) = (id, body);
    auth.platform.limiter.require(&limits::SESSIONS_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let place = transaction(&auth.platform.database, &scope, "rename_session", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let place = sessions::live_place(tx, (auth.realm, actor.user_id, id), now).await?;
        let mut place = place.ok_or(Error::NotFound)?;
        let wanted = device_name.clone().map(DeviceName::into_text).of(place.device_name.clone());
        if wanted != place.device_name {
            sessions::name_device(tx, (auth.realm, id), wanted.as_deref()).await?;
            trail.session(tx, AuditAction::SessionNamed, id, json!({ "userId": actor.user_id })).await?;
            place.device_name = wanted;
        }
        Ok::<_, Error>(place)
    })
    .await?;
    let view = SessionView::of(place, actor.session_id);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}
