//! `GET /api/tenants/scim/v2/Schemas`

use actix_web::{HttpResponse, get, web};
use serde_json::{Value, json};
use shinkofa_web::RequestContext;

use crate::domain::scim::{LIST, SCHEMA, USER};
use crate::scim_view::ScimDescription;
use crate::scim_wire::{ScimError, ScimRefusal, respond};
use crate::{Auth, limits};

/// The attributes of a user
///
/// Those that are kept here; a provider may send others, which are passed over. RFC 7643 section 7.
#[utoipa::path(
    tag = "provisioning",
    responses(
        (status = 200, body = ScimDescription, content_type = "application/scim+json"),
        (status = 429, body = ScimError, content_type = "application/scim+json", description = "`too_many_requests`: wait as long as `Retry-After` says"),
    ),
)]
#[get("/api/tenants/scim/v2/Schemas")]
pub async fn list_scim_schemas(
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
            "schemas": [SCHEMA],
            "id": USER,
            "name": "User",
            "description": "A member of the studio, or somebody who is invited",
            "attributes": attributes(),
            "meta": { "resourceType": "Schema" },
        }],
    }))))
}

fn attributes() -> Vec<Value> {
    let mut user_name = attribute("userName", "string", "readWrite", "The address of their mail");
    user_name["required"] = json!(true);
    user_name["uniqueness"] = json!("server");
    let mut external_id =
        attribute("externalId", "string", "readWrite", "What the provider itself calls them");
    external_id["caseExact"] = json!(true);
    external_id["uniqueness"] = json!("server");
    let name = [
        attribute("formatted", "string", "readOnly", "Both parts, or the display name"),
        attribute("givenName", "string", "readWrite", "The given name"),
        attribute("familyName", "string", "readWrite", "The family name"),
    ];
    let emails = [
        attribute("value", "string", "readOnly", "The address of their account, or the invited one"),
        attribute("primary", "boolean", "readOnly", "Always true"),
    ];
    let roles = [attribute("value", "string", "readOnly", "The name of a role")];
    vec![
        user_name,
        external_id,
        of_parts(attribute("name", "complex", "readWrite", "What they are called, in parts"), &name),
        attribute("displayName", "string", "readWrite", "What they are called"),
        attribute(
            "active",
            "boolean",
            "readWrite",
            "False before an invitation is accepted, and while suspended",
        ),
        of_several(attribute("emails", "complex", "readOnly", "One address"), &emails),
        of_several(attribute("roles", "complex", "readOnly", "Given by the studio's staff"), &roles),
    ]
}

fn attribute(name: &str, kind: &str, mutability: &str, description: &str) -> Value {
    json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "description": description,
        "required": false,
        "caseExact": false,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": "none",
    })
}

fn of_parts(mut attribute: Value, parts: &[Value]) -> Value {
    attribute["subAttributes"] = json!(parts);
    attribute
}

fn of_several(mut attribute: Value, parts: &[Value]) -> Value {
    attribute["multiValued"] = json!(true);
    of_parts(attribute, parts)
}
