//! `GET /api/me/certificates/{certificateId}`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_web::{NotFoundRefusal, Path, Problem, RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::erasures::{self, Erasure, ErasureId};
use crate::domain::erasure::ErasureState;
use crate::domain::one_time_token::OneTimeToken;
use crate::error::Error;
use crate::{Auth, limits};

/// That somebody was forgotten, without saying who it was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Stands in the audit trail as well.
    erasure_id: ErasureId,
    state: ErasureState,
    requested_at: DateTime<Utc>,
    erases_at: DateTime<Utc>,
    /// When every service had confirmed, or when the request was taken back.
    finished_at: Option<DateTime<Utc>>,
    /// The services that have forgotten the person.
    services: Vec<ServiceConfirmation>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceConfirmation {
    #[schema(example = "booking")]
    service: String,
    confirmed_at: DateTime<Utc>,
}

/// The certificate of an erasure
///
/// For whoever holds its id, which was told once, when the erasure was asked for: afterwards there is nobody left to sign in.
#[utoipa::path(
    tag = "privacy",
    params(("certificateId" = String, Path, min_length = 1, max_length = 512, example = "q7Jf0Zb3nWm1x9vR2sT5uY8oP4aD6gHkLcEiXjVwNzA")),
    responses(
        NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = Certificate),
    ),
)]
#[get("/api/me/certificates/{certificateId}")]
pub async fn show_certificate(
    auth: web::Data<Auth>,
    context: RequestContext,
    certificate: Path<OneTimeToken>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::CERTIFICATE_BY_NETWORK, context.client.as_str()).await?;
    let digest = certificate.0.digest();
    let scope = Scope::realm(auth.realm);
    let (erasure, services) = transaction(&auth.platform.database, &scope, "show_certificate", async |tx| {
        let found = erasures::by_certificate(tx, auth.realm, &digest).await?;
        let erasure = found.ok_or_else(Problem::not_found)?;
        let services = erasures::confirmations(tx, (auth.realm, erasure.id)).await?;
        Ok::<_, Error>((erasure, services))
    })
    .await?;
    let certificate = certificate_of(&erasure, services);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(certificate))
}

fn certificate_of(erasure: &Erasure, services: Vec<(String, DateTime<Utc>)>) -> Certificate {
    let confirmation = |(service, confirmed_at)| ServiceConfirmation { service, confirmed_at };
    Certificate {
        erasure_id: erasure.id,
        state: erasure.state,
        requested_at: erasure.requested_at,
        erases_at: erasure.erase_at,
        finished_at: erasure.finished_at,
        services: services.into_iter().map(confirmation).collect(),
    }
}
