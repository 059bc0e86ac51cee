//! `GET /api/tenants/permissions`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{CurrentActor, Permission};
use shinkofa_kernel::Role;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionList {
    items: Vec<PermissionView>,
}

/// One thing that not everybody may do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionView {
    #[schema(example = "booking.classes.manage")]
    name: &'static str,
    /// The roles of the system that have it.
    held_by: Vec<Role>,
    /// Do I have it, by whichever role?
    mine: bool,
}

/// Every permission
///
/// What roles are made of, in every service, and which of it I have.
#[utoipa::path(
    tag = "roles",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = PermissionList),
    ),
)]
#[get("/api/tenants/permissions")]
pub async fn list_permissions(actor: CurrentActor, auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (_, own) = transaction(&auth.platform.database, &scope, "list_permissions", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await
    })
    .await?;
    let items = Permission::ALL
        .iter()
        .map(|permission| PermissionView {
            name: permission.as_str(),
            held_by: permission.holders().to_vec(),
            mine: own.authority().holds(*permission),
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(PermissionList { items }))
}
