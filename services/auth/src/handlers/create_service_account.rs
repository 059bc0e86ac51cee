//! `POST /api/tenants/service-accounts`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission, RequireStepUp};
use shinkofa_kernel::UserId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Fault, Locale, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::authority::require_authority;
use crate::db::service_accounts::{self, NewServiceAccount, ServiceAccount};
use crate::db::users::{self, NewAccount};
use crate::db::{memberships, tenants};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::audit::AuditAction;
use crate::domain::person_name::PersonName;
use crate::domain::scopes::Scopes;
use crate::domain::service_account::{Description, MOST_SERVICE_ACCOUNTS};
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::service_account_view::{ServiceAccountView, require_held};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateServiceAccountRequest {
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Timetable import")]
    name: PersonName,
    #[serde(default)]
    #[schema(value_type = String, max_length = 500, example = "Fills the calendar from the studio's old system every night")]
    description: Description,
    /// Permissions. Never more than the caller has, and none that is for people alone.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 20, example = json!(["booking.classes.manage", "booking.sessions.manage"]))]
    scopes: Scopes,
}

/// Make a service account
///
/// The account of a program: it belongs to this tenant, has no password and no role, and may do what its scopes name. Its keys
/// are made apart.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    request_body = CreateServiceAccountRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = ServiceAccountView),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `scope_not_held`, or `step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`too_many_service_accounts`"),
    ),
)]
#[post("/api/tenants/service-accounts")]
pub async fn create_service_account(
    auth: web::Data<Auth>,
    _permission: RequirePermission<ManageServiceAccounts>,
    RequireStepUp { actor }: RequireStepUp,
    body: Body<CreateServiceAccountRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let made = transaction(&auth.platform.database, &scope, "create_service_account", async |tx| {
        create(tx, &auth, &actor, &body.0).await
    })
    .await?;
    let view = ServiceAccountView::from(made);
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(view))
}

async fn create(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    request: &CreateServiceAccountRequest,
) -> Result<ServiceAccount, Error> {
    let (realm, tenant, now) = (auth.realm, actor.tenant_id, auth.platform.clock.now());
    require_stepped_up(tx, auth, actor, now).await?;
    // They are counted, so they are made one after the other.
    tenants::hold(tx, tenant).await?;
    let (_, membership) = require_authority::<ManageServiceAccounts>(tx, auth, actor).await?;
    require_held(&membership, &request.scopes)?;
    if service_accounts::count(tx, tenant).await? >= MOST_SERVICE_ACCOUNTS {
        return Err(Error::TooManyServiceAccounts);
    }
    let id = UserId::new(&auth.platform.clock);
    let missing = || Fault::unexpected("a new service account is not there");
    if !users::insert(tx, &account(auth, id, &request.name)).await? {
        return Err(missing().into());
    }
    memberships::join(tx, (tenant, realm, id), now).await?;
    let row = NewServiceAccount {
        tenant_id: tenant,
        user_id: id,
        description: request.description.as_str(),
        scope: request.scopes.to_text(),
        created_by: actor.user_id,
        created_at: now,
    };
    service_accounts::insert(tx, &row).await?;
    let trail = auth.trail(tenant, actor.actor());
    let details = json!({ "scopes": request.scopes.names() });
    trail.user(tx, AuditAction::ServiceAccountCreated, id, details).await?;
    Ok(service_accounts::find(tx, (tenant, realm, id)).await?.ok_or_else(missing)?)
}

/// Nobody is written to there, and nobody can ask for a link: the top-level domain is reserved (RFC 2606).
fn account(auth: &Auth, id: UserId, name: &PersonName) -> NewAccount {
    let (nobody, now) = (format!("{id}@service.invalid"), auth.platform.clock.now());
    NewAccount {
        realm_id: auth.realm,
        id,
        kind: AccountKind::Service,
        status: AccountStatus::Active,
        email: nobody.clone(),
        email_canonical: nobody,
        email_verified_at: None,
        name: name.as_str().to_owned(),
        locale: Locale::English,
        password_phc: None,
        token_version: 1,
        created_at: now,
        updated_at: now,
    }
}
