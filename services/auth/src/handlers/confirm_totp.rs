//! `POST /api/auth/mfa/totp/{factorId}/confirm`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterFactor};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{AssuranceLevel, CurrentActor, EnrollingActor};
use shinkofa_kernel::SessionId;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::factors::{self, FactorId};
use crate::db::{sessions, users};
use crate::domain::audit::AuditAction;
use crate::domain::second_factor::{CONFIRM_WITHIN, Shown};
use crate::domain::totp::FactorCode;
use crate::error::Error;
use crate::factor_changes::{apply_here, first_recovery_codes, settle};
use crate::factor_codes::{count_in_step, open_secret};
use crate::liveness::{Claimed, Live, require_session};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmRequest {
    /// What the app shows now.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "123456")]
    code: FactorCode,
}

/// A second factor that is asked for from now on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmedFactor {
    pub factor_id: FactorId,
    /// With the first factor: ten codes for the day on which it is lost. They are shown this once, and each works once.
    #[schema(example = json!(["7Q4K-9F2M-XB0T-5HWE-2C8R-MV6P"]))]
    pub recovery_codes: Option<Vec<String>>,
}

/// Confirm an authenticator app
///
/// From now on sign-in asks for its codes. Every other session of the account ends and no device is remembered any more. This
/// session counts as one with two factors: refresh its token to have it say so.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    params(("factorId" = FactorId, Path)),
    request_body = ConfirmRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = ConfirmedFactor),
    ),
)]
#[post("/api/auth/mfa/totp/{factorId}/confirm")]
pub async fn confirm_totp(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
    Path(factor): Path<FactorId>,
    body: Body<ConfirmRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let database = &auth.platform.database;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(database, &scope, "try_confirmation", async |tx| {
        let now = auth.platform.clock.now();
        require_session(tx, auth.realm, Claimed::from(&actor), now).await?;
        count_in_step(tx, &auth, actor.user_id).await
    })
    .await?;
    let (confirmed, ended) = transaction(database, &scope, "confirm_totp", async |tx| {
        confirm(tx, &auth, &actor, (factor, &body.0.code)).await
    })
    .await?;
    apply_here(&auth, &ended);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(confirmed))
}

async fn confirm(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, code): (FactorId, &FactorCode),
) -> Result<(ConfirmedFactor, Vec<SessionId>), Error> {
    let (realm, user, now) = (auth.realm, actor.user_id, auth.platform.clock.now());
    users::lock(tx, realm, user).await?.ok_or(Error::Unauthenticated)?;
    let Live { session, account, .. } = require_session(tx, realm, Claimed::from(actor), now).await?;
    let factor = factors::find_unconfirmed(tx, (realm, user, id), now - CONFIRM_WITHIN).await?;
    let factor = factor.ok_or(Error::NotFound)?;
    let step = code.step_of(&open_secret(auth, &factor)?, None, now).ok_or(Error::FactorCodeRefused)?;
    if !factors::confirm(tx, (realm, user, id), step, now).await? {
        return Err(Error::NotFound);
    }
    // Whoever made the session showed one factor, and just now the other.
    let methods = Shown::Totp.added_to(&session.amr);
    sessions::show_again(tx, (realm, session.id), (&methods, AssuranceLevel::Aal2), now).await?;

    let trail = auth.trail(actor.tenant_id, actor.actor());
    trail.user(tx, AuditAction::FactorConfirmed, user, json!({ "factorId": id, "kind": "totp" })).await?;
    let recovery_codes = first_recovery_codes(tx, auth, &trail, user).await?;
    let letter = AccountLetter::FactorAdded { factor: LetterFactor::Totp };
    let ended = settle(tx, auth, &trail, (&account, session.id), letter).await?;
    Ok((ConfirmedFactor { factor_id: id, recovery_codes }, ended))
}
