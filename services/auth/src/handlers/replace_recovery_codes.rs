//! `POST /api/auth/mfa/recovery-codes`

use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireStepUp;
use shinkofa_web::{CallerRefusals, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::factors;
use crate::error::Error;
use crate::factor_changes::new_recovery_codes;
use crate::letters::request_letter;
use crate::liveness::require_stepped_up;
use crate::{Auth, limits};

/// Codes for the day on which the other factors are lost. They are shown this once, and each works once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    #[schema(example = json!(["7Q4K-9F2M-XB0T-5HWE-2C8R-MV6P"]))]
    recovery_codes: Vec<String>,
}

/// Replace my recovery codes
///
/// The earlier ones stop working. The owner is told by mail.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 200, body = RecoveryCodes),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`no_second_factor`"),
    ),
)]
#[post("/api/auth/mfa/recovery-codes")]
pub async fn replace_recovery_codes(
    auth: web::Data<Auth>,
    RequireStepUp { actor }: RequireStepUp,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let recovery_codes = transaction(&auth.platform.database, &scope, "replace_recovery_codes", async |tx| {
        let account = require_stepped_up(tx, &auth, &actor, now).await?.account;
        if !factors::any_confirmed(tx, auth.realm, actor.user_id).await? {
            return Err(Error::NoFactor);
        }
        let trail = auth.trail(actor.tenant_id, actor.actor());
        request_letter(tx, &auth, &trail, &account, (AccountLetter::RecoveryCodesReplaced, None)).await?;
        new_recovery_codes(tx, &auth, &trail, actor.user_id).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(RecoveryCodes { recovery_codes }))
}
