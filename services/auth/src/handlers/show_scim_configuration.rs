//! `GET /api/tenants/scim/v2/ServiceProviderConfig`

use actix_web::{HttpResponse, get, web};
use serde_json::json;
use shinkofa_web::RequestContext;

use crate::domain::scim::{CONFIGURATION, MOST_LISTED};
use crate::scim_view::{BASE, ScimDescription};
use crate::scim_wire::{ScimError, ScimRefusal, respond};
use crate::{Auth, limits};

/// What of SCIM 2.0 is spoken here
///
/// Users are made, changed and removed one by one, also by PATCH, and found by two filters. There are no groups, no bulk requests, no
/// sorting and no passwords. RFC 7643 section 5.
#[utoipa::path(
    tag = "provisioning",
    responses(
        (status = 200, body = ScimDescription, content_type = "application/scim+json"),
        (status = 429, body = ScimError, content_type = "application/scim+json", description = "`too_many_requests`: wait as long as `Retry-After` says"),
    ),
)]
#[get("/api/tenants/scim/v2/ServiceProviderConfig")]
pub async fn show_scim_configuration(
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, ScimRefusal> {
    auth.platform.limiter.require(&limits::SCIM_BY_NETWORK, context.client.as_str()).await?;
    let no = json!({ "supported": false });
    Ok(respond(&ScimDescription(json!({
        "schemas": [CONFIGURATION],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST_LISTED },
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "A key of a service account that may manage provisioning, or its access token, as bearer token",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{BASE}/ServiceProviderConfig"),
        },
    }))))
}
