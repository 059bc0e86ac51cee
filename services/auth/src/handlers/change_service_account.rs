//! `PATCH /api/tenants/service-accounts/{id}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission, RequireStepUp};
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::db::service_accounts::{self, ServiceAccount};
use crate::db::users;
use crate::domain::audit::AuditAction;
use crate::domain::person_name::PersonName;
use crate::domain::scopes::Scopes;
use crate::domain::service_account::Description;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::service_account_view::{ServiceAccountView, managed_alone, require_held};
use crate::withdrawal::{end_sessions, forget_here};
use crate::{Auth, limits};

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeServiceAccountRequest {
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Timetable import")]
    name: Option<PersonName>,
    #[schema(value_type = Option<String>, max_length = 500, example = "Fills the calendar every night")]
    description: Option<Description>,
    /// All of them, the old ones too. Never more than the caller has.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 20, example = json!(["booking.sessions.manage"]))]
    scopes: Option<Scopes>,
}

/// Rename a service account, or change what it may do
///
/// Where its scopes change, every token that it has ends within seconds; its keys stay good and bring tokens with the new ones.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    request_body = ChangeServiceAccountRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = ServiceAccountView),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `scope_not_held`, or `step_up_required`: see `www-authenticate`"),
    ),
)]
#[patch("/api/tenants/service-accounts/{id}")]
pub async fn change_service_account(
    auth: web::Data<Auth>,
    _permission: RequirePermission<ManageServiceAccounts>,
    RequireStepUp { actor }: RequireStepUp,
    Path(id): Path<UserId>,
    body: Body<ChangeServiceAccountRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (changed, ended) =
        transaction(&auth.platform.database, &scope, "change_service_account", async |tx| {
            change(tx, &auth, &actor, (id, &body.0)).await
        })
        .await?;
    forget_here(&auth, &ended);
    let view = ServiceAccountView::from(changed);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(view))
}

async fn change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, request): (UserId, &ChangeServiceAccountRequest),
) -> Result<(ServiceAccount, Vec<SessionId>), Error> {
    let (realm, tenant, now) = (auth.realm, actor.tenant_id, auth.platform.clock.now());
    require_stepped_up(tx, auth, actor, now).await?;
    let (known, membership) = managed_alone(tx, auth, actor, id).await?;
    let scopes = request.scopes.clone().unwrap_or_else(|| known.scopes());
    let name = request.name.as_ref().map_or(known.name.as_str(), PersonName::as_str);
    let description = request.description.as_ref().map_or(known.description.as_str(), Description::as_str);
    let other_scopes = scopes != known.scopes();
    if !other_scopes && name == known.name && description == known.description {
        return Ok((known, Vec::new()));
    }
    let trail = auth.trail(tenant, actor.actor());
    let mut ended = Vec::new();
    if other_scopes {
        require_held(&membership, &scopes)?;
        ended = end_sessions(tx, auth, &trail, id, SessionEnd::ServiceAccountChanged).await?;
    }
    users::rename(tx, (realm, id), name, now).await?;
    service_accounts::change(tx, (tenant, id), (description, &scopes)).await?;
    let details = json!({ "scopes": scopes.names(), "before": known.scopes().names() });
    trail.user(tx, AuditAction::ServiceAccountChanged, id, details).await?;
    let changed = service_accounts::find(tx, (tenant, realm, id)).await?.ok_or(Error::NotFound)?;
    Ok((changed, ended))
}
