//! `GET /api/auth/processing-register`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_web::{RateRefusal, RequestContext, Unavailability};
use utoipa::ToSchema;

use crate::db::processing;
use crate::domain::processing::Processing;
use crate::error::Error;
use crate::{Auth, limits};

/// What auth keeps about people, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingRegister {
    items: Vec<Processing>,
}

/// The register of processing
///
/// Article 30 of the GDPR, as the schema of the running service tells it: every kind of personal data with its purpose, its legal
/// basis and how long it is kept.
#[utoipa::path(
    tag = "privacy",
    responses(
        RateRefusal, Unavailability,
        (status = 200, body = ProcessingRegister),
    ),
)]
#[get("/api/auth/processing-register")]
pub async fn show_processing_register(
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REGISTER_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::infrastructure();
    let items = transaction(&auth.platform.database, &scope, "processing_register", async |tx| {
        Ok::<_, Error>(processing::register(tx).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ProcessingRegister { items }))
}
