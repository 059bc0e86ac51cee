//! `PUT /api/tenants/current/domain`

use actix_web::{HttpResponse, put, web};
use serde::Deserialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageTenant;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::Actor;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, Problem, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use super::change_tenant::manageable_tenant;
use crate::announcement::announce_tenant;
use crate::db::scope;
use crate::db::tenants::{self, Tenant};
use crate::domain::audit::AuditAction;
use crate::domain::tenant::TenantDomain;
use crate::error::Error;
use crate::tenant_view::{TenantView, respond};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetDomainRequest {
    /// A public host name, without scheme, port or path. None of the platform's own.
    #[schema(value_type = String, min_length = 4, max_length = 253, example = "studio-elan.example")]
    domain: TenantDomain,
}

/// Give the studio a host of its own
///
/// Requests to that host are the studio's from now on, in every service within seconds; its former domain is nobody's. The
/// domain has to lead to the platform's gateway, where the operator puts a certificate for it. A domain that is served for another
/// studio is taken; one that is served for this studio is its own, and taken back from whichever had set it before.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    request_body = SetDomainRequest,
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 200, body = TenantView, headers(("ETag" = String, description = "The version of the settings"))),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`domain_taken`"),
    ),
)]
#[put("/api/tenants/current/domain")]
pub async fn set_tenant_domain(
    caller: RequirePermission<ManageTenant>,
    auth: web::Data<Auth>,
    body: Body<SetDomainRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, Body(SetDomainRequest { domain })) = (caller.actor, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    if domain.is_of_platform(&auth.platform.settings.base_domain) {
        return Err(Problem::invalid_field("/domain", "is one of the platform's own hosts").into());
    }
    let domain = domain.into_text();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let tenant = transaction(&auth.platform.database, &scope, "set_tenant_domain", async |tx| {
        move_to(tx, &auth, &actor, Some(domain.clone())).await
    })
    .await?;
    auth.tenants_changed().await;
    Ok(respond(&auth, &tenant))
}

/// Gives the caller's tenant this domain, or none.
pub async fn move_to(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    domain: Option<String>,
) -> Result<Tenant, Error> {
    let before = manageable_tenant(tx, auth, actor).await?;
    if before.domain == domain {
        return Ok(before);
    }
    // A domain that is served already is its tenant's, whoever asks first.
    let served = auth.platform.settings.tenant_domains.iter();
    let served: Vec<_> = served.filter(|served| Some(&served.domain) == domain.as_ref()).collect();
    if served.iter().any(|served| served.slug != before.slug) {
        return Err(Error::DomainTaken);
    }
    if let (Some(domain), false) = (&domain, served.is_empty()) {
        take_from_others(tx, auth, actor, domain).await?;
    }
    let after = Tenant { domain, version: before.version + 1, ..before };
    if !tenants::save(tx, &after, auth.platform.clock.now()).await? {
        return Err(Error::DomainTaken);
    }
    let trail = auth.trail(after.id, actor.actor());
    let action = match after.domain {
        Some(_) => AuditAction::TenantDomainSet,
        None => AuditAction::TenantDomainRemoved,
    };
    trail.tenant(tx, action, json!({})).await?;
    announce_tenant(tx, &trail, &after).await?;
    Ok(after)
}

/// Whoever set a domain without any right to it gives it up to the tenant that the operator serves it for. The rest of the transaction
/// sees the caller's tenant, as before.
async fn take_from_others(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    domain: &str,
) -> Result<(), Error> {
    let holder = tenants::find_by_domain(tx, domain).await?;
    let Some(holder) = holder.filter(|holder| *holder != actor.tenant_id) else { return Ok(()) };
    scope::enter_tenant(tx, holder).await?;
    let found = tenants::lock(tx, holder).await?.filter(|found| found.domain.as_deref() == Some(domain));
    if let Some(found) = found {
        let without = Tenant { domain: None, version: found.version + 1, ..found };
        tenants::save(tx, &without, auth.platform.clock.now()).await?;
        // The other tenant is not told who of this one asked.
        let trail = auth.trail(holder, Actor::service("auth"));
        let details = json!({ "reason": "served_for_another" });
        trail.tenant(tx, AuditAction::TenantDomainRemoved, details).await?;
        announce_tenant(tx, &trail, &without).await?;
    }
    Ok(scope::enter_tenant(tx, actor.tenant_id).await?)
}
