//! `GET /api/tenants/scim/v2/Groups`

use actix_web::{HttpResponse, get, web};
use serde_json::json;
use shinkofa_db::{Scope, transaction};

use crate::Auth;
use crate::domain::scim::LIST;
use crate::provisioner::Provisioner;
use crate::provisioning::begin_look;
use crate::scim_view::ScimDescription;
use crate::scim_wire::{ScimCallerRefusals, ScimRefusal, respond};

/// The groups of this studio, of which there are none
///
/// A studio's roles are given by its staff. Some providers ask all the same, and go on where nothing is the answer. Filters are passed
/// over, since whatever they say they find nothing.
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    responses(
        ScimCallerRefusals,
        (status = 200, body = ScimDescription, content_type = "application/scim+json"),
    ),
)]
#[get("/api/tenants/scim/v2/Groups")]
pub async fn list_provisioned_groups(
    caller: Provisioner,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, ScimRefusal> {
    let actor = caller.0;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "list_provisioned_groups", async |tx| {
        begin_look(tx, &auth, &actor).await
    })
    .await?;
    Ok(respond(&ScimDescription(json!({
        "schemas": [LIST],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }))))
}
