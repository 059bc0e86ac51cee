//! `PUT /api/tenants/scim/v2/Users/{id}`

use actix_web::{HttpResponse, put, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;

use super::provision_user::{ScimUserRequest, require_letter};
use super::show_provisioned_user::view;
use crate::Auth;
use crate::db::scim_users::ScimUserId;
use crate::domain::scim::Change;
use crate::error::Error;
use crate::provisioner::Provisioner;
use crate::provisioning::{begin_look, change, letter_to, person};
use crate::scim_view::ScimUser;
use crate::scim_wire::{
    ScimBody, ScimBodyRefusals, ScimCallerRefusals, ScimError, ScimId, ScimRefusal, respond,
};
use crate::withdrawal::forget_here;

/// Say anew what a person is
///
/// What is not said is taken away, but for `active`, which stays. `active: false` suspends the membership and ends every session
/// here; `active: true` ends a suspension that the provider itself made. Of somebody whom the staff suspended, or whose invitation
/// they revoked, `active: false` is remembered for when that ends, `active: true` takes it back, and else is refused
/// (`suspended_by_staff`). Whoever is only invited under another `userName` gets the
/// letter there; of a member it is a name in this list and changes nothing of their account. Roles are passed over. Admins,
/// managers and whoever else manages something are not a provider's to change (`cannot_manage`).
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    params(("id" = ScimUserId, Path)),
    request_body(content = ScimUserRequest, content_type = "application/scim+json"),
    responses(
        ScimCallerRefusals, ScimBodyRefusals,
        (status = 200, body = ScimUser, content_type = "application/scim+json"),
        (status = 403, body = ScimError, content_type = "application/scim+json", description = "`cannot_manage` or `suspended_by_staff` among others"),
        (status = 404, body = ScimError, content_type = "application/scim+json", description = "`not_found`: there is nobody, or they are of another studio"),
        (status = 409, body = ScimError, content_type = "application/scim+json", description = "`user_name_taken`, `external_id_taken`, `already_member`, `already_invited`, `too_many_invitations`, `own_account` or `last_admin`"),
    ),
)]
#[put("/api/tenants/scim/v2/Users/{id}")]
pub async fn replace_provisioned_user(
    caller: Provisioner,
    auth: web::Data<Auth>,
    id: ScimId,
    body: ScimBody,
) -> Result<HttpResponse, ScimRefusal> {
    let (_, said) = body.read::<ScimUserRequest>()?.read();
    Ok(respond(&apply(&auth, &caller.0, (id.known()?, &said)).await?))
}

/// Carries a change out, and asks first whether a letter that it would send may be sent.
pub async fn apply(
    auth: &Auth,
    actor: &CurrentActor,
    (id, said): (ScimUserId, &Change),
) -> Result<ScimUser, Error> {
    let database = &auth.platform.database;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let letter = transaction(database, &scope, "find_provisioned_user", async |tx| {
        begin_look(tx, auth, actor).await?;
        let person = person(tx, actor.tenant_id, id).await?;
        letter_to(tx, auth, actor, (&person, said)).await
    })
    .await?;
    if let Some(email) = letter {
        require_letter(auth, actor, &email).await?;
    }
    let (ended, view) = transaction(database, &scope, "change_provisioned_user", async |tx| {
        let ended = change(tx, auth, actor, (id, said)).await?;
        Ok::<_, Error>((ended, view(tx, actor, id).await?))
    })
    .await?;
    forget_here(auth, &ended);
    auth.platform.committed();
    Ok(view)
}
