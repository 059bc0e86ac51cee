//! `PATCH /api/auth/passkeys/{passkeyId}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};
use utoipa::ToSchema;

use super::list_passkeys::PasskeyView;
use crate::db::factors::FactorId;
use crate::db::passkeys;
use crate::domain::audit::AuditAction;
use crate::domain::passkey::PasskeyName;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenamePasskeyRequest {
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Anna's phone")]
    name: PasskeyName,
}

/// Name a passkey
///
/// One of the caller's own: another person's answers as one that does not exist.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    params(("passkeyId" = FactorId, Path)),
    request_body = RenamePasskeyRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = PasskeyView),
    ),
)]
#[patch("/api/auth/passkeys/{passkeyId}")]
pub async fn rename_passkey(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    Path(id): Path<FactorId>,
    body: Body<RenamePasskeyRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let (user, now) = (actor.user_id, auth.platform.clock.now());
    let name = body.0.name.into_text();
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(user);
    let passkey = transaction(&auth.platform.database, &scope, "rename_passkey", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let passkey = passkeys::find(tx, (auth.realm, user, id)).await?;
        let mut passkey = passkey.ok_or(Error::NotFound)?;
        if passkey.name != name {
            passkeys::rename(tx, (auth.realm, user, id), &name).await?;
            trail.user(tx, AuditAction::PasskeyRenamed, user, json!({ "factorId": id })).await?;
            passkey.name.clone_from(&name);
        }
        Ok::<_, Error>(passkey)
    })
    .await?;
    let view = PasskeyView::from(passkey);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}
