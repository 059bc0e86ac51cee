//! A tenant as its members see it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_kernel::TenantId;
use shinkofa_web::{EntityTag, Locale};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::tenants::Tenant;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    pub tenant_id: TenantId,
    #[schema(example = "elan")]
    slug: String,
    #[schema(example = "Studio Élan")]
    name: String,
    /// IANA name.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// The language of letters to people whose own is not known.
    default_locale: Locale,
    /// May anybody sign up, or only who was invited?
    self_sign_up: bool,
    /// Which version of the terms whoever signs up has to agree to. Null: none is asked for.
    #[schema(required = true, example = "2026-11")]
    terms_version: Option<String>,
    status: TenantStatus,
    /// A host of its own.
    #[schema(required = true, example = "studio-elan.example")]
    domain: Option<String>,
    /// Where its tokens are good: its name beneath the platform's, and its own domain.
    #[schema(example = json!(["elan.shinkofa.example", "studio-elan.example"]))]
    hosts: Vec<String>,
}

impl TenantView {
    pub fn new(auth: &Auth, tenant: &Tenant) -> Self {
        Self {
            tenant_id: tenant.id,
            slug: tenant.slug.clone(),
            name: tenant.name.clone(),
            time_zone: tenant.time_zone.clone(),
            default_locale: tenant.default_locale,
            self_sign_up: tenant.self_sign_up,
            terms_version: tenant.terms_version.clone(),
            status: tenant.status,
            domain: tenant.domain.clone(),
            hosts: hosts(auth, (tenant.id, &tenant.slug), tenant.domain.as_deref()),
        }
    }
}

/// The hosts that a tenant answers at. The one that every installation has is at the platform's own too.
pub fn hosts(auth: &Auth, (id, slug): (TenantId, &str), domain: Option<&str>) -> Vec<String> {
    let settings = &auth.platform.settings;
    let own = settings.public_url.host_str().filter(|_| id == TenantId::DEFAULT);
    let beneath = format!("{slug}.{}", settings.base_domain);
    own.map(ToOwned::to_owned).into_iter().chain([beneath]).chain(domain.map(ToOwned::to_owned)).collect()
}

/// A tenant with the version that a change of it has to name.
pub fn respond(auth: &Auth, tenant: &Tenant) -> HttpResponse {
    HttpResponse::build(StatusCode::OK)
        .insert_header(("cache-control", "no-store"))
        .insert_header(EntityTag(tenant.version).header())
        .json(TenantView::new(auth, tenant))
}
