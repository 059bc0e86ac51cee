//! `POST /api/admin/bans`

use actix_web::{HttpRequest, HttpResponse, post, web};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_identity::{CurrentActor, RequirePermission};
use shinkofa_kernel::Role;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, ProblemDocument, RateRefusal, RequestContext,
    Unavailability,
};

use super::ban_fingerprints::{BanAnswer, BanRequest, place};
use super::lock_user::manageable;
use super::sign_in::surroundings;
use crate::authority::require_recent_authority;
use crate::db::sessions;
use crate::domain::administration::may_manage;
use crate::domain::ban::{Mark, shown};
use crate::domain::device::{DeviceBinding, Surroundings};
use crate::error::Error;
use crate::withdrawal::forget_here;
use crate::{Auth, limits};

/// Ban somebody
///
/// A member, a device or a whole network: kept out at sign-up and at every sign-in in this tenant, with whichever account. Of a member
/// the account itself is banned with everything that it is known by, and what it is signed in on here ends. What the caller comes
/// with themselves is left out of that, and refused where it is named (`own_surroundings`). Only an admin can ban an admin or a manager, and
/// name a device or a network, which may be theirs (`cannot_manage`); nobody can ban themselves. Only keyed digests are kept.
/// Asking again under the same id changes nothing.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    request_body = BanRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = BanAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required` among others: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`own_account` or `own_surroundings`"),
    ),
)]
#[post("/api/admin/bans")]
pub async fn place_ban(
    caller: RequirePermission<ManageUsers>,
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
    body: Body<BanRequest>,
) -> Result<HttpResponse, Error> {
    let (actor, Body(asked)) = (caller.actor, body);
    auth.platform.limiter.require(&limits::TENANT_CHANGES_BY_USER, &actor.user_id.to_string()).await?;
    asked.require_something()?;
    let surroundings = surroundings(&request, &context);
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (answer, ended) = transaction(&auth.platform.database, &scope, "place_ban", async |tx| {
        let caller = match asked.user_id {
            Some(user) => manageable::<ManageUsers>(tx, &auth, &actor, user).await?.0,
            None => require_recent_authority::<ManageUsers>(tx, &auth, &actor).await?.1,
        };
        if asked.names_more_than_a_member() && !may_manage(&caller.authority().weight(), &[Role::Admin]) {
            return Err(Error::CannotManage);
        }
        let own = marks_of_caller(tx, &auth, &actor, &surroundings).await?;
        place(tx, &auth, &trail, (&asked, &own)).await
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::Ok().json(answer))
}

/// Of the request, and of the session that it is made from.
async fn marks_of_caller(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    surroundings: &Surroundings,
) -> Result<Vec<Mark>, Error> {
    let session = sessions::find(tx, auth.realm, actor.session_id).await?;
    let device = session.and_then(|session| session.binding().device);
    Ok(shown(&DeviceBinding::of_known(device, surroundings), surroundings))
}
