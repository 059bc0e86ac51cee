//! `GET /api/me/export`

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use shinkofa_contracts::privacy::{PersonalExport, PrivacyScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{CurrentActor, OwnActor};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal};
use utoipa::ToSchema;

use crate::domain::audit::AuditAction;
use crate::erasure::services;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::{Auth, limits, privacy};

/// Everything the platform knows about a person in one tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    exported_at: DateTime<Utc>,
    user_id: UserId,
    tenant_id: TenantId,
    /// By service; each in its own words.
    #[schema(value_type = Object, example = json!({ "auth": { "account": { "email": "anna@example.org" } }, "notify": {} }))]
    services: BTreeMap<String, Value>,
}

/// How long a service may take to collect.
const PATIENCE: Duration = Duration::from_secs(10);

/// A copy of my data
///
/// One JSON archive of what every service knows about you in this studio. It is whole or not at all: while a service does not
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
pub async fn export_account(OwnActor(actor): OwnActor, auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::EXPORT_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let own = transaction(&auth.platform.database, &scope, "export_account", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(privacy::export(tx, &auth, actor.user_id).await?)
    })
    .await?;

    let names = services(&auth);
    let parts = try_join_all(names.iter().map(|service| part(&auth, service, &actor))).await?;
    let mut services: BTreeMap<String, Value> = names.into_iter().zip(parts).collect();
    services.insert(shinkofa_contracts::auth::SERVICE.to_owned(), own);

    transaction(&auth.platform.database, &scope, "note_export", async |tx| {
        let trail = auth.trail(actor.tenant_id, actor.actor());
        let details = json!({ "services": services.keys().collect::<Vec<_>>() });
        Ok::<_, Error>(trail.user(tx, AuditAction::AccountExported, actor.user_id, details).await?)
    })
    .await?;
    let archive = Archive { exported_at: now, user_id: actor.user_id, tenant_id: actor.tenant_id, services };
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .insert_header(("content-disposition", "attachment; filename=\"export.json\""))
        .json(archive))
}

async fn part(auth: &Auth, service: &str, actor: &CurrentActor) -> Result<Value, Error> {
    let missing = |reason: &dyn std::fmt::Display| {
        tracing::warn!(service, %reason, "a copy of somebody's data cannot be completed");
        Error::ExportIncomplete { service: service.to_owned() }
    };
    let peer = auth.platform.peers.peer::<PrivacyScope>(service).map_err(|error| missing(&error))?;
    let peer = peer.for_tenant(actor.tenant_id).for_user(actor.user_id).timeout(PATIENCE);
    let path = format!("/internal/v1/privacy/exports/{}", actor.user_id);
    let export = peer.get::<PersonalExport>(&path).await.map_err(|error| missing(&error))?;
    if export.service == service { Ok(export.data) } else { Err(missing(&"another service answers")) }
}
