//! `GET /api/tenants`

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::OwnActor;
use shinkofa_kernel::{TenantId, Tier};
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::memberships::{self, Belonging};
use crate::domain::account::MembershipStatus;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::tenant_view::hosts;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantsQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<TenantId>>,
}

/// A studio, and what I am in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyTenant {
    tenant_id: TenantId,
    #[schema(example = "elan")]
    slug: String,
    #[schema(example = "Studio Élan")]
    name: String,
    /// Only an active studio lets anybody in.
    status: TenantStatus,
    /// Where its tokens are good.
    #[schema(example = json!(["elan.shinkofa.example"]))]
    hosts: Vec<String>,
    /// Only an active membership lets me in.
    membership_status: MembershipStatus,
    #[schema(example = json!(["admin"]))]
    roles: Vec<String>,
    tier: Tier,
    /// Is it the one that this token is of?
    current: bool,
}

impl MyTenant {
    fn new(auth: &Auth, belonging: Belonging, current: TenantId) -> Self {
        let Belonging { tenant, slug, name, domain, tenant_status, status, tier, roles } = belonging;
        Self {
            hosts: hosts(auth, (tenant, &slug), domain.as_deref()),
            tenant_id: tenant,
            slug,
            name,
            status: tenant_status,
            membership_status: status,
            roles,
            tier,
            current: tenant == current,
        }
    }
}

/// My studios
///
/// Every studio that I am something in, with what I am there. `POST /api/tenants/switch` signs in to another one.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<MyTenant>),
    ),
)]
#[get("/api/tenants")]
pub async fn list_tenants(
    OwnActor(actor): OwnActor,
    auth: web::Data<Auth>,
    query: Query<TenantsQuery>,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let mut mine = transaction(&auth.platform.database, &scope, "list_tenants_of_person", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(memberships::everywhere(tx, actor.user_id).await?)
    })
    .await?;
    // One person's are few: they are read whole, so that nobody meets the same one twice.
    if let Some(Cursor(after)) = query.0.cursor {
        mine.retain(|belonging| belonging.tenant > after);
    }
    let page = Page::new(
        mine,
        query.0.limit,
        |belonging| belonging.tenant,
        |belonging| MyTenant::new(&auth, belonging, actor.tenant_id),
    );
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
