//! `GET /api/tenants/scim/v2/ResourceTypes`

use actix_web::{HttpResponse, get, web};
use serde_json::json;
use shinkofa_web::RequestContext;

use crate::domain::scim::{LIST, RESOURCE_TYPE, USER};
use crate::scim_view::ScimDescription;
use crate::scim_wire::{ScimError, ScimRefusal, respond};
use crate::{Auth, limits};

/// What can be provisioned
///
/// Users alone: a studio's roles are given by its staff, so there are no groups. RFC 7643 section 6.
#[utoipa::path(
    tag = "provisioning",
    responses(
        (status = 200, body = ScimDescription, content_type = "application/scim+json"),
        (status = 429, body = ScimError, content_type = "application/scim+json", description = "`too_many_requests`: wait as long as `Retry-After` says"),
    ),
)]
#[get("/api/tenants/scim/v2/ResourceTypes")]
pub async fn list_scim_resource_types(
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, ScimRefusal> {
    auth.platform.limiter.require(&limits::SCIM_BY_NETWORK, context.client.as_str()).await?;
    Ok(respond(&ScimDescription(json!({
        "schemas": [LIST],
        "totalResults": 1,
        "startIndex": 1,
        "itemsPerPage": 1,
        "Resources": [{
            "schemas": [RESOURCE_TYPE],
            "id": "User",
            "name": "User",
            "description": "A member of the studio, or somebody who is invited",
            "endpoint": "/Users",
            "schema": USER,
            "schemaExtensions": [],
            "meta": { "resourceType": "ResourceType" },
        }],
    }))))
}
