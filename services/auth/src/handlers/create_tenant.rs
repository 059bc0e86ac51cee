//! `POST /api/tenants`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::{Role, TenantId};
use shinkofa_web::idempotency::{self, Begin, IdempotencyKey, Operation};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Locale, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::announcement::announce_tenant;
use crate::db::memberships::{self, Belonging};
use crate::db::tenants::{self, Tenant};
use crate::db::users::{self, Account};
use crate::db::{erasures, scope};
use crate::domain::audit::AuditAction;
use crate::domain::profile::TimeZone;
use crate::domain::tenant::{MOST_STUDIOS, MOST_STUDIOS_EVER, TenantName, TenantSlug};
use crate::error::Error;
use crate::invitations::begin_membership;
use crate::liveness::{Claimed, require_live};
use crate::tenant_view::TenantView;
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTenantRequest {
    /// The studio's name in addresses, for good: `<slug>.` before the platform's domain.
    #[schema(value_type = String, min_length = 3, max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "elan")]
    slug: TenantSlug,
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Studio Élan")]
    name: TenantName,
    /// IANA name.
    #[schema(value_type = String, example = "Europe/Paris")]
    time_zone: TimeZone,
    /// The language of letters to people whose own is not known.
    default_locale: Locale,
}

/// The request as its repetitions are recognised.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    slug: &'a str,
    name: &'a str,
    time_zone: &'a str,
    default_locale: Locale,
}

/// Create a studio
///
/// Makes a studio whose first admin is the caller, who needs a confirmed address and has not asked to be erased. `POST /api/tenants/switch` signs in to it. One
/// person administers at most ten studios that are open, and thirty with those that are closed, whoever founded them.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "The same key and body again answer the same, and make nothing new")),
    request_body = CreateTenantRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = TenantView),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`slug_taken`, `too_many_studios`, `deletion_scheduled` or `request_in_progress`"),
    ),
)]
#[post("/api/tenants")]
pub async fn create_tenant(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    key: Option<IdempotencyKey>,
    body: Body<CreateTenantRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let Body(CreateTenantRequest { slug, name, time_zone, default_locale }) = body;
    let tenant = Tenant {
        id: TenantId::new(&auth.platform.clock),
        slug: slug.into_text(),
        name: name.into_text(),
        domain: None,
        time_zone: time_zone.name().to_owned(),
        status: TenantStatus::Active,
        default_locale,
        self_sign_up: true,
        terms_version: None,
        version: 1,
    };
    let operation = key.map(|key| operation(&actor, &key, &tenant)).transpose()?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let response = transaction(&auth.platform.database, &scope, "create_tenant", async |tx| {
        create(tx, &auth, &actor, &tenant, operation.as_ref()).await
    })
    .await?;
    auth.tenants_changed().await;
    Ok(response)
}

fn operation(actor: &CurrentActor, key: &IdempotencyKey, tenant: &Tenant) -> Result<Operation, Error> {
    let asked = Asked {
        slug: &tenant.slug,
        name: &tenant.name,
        time_zone: &tenant.time_zone,
        default_locale: tenant.default_locale,
    };
    Ok(Operation::new(actor.tenant_id, actor.user_id, "create_tenant", key.as_str(), &asked)?)
}

async fn create(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    tenant: &Tenant,
    operation: Option<&Operation>,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    // Whoever makes several at once makes them one after the other: so they are counted.
    users::lock(tx, auth.realm, actor.user_id).await?;
    let (account, _) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    if let Some(operation) = operation {
        match idempotency::begin(tx, operation, now).await? {
            Ok(Begin::Replay(answer)) => return Ok(answer.response()),
            Ok(Begin::Fresh | Begin::Unfinished) => {}
            Err(refusal) => return Err(refusal.problem().into()),
        }
    }
    if account.email_verified_at.is_none() {
        return Err(Error::EmailNotVerified);
    }
    // On the day it is erased the studio would be left without an admin.
    if erasures::is_under_way(tx, auth.realm, actor.user_id).await? {
        return Err(Error::DeletionScheduled);
    }
    found(tx, auth, actor, tenant, &account).await?;
    let view = TenantView::new(auth, tenant);
    if let Some(operation) = operation {
        idempotency::complete(tx, operation, StatusCode::CREATED, &view).await?;
    }
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(view))
}

async fn found(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    tenant: &Tenant,
    account: &Account,
) -> Result<(), Error> {
    require_room(tx, actor).await?;
    scope::enter_tenant(tx, tenant.id).await?;
    if !tenants::found(tx, tenant, auth.realm, auth.platform.clock.now()).await? {
        return Err(Error::SlugTaken);
    }
    let trail = auth.trail(tenant.id, actor.actor());
    trail.tenant(tx, AuditAction::TenantCreated, json!({})).await?;
    announce_tenant(tx, &trail, tenant).await?;
    let roles = [Role::Admin.as_str().to_owned()];
    begin_membership(tx, auth, &trail, (account, &roles)).await?;
    Ok(())
}

async fn require_room(tx: &mut Connection, actor: &CurrentActor) -> Result<(), Error> {
    let mut mine = memberships::everywhere(tx, actor.user_id).await?;
    mine.retain(Belonging::is_of_an_admin);
    if mine.len() >= MOST_STUDIOS_EVER {
        return Err(Error::TooManyTenantsEver);
    }
    mine.retain(Belonging::is_administered);
    if mine.len() >= MOST_STUDIOS { Err(Error::TooManyTenants) } else { Ok(()) }
}
