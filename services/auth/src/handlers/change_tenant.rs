//! `PATCH /api/tenants/current`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageTenant;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, EntityTag, IfMatch, Locale, Problem, RateRefusal, Unavailability,
    VersionRefusals,
};
use utoipa::ToSchema;

use crate::announcement::announce_tenant;
use crate::authority::require_authority;
use crate::db::tenants::{self, Tenant};
use crate::domain::audit::AuditAction;
use crate::domain::consent::ConsentVersion;
use crate::domain::profile::{Change, TimeZone};
use crate::domain::tenant::TenantName;
use crate::error::Error;
use crate::tenant_view::{TenantView, respond};
use crate::{Auth, limits};

/// What is absent stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeTenantRequest {
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Studio Élan")]
    name: Option<TenantName>,
    /// IANA name.
    #[schema(value_type = Option<String>, example = "Europe/Paris")]
    time_zone: Option<TimeZone>,
    default_locale: Option<Locale>,
    /// May anybody sign up, or only who was invited? Members stay members.
    self_sign_up: Option<bool>,
    /// Which version of the terms whoever signs up has to agree to, to the letter. Null: none is asked for any more.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[!-~]+$", example = "2026-11")]
    terms_version: Change<ConsentVersion>,
}

/// Change the settings
///
/// Of the studio of this token. `If-Match` names the version that was seen: whoever changes something in between is not written
/// over.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The `ETag` that came with the settings", example = "\"1\"")),
    request_body = ChangeTenantRequest,
    responses(
        CallerRefusals, BodyRefusals, VersionRefusals, RateRefusal, Unavailability,
        (status = 200, body = TenantView, headers(("ETag" = String, description = "The version of the settings"))),
    ),
)]
#[patch("/api/tenants/current")]
pub async fn change_tenant(
    caller: RequirePermission<ManageTenant>,
    auth: web::Data<Auth>,
    seen: IfMatch,
    body: Body<ChangeTenantRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, patch) = (caller.actor, body.0);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let tenant = transaction(&auth.platform.database, &scope, "change_tenant", async |tx| {
        let before = manageable_tenant(tx, &auth, &actor).await?;
        seen.require(EntityTag(before.version))?;
        change(tx, &auth, &actor, (before, patch.clone())).await
    })
    .await?;
    auth.tenants_changed().await;
    Ok(respond(&auth, &tenant))
}

/// The tenant of a caller who may manage it, which nobody else changes until the transaction ends.
pub async fn manageable_tenant(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<Tenant, Error> {
    let tenant = tenants::lock(tx, actor.tenant_id).await?;
    require_authority::<ManageTenant>(tx, auth, actor).await?;
    Ok(tenant.ok_or_else(Problem::not_found)?)
}

async fn change(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (before, patch): (Tenant, ChangeTenantRequest),
) -> Result<Tenant, Error> {
    let after = Tenant {
        name: patch.name.map_or_else(|| before.name.clone(), TenantName::into_text),
        time_zone: patch.time_zone.map_or_else(|| before.time_zone.clone(), |zone| zone.name().to_owned()),
        default_locale: patch.default_locale.unwrap_or(before.default_locale),
        self_sign_up: patch.self_sign_up.unwrap_or(before.self_sign_up),
        terms_version: patch.terms_version.map(ConsentVersion::into_text).of(before.terms_version.clone()),
        ..before.clone()
    };
    let changed = changed(&before, &after);
    if changed.is_empty() {
        return Ok(before);
    }
    let after = Tenant { version: before.version + 1, ..after };
    tenants::save(tx, &after, auth.platform.clock.now()).await?;
    let trail = auth.trail(after.id, actor.actor());
    trail.tenant(tx, AuditAction::TenantChanged, json!({ "changed": changed })).await?;
    announce_tenant(tx, &trail, &after).await?;
    Ok(after)
}

fn changed(before: &Tenant, after: &Tenant) -> Vec<&'static str> {
    let parts = [
        ("name", before.name != after.name),
        ("timeZone", before.time_zone != after.time_zone),
        ("defaultLocale", before.default_locale != after.default_locale),
        ("selfSignUp", before.self_sign_up != after.self_sign_up),
        ("termsVersion", before.terms_version != after.terms_version),
    ];
    parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
}
