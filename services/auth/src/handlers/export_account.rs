//! `GET /api/me/export`

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use shinkofa_contracts::auth::SERVICE;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::AccountActor;
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_runtime::Tenant;
use shinkofa_web::{CallerRefusals, Fault, ProblemDocument, RateRefusal};
use utoipa::ToSchema;

use crate::db::users::Account;
use crate::domain::audit::AuditAction;
use crate::erasure::{concerned, services};
use crate::error::Error;
use crate::liveness::{Claimed, Live, require_owner};
use crate::{Auth, limits, personal_copy};

/// Everything the platform knows about a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    exported_at: DateTime<Utc>,
    user_id: UserId,
    /// What is yours in every studio: how you sign in, where from, what you tell about yourself.
    #[schema(value_type = Object, example = json!({ "email": "anna@example.org", "sessions": [] }))]
    account: Box<RawValue>,
    /// One part for each studio that you were ever anything in, that invited you, or in whose name you were written to.
    studios: Vec<StudioPart>,
}

/// Everything the platform knows about a person in one studio.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StudioPart {
    tenant_id: TenantId,
    #[schema(example = "Studio Élan")]
    name: String,
    /// By service; each in its own words.
    #[schema(value_type = Object, example = json!({ "auth": { "membership": { "roles": ["member"] } }, "notify": {} }))]
    services: BTreeMap<String, Box<RawValue>>,
}

/// `PersonalExport` with its data as the text that it came as, which takes a fraction of the memory of a tree of values.
#[derive(Deserialize)]
struct ServicePart {
    service: String,
    data: Box<RawValue>,
}

/// How long a service may take to collect.
const PATIENCE: Duration = Duration::from_secs(10);

/// A copy of my data
///
/// One JSON archive of what every service knows about you, in every studio. It is whole or not at all: while a service does not
/// answer the answer is 503 and names it.
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal,
        (status = 200, body = Archive),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json", description = "`export_incomplete`: the detail names the service"),
    ),
)]
#[get("/api/me/export")]
pub async fn export_account(
    AccountActor(actor): AccountActor,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::EXPORT_BY_USER, &actor.user_id.to_string()).await?;
    let _turn = auth.copying.acquire().await.map_err(Fault::unexpected)?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (known, account) = transaction(&auth.platform.database, &scope, "export_account", async |tx| {
        let Live { account: known, .. } = require_owner(tx, auth.realm, Claimed::from(&actor), now).await?;
        let own = personal_copy::of_account(tx, &auth, &known).await?;
        Ok::<_, Error>((known, to_raw_value(&own).map_err(Fault::unexpected)?))
    })
    .await?;
    let mut studios = Vec::new();
    for tenant in concerned(&auth, known.id, Some(&known.email_canonical)).await? {
        studios.push(own_part(&auth, &known, tenant).await?);
    }

    let names = services(&auth);
    // One studio after the other: the services are not asked for all of them at once.
    for studio in &mut studios {
        let whom = (studio.tenant_id, actor.user_id);
        let parts = try_join_all(names.iter().map(|service| part(&auth, service, whom))).await?;
        studio.services.extend(names.iter().cloned().zip(parts));
    }

    transaction(&auth.platform.database, &scope, "note_export", async |tx| {
        let trail = auth.trail(actor.tenant_id, actor.actor());
        let details = json!({ "services": names, "studios": studios.len() });
        Ok::<_, Error>(trail.user(tx, AuditAction::AccountExported, actor.user_id, details).await?)
    })
    .await?;
    let archive = Archive { exported_at: now, user_id: actor.user_id, account, studios };
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-disposition", "attachment; filename=\"export.json\""))
        .json(archive))
}

/// What auth itself knows of an account in a studio.
async fn own_part(auth: &Auth, account: &Account, tenant: Tenant) -> Result<StudioPart, Error> {
    let scope = Scope::realm(auth.realm).with_tenant(tenant.id).with_user(account.id);
    let here = transaction(&auth.platform.database, &scope, "export_studio", async |tx| {
        Ok::<_, Error>(personal_copy::of_studio(tx, auth, account).await?)
    })
    .await?;
    let own = to_raw_value(&here).map_err(Fault::unexpected)?;
    let services = BTreeMap::from([(SERVICE.to_owned(), own)]);
    Ok(StudioPart { tenant_id: tenant.id, name: tenant.name, services })
}

async fn part(
    auth: &Auth,
    service: &str,
    (tenant, user): (TenantId, UserId),
) -> Result<Box<RawValue>, Error> {
    let missing = |reason: &dyn std::fmt::Display| {
        tracing::warn!(service, %reason, "a copy of somebody's data cannot be completed");
        Error::ExportIncomplete { service: service.to_owned() }
    };
    let peer = auth.platform.peers.peer::<PrivacyScope>(service).map_err(|error| missing(&error))?;
    let peer = peer.for_tenant(tenant).for_user(user).timeout(PATIENCE);
    let path = format!("/internal/v1/privacy/exports/{user}");
    let export = peer.get::<ServicePart>(&path).await.map_err(|error| missing(&error))?;
    if export.service == service { Ok(export.data) } else { Err(missing(&"another service answers")) }
}
