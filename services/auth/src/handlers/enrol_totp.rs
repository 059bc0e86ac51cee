//! `POST /api/auth/mfa/totp`

use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, EnrollingActor};
use shinkofa_web::{CallerRefusals, Fault, ProblemDocument, RateRefusal, Unavailability};
use utoipa::ToSchema;

use crate::db::factors::{self, CodeFactor, FactorId, NewFactor};
use crate::domain::account::FactorKind;
use crate::domain::audit::AuditAction;
use crate::domain::second_factor::has_room_for;
use crate::domain::totp::TotpSecret;
use crate::error::Error;
use crate::liveness::require_stepped_up;
use crate::{Auth, limits};

/// A secret to be put into an authenticator app. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrolledTotp {
    factor_id: FactorId,
    /// Base 32, to be typed.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// To be shown as a QR code.
    #[schema(
        example = "otpauth://totp/Shinkofa:anna%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Shinkofa&algorithm=SHA1&digits=6&period=30"
    )]
    otpauth_uri: String,
}

/// Enrol an authenticator app
///
/// Nothing is asked for at sign-in until a code of the app confirmed it, within a quarter of an hour. An enrolment that was
/// begun before and not confirmed is given up. Takes somebody who showed in the last ten minutes who they are.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    responses(
        CallerRefusals, RateRefusal, Unavailability,
        (status = 201, body = EnrolledTotp),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`too_many_factors`"),
    ),
)]
#[post("/api/auth/mfa/totp")]
pub async fn enrol_totp(
    auth: web::Data<Auth>,
    EnrollingActor(actor): EnrollingActor,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::FACTORS_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let enrolled =
        transaction(&auth.platform.database, &scope, "enrol_totp", async |tx| enrol(tx, &auth, &actor).await)
            .await?;
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(enrolled))
}

async fn enrol(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<EnrolledTotp, Error> {
    let now = auth.platform.clock.now();
    let account = require_stepped_up(tx, auth, actor, now).await?.account;
    let known = factors::confirmed(tx, auth.realm, account.id).await?;
    if !has_room_for(FactorKind::Totp, known.iter().map(|factor| factor.kind)) {
        return Err(Error::TooManyFactors);
    }
    factors::delete_unconfirmed(tx, auth.realm, account.id).await?;
    let id = FactorId::new(&auth.platform.clock);
    let secret = TotpSecret::from_random(auth.randomness.bytes()?);
    let sealed =
        auth.sealing.seal(&CodeFactor::sealed_for(id), secret.as_bytes()).map_err(Fault::unexpected)?;
    let row = NewFactor {
        realm_id: auth.realm,
        user_id: account.id,
        id,
        kind: FactorKind::Totp,
        secret_sealed: Some(sealed),
        confirmed_at: None,
        created_at: now,
    };
    factors::insert(tx, &row).await?;
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let details = json!({ "factorId": id, "kind": row.kind });
    trail.user(tx, AuditAction::FactorEnrolled, account.id, details).await?;
    Ok(EnrolledTotp {
        factor_id: id,
        secret: secret.base32(),
        otpauth_uri: secret.otpauth_uri(&account.email),
    })
}
