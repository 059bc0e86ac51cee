//! `POST /api/tenants/scim/v2/Users`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use utoipa::ToSchema;

use super::show_provisioned_user::view;
use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::person_name::PersonName;
use crate::domain::scim::{Change, ExternalId, Flag, object, optional};
use crate::error::Error;
use crate::provisioner::Provisioner;
use crate::provisioning::provision;
use crate::scim_view::ScimUser;
use crate::scim_wire::{ScimBody, ScimBodyRefusals, ScimCallerRefusals, ScimError, ScimRefusal, made_at};
use crate::{Auth, limits};

/// What a provider says of somebody. Whatever else it says (`password`, `roles`, `groups`, attributes of other schemas) is
/// passed over.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "lea.martin@example.org",
    "externalId": "00u1ab2cd3EF4gh5i6j7",
    "displayName": "Léa Martin",
    "name": { "givenName": "Léa", "familyName": "Martin" },
    "active": true,
}))]
pub struct ScimUserRequest {
    #[serde(rename = "schemas", default)]
    _schemas: Vec<String>,
    /// The address of their mail.
    #[schema(value_type = String, format = "email", max_length = 254)]
    user_name: ReachableAddress,
    /// What the provider itself calls them: no two here have the same. Of this and of every name an empty text is as good as none.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>, max_length = 255)]
    external_id: Option<ExternalId>,
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Option<PersonName>,
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<ScimNameRequest>)]
    name: Option<ScimNameRequest>,
    /// Nobody is written to where it is false.
    active: Option<Flag>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({ "givenName": "Léa", "familyName": "Martin" }))]
pub struct ScimNameRequest {
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>, max_length = 100)]
    given_name: Option<PersonName>,
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>, max_length = 100)]
    family_name: Option<PersonName>,
}

impl ScimUserRequest {
    /// The whole of it: what is not said is taken away, but for whether they are active.
    pub fn read(self) -> (EmailAddress, Change) {
        let (name, user_name) = (self.name.unwrap_or_default(), EmailAddress::from(self.user_name));
        let said = Change {
            user_name: Some(user_name.clone()),
            external_id: Some(self.external_id),
            display_name: Some(self.display_name),
            given_name: Some(name.given_name),
            family_name: Some(name.family_name),
            active: self.active.map(Flag::is_set),
        };
        (user_name, said)
    }
}

/// Bring somebody to this studio
///
/// They get the letter that any invitation is and are inactive until they accept it, whether or not they have an account already:
/// nothing here tells, and nobody joins without wanting to. They become a plain member. `userName` is their address. An
/// invitation is open for thirty days; `active: true` said again after that writes once more. The body may be sent as
/// `application/json` as well.
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    request_body(content = ScimUserRequest, content_type = "application/scim+json"),
    responses(
        ScimCallerRefusals, ScimBodyRefusals,
        (status = 201, body = ScimUser, content_type = "application/scim+json", headers(("Location" = String, description = "Where they are found from now on"))),
        (status = 409, body = ScimError, content_type = "application/scim+json", description = "`user_name_taken`, `external_id_taken`, `already_member`, `already_invited` (by the studio's staff) or `too_many_invitations`"),
    ),
)]
#[post("/api/tenants/scim/v2/Users")]
pub async fn provision_user(
    caller: Provisioner,
    auth: web::Data<Auth>,
    body: ScimBody,
) -> Result<HttpResponse, ScimRefusal> {
    let (email, said) = body.read::<ScimUserRequest>()?.read();
    let actor = caller.0;
    require_letter(&auth, &actor, &email).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let made = transaction(&auth.platform.database, &scope, "provision_user", async |tx| {
        let id = provision(tx, &auth, &actor, (&email, &said)).await?;
        view(tx, &actor, id).await
    })
    .await?;
    auth.platform.committed();
    Ok(made_at(made.location(), &made))
}

/// However many letters a studio's provider asks for, and however many providers invite one address.
pub async fn require_letter(auth: &Auth, actor: &CurrentActor, email: &EmailAddress) -> Result<(), Error> {
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::SCIM_INVITE_BY_ACCOUNT, &actor.user_id.to_string()).await?;
    Ok(limiter.require(&limits::INVITE_BY_ADDRESS, &limits::key_of(email)).await?)
}
