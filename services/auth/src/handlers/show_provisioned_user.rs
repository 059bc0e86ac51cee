//! `GET /api/tenants/scim/v2/Users/{id}`

use actix_web::{HttpResponse, get, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;

use crate::Auth;
use crate::db::members;
use crate::db::scim_users::ScimUserId;
use crate::error::Error;
use crate::provisioner::Provisioner;
use crate::provisioning::{begin_look, person};
use crate::scim_view::ScimUser;
use crate::scim_wire::{ScimCallerRefusals, ScimError, ScimId, ScimRefusal, respond};

/// One person of this studio, as its identity provider may see them
///
/// A member, or somebody whom the provider invited. Anybody else, and whoever has left, is not there.
#[utoipa::path(
    tag = "provisioning",
    security(("bearer" = [])),
    params(("id" = ScimUserId, Path)),
    responses(
        ScimCallerRefusals,
        (status = 200, body = ScimUser, content_type = "application/scim+json"),
        (status = 404, body = ScimError, content_type = "application/scim+json", description = "`not_found`: there is nobody, or they are of another studio"),
    ),
)]
#[get("/api/tenants/scim/v2/Users/{id}")]
pub async fn show_provisioned_user(
    caller: Provisioner,
    auth: web::Data<Auth>,
    id: ScimId,
) -> Result<HttpResponse, ScimRefusal> {
    let (actor, id) = (caller.0, id.known()?);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let shown = transaction(&auth.platform.database, &scope, "show_provisioned_user", async |tx| {
        begin_look(tx, &auth, &actor).await?;
        view(tx, &actor, id).await
    })
    .await?;
    Ok(respond(&shown))
}

/// Somebody as they are now.
pub async fn view(tx: &mut Connection, actor: &CurrentActor, id: ScimUserId) -> Result<ScimUser, Error> {
    let person = person(tx, actor.tenant_id, id).await?;
    let account: Vec<_> = person.user_id.into_iter().collect();
    let roles = members::roles_of(tx, actor.tenant_id, &account).await?;
    Ok(ScimUser::new(person, &roles))
}
