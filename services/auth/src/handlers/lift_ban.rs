//! `DELETE /internal/v1/bans/{banId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_contracts::auth::BanScope;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::Actor;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::banning::lift;
use crate::error::Error;

/// Lift a ban
///
/// One that is not there is lifted. What another ban names as well stays banned by that one.
#[utoipa::path(
    tag = "trust",
    params(("banId" = Uuid, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/internal/v1/bans/{banId}")]
pub async fn lift_ban(
    caller: RequireScope<BanScope>,
    auth: web::Data<Auth>,
    ban: Path<Uuid>,
) -> Result<HttpResponse, Error> {
    let (tenant, ban) = (caller.caller.require_tenant()?, ban.0);
    let actor = caller.caller.user_id.map_or_else(|| Actor::service(&caller.caller.name), Actor::user);
    let trail = auth.trail(tenant, actor);
    transaction(&auth.platform.database, &Scope::tenant(tenant), "lift_ban", async |tx| {
        lift(tx, &trail, ban).await?;
        Ok::<_, Error>(())
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
