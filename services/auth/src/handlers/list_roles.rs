//! `GET /api/tenants/roles`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::roles::{self, TenantRole};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Debug, Serialize, ToSchema)]
pub struct RoleList {
    items: Vec<RoleView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    #[schema(example = "front-desk")]
    pub name: String,
    /// One of the system's, which are the same everywhere and cannot be changed?
    pub system: bool,
    #[schema(example = json!(["booking.sessions.manage"]))]
    pub permissions: Vec<&'static str>,
}

impl From<TenantRole> for RoleView {
    fn from(role: TenantRole) -> Self {
        let permissions = role.permissions.iter().map(|permission| permission.as_str()).collect();
        Self { name: role.name, system: role.system, permissions }
    }
}

/// The roles of this studio
///
/// The system's and the studio's own, with what each allows, in the order of their names.
#[utoipa::path(
    tag = "roles",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = RoleList),
    ),
)]
#[get("/api/tenants/roles")]
pub async fn list_roles(actor: CurrentActor, auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let roles = transaction(&auth.platform.database, &scope, "list_roles", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(roles::list(tx, actor.tenant_id).await?)
    })
    .await?;
    let items = roles.into_iter().map(RoleView::from).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(RoleList { items }))
}
