//! `PUT /api/me/consents`

use actix_web::{HttpResponse, put, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, RateRefusal, Unavailability};
use utoipa::ToSchema;

use super::show_consents::Consents;
use crate::db::consents::{self, Decision};
use crate::db::memberships;
use crate::domain::audit::AuditAction;
use crate::domain::consent::{ConsentKind, ConsentVersion, is_news};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsentRequest {
    kind: ConsentKind,
    /// Which text was shown.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[!-~]+$", example = "2026-11")]
    version: ConsentVersion,
    /// False takes it back.
    #[schema(example = true)]
    granted: bool,
}

/// Give or take back a consent
///
/// Every decision is kept; one that changes nothing is none.
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    request_body = ConsentRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = Consents),
    ),
)]
#[put("/api/me/consents")]
pub async fn put_consent(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    body: Body<ConsentRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::CONSENTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let history = transaction(&auth.platform.database, &scope, "put_consent", async |tx| {
        decide(tx, &auth, &actor, &body.0).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Consents::of(history)))
}

async fn decide(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    request: &ConsentRequest,
) -> Result<Vec<Decision>, Error> {
    let (now, whose) = (auth.platform.clock.now(), (actor.tenant_id, actor.user_id));
    // One decision after the other, so that none is written twice.
    memberships::hold(tx, actor.tenant_id, &[actor.user_id]).await?;
    require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let history = consents::history_here(tx, actor.user_id).await?;
    let last = history.iter().rfind(|decision| decision.kind == request.kind);
    let last = last.map(|decision| (decision.version.as_str(), decision.granted));
    if !is_news(last, &request.version, request.granted) {
        return Ok(history);
    }
    consents::record(tx, whose, (request.kind, &request.version, request.granted), now).await?;
    let action = if request.granted { AuditAction::ConsentGranted } else { AuditAction::ConsentWithdrawn };
    let details = json!({ "kind": request.kind, "version": request.version });
    auth.trail(actor.tenant_id, actor.actor()).user(tx, action, actor.user_id, details).await?;
    Ok(consents::history_here(tx, actor.user_id).await?)
}
