//! `DELETE /api/tenants/service-accounts/{id}/keys/{keyId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};

use crate::db::api_keys::{self, ApiKeyId};
use crate::domain::api_key::KeyEnd;
use crate::error::Error;
use crate::key_revocation::revoke_key;
use crate::service_account_view::managed_alone;
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Revoke a key
///
/// It brings no token any more, at once, and those that it brought end everywhere within seconds; those of the account's other key
/// stay good. Repeating it changes nothing.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path), ("keyId" = ApiKeyId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/api/tenants/service-accounts/{id}/keys/{keyId}")]
pub async fn revoke_api_key(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    Path((id, key)): Path<(UserId, ApiKeyId)>,
) -> Result<HttpResponse, Error> {
    let actor = caller.actor;
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let ended = transaction(&auth.platform.database, &scope, "revoke_api_key", async |tx| {
        revoke(tx, &auth, &actor, (id, key)).await
    })
    .await?;
    forget_here(&auth, ended.as_slice());
    Ok(HttpResponse::NoContent().finish())
}

async fn revoke(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, key): (UserId, ApiKeyId),
) -> Result<Option<SessionId>, Error> {
    managed_alone(tx, auth, actor, id).await?;
    let known = api_keys::lock(tx, actor.tenant_id, key).await?;
    let known = known.filter(|known| known.user_id == id).ok_or(Error::NotFound)?;
    if known.revoked_at.is_some() {
        return Ok(None);
    }
    let trail = auth.trail(actor.tenant_id, actor.actor());
    Ok(revoke_key(tx, auth, &trail, &known, KeyEnd::Revoked).await?)
}
