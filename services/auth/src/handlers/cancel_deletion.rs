//! `POST /api/me/delete/cancel`

use actix_web::{HttpResponse, post, web};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::AccountActor;
use shinkofa_web::{CallerRefusals, ProblemDocument, Unavailability};

use crate::Auth;
use crate::db::erasures;
use crate::deletion_cancelling::tell_of_cancelled_deletion;
use crate::error::Error;
use crate::liveness::{Claimed, Live, require_owner};

/// Keep my account after all
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 204),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`no_deletion`"),
    ),
)]
#[post("/api/me/delete/cancel")]
pub async fn cancel_deletion(
    AccountActor(actor): AccountActor,
    auth: web::Data<Auth>,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "cancel_deletion", async |tx| {
        let Live { account, .. } = require_owner(tx, auth.realm, Claimed::from(&actor), now).await?;
        if !erasures::cancel(tx, (auth.realm, actor.user_id), now).await? {
            return Err(Error::NoDeletion);
        }
        let trail = auth.trail(actor.tenant_id, actor.actor());
        tell_of_cancelled_deletion(tx, &auth, &trail, &account).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}
