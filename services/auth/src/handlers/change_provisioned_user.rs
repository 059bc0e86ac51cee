//! `PATCH /api/tenants/scim/v2/Users/{id}`

use actix_web::{HttpResponse, patch, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::replace_provisioned_user::apply;
use crate::Auth;
use crate::db::scim_users::ScimUserId;
use crate::domain::scim::{Change, PatchOperation};
use crate::error::Error;
use crate::provisioner::Provisioner;
use crate::scim_view::ScimUser;
use crate::scim_wire::{
    ScimBody, ScimBodyRefusals, ScimCallerRefusals, ScimError, ScimId, ScimRefusal, respond,
};

/// Steps, one after the other, all of them or none (RFC 7644 section 3.5.2).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{ "op": "replace", "path": "active", "value": false }],
}))]
pub struct ScimPatchRequest {
    #[serde(rename = "schemas", default)]
    _schemas: Vec<String>,
    #[serde(rename = "Operations")]
    #[schema(min_items = 1, max_items = 100)]
    operations: Vec<PatchOperation>,
}

const MOST_OPERATIONS: usize = 100;

impl ScimPatchRequest {
    fn read(&self) -> Result<Change, Error> {
        if !(1..=MOST_OPERATIONS).contains(&self.operations.len()) {
            let detail = format!("must have 1 to {MOST_OPERATIONS} members");
            return Err(Error::AttributeRefused { attribute: "Operations".to_owned(), detail });
        }
        Ok(Change::of(&self.operations)?)
    }
}

/// Change a person
///
/// With or without a path, in the words of Okta and of Entra ID: `active` may also be `"True"` or `"False"`. What each attribute means
/// is said at PUT. Attributes that are not kept here are passed over; roles, groups and ids are refused (`mutability`).
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    params(("id" = ScimUserId, Path)),
    request_body(content = ScimPatchRequest, content_type = "application/scim+json"),
    responses(
        ScimCallerRefusals, ScimBodyRefusals,
        (status = 200, body = ScimUser, content_type = "application/scim+json"),
        (status = 403, body = ScimError, content_type = "application/scim+json", description = "`cannot_manage` or `suspended_by_staff` among others"),
        (status = 404, body = ScimError, content_type = "application/scim+json", description = "`not_found`: there is nobody, or they are of another studio"),
        (status = 409, body = ScimError, content_type = "application/scim+json", description = "`user_name_taken`, `external_id_taken`, `already_member`, `already_invited`, `too_many_invitations`, `own_account` or `last_admin`"),
    ),
)]
#[patch("/api/tenants/scim/v2/Users/{id}")]
pub async fn change_provisioned_user(
    caller: Provisioner,
    auth: web::Data<Auth>,
    id: ScimId,
    body: ScimBody,
) -> Result<HttpResponse, ScimRefusal> {
    let said = body.read::<ScimPatchRequest>()?.read()?;
    Ok(respond(&apply(&auth, &caller.0, (id.known()?, &said)).await?))
}
