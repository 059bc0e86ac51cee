//! `POST /api/auth/password/change`

use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::attempts::Aim;
use crate::db::users;
use crate::domain::password::{NewPassword, PresentedPassword, UnfitPassword};
use crate::error::Error;
use crate::liveness::{Live, require_factor_shown};
use crate::password_setting::{Occasion, set_password};
use crate::{Auth, attempts};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePasswordRequest {
    #[schema(value_type = String, format = "password", max_length = 1024, example = "my present private sentence")]
    current_password: PresentedPassword,
    /// At least 12 characters, at most 1024 bytes, not a common or leaked password, and another one.
    #[schema(value_type = String, format = "password", min_length = 12, max_length = 1024, example = "a long and private sentence")]
    new_password: NewPassword,
}

/// Change my password
///
/// Every other session ends, and so does every access token: this session goes on with its refresh token, which brings the
/// next one. An account that has no password gets one by `POST /api/auth/password/forgot`.
#[utoipa::path(
    tag = "password",
    request_body = ChangePasswordRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, RateRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`wrong_password`, `wrong_tenant`, or `step_up_required` where the account has a second factor"),
    ),
)]
#[post("/api/auth/password/change")]
pub async fn change_password(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    body: Body<ChangePasswordRequest>,
) -> Result<HttpResponse, Error> {
    let Body(ChangePasswordRequest { current_password, new_password }) = body;
    let account = attempts::reauthenticate(&auth, &actor, &current_password, Aim::Change).await?;
    if current_password.as_str() == new_password.as_str() {
        return Err(Error::UnfitPassword { pointer: "/newPassword", unfit: UnfitPassword::Present });
    }
    auth.leaks.refuse(&new_password, [&account.name, &account.email], "/newPassword").await?;
    let turn = auth.hashing.turn().await?;
    let phc = attempts::hash(&auth, &turn, new_password.as_str()).await?;
    drop(turn);

    let now = auth.platform.clock.now();
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let revocation = transaction(&auth.platform.database, &scope, "change_password", async |tx| {
        users::lock(tx, auth.realm, actor.user_id).await?;
        // Of several at once the first ends the token that the others came with.
        let Live { account, .. } = require_factor_shown(tx, &auth, &actor, now).await?;
        set_password(tx, &auth, &trail, &account, (&phc, Occasion::Change(actor.session_id))).await
    })
    .await?;
    auth.revoked(&revocation);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}
