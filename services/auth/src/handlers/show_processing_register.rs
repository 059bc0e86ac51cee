//! `GET /api/auth/processing-register`

use actix_web::{HttpResponse, get, web};
use futures_util::future::try_join_all;
use shinkofa_contracts::auth::SERVICE;
use shinkofa_contracts::privacy::{PrivacyScope, Processing, ProcessingRegister};
use shinkofa_db::{Scope, transaction};
use shinkofa_runtime::processing_register;
use shinkofa_web::{ProblemDocument, RateRefusal, RequestContext};

use crate::erasure::services;
use crate::error::Error;
use crate::{Auth, limits};

/// The register of processing
///
/// Article 30 of the GDPR, as the schemas of the running services tell it: every kind of personal data with the service that keeps
/// it, its purpose, its legal basis and how long it is kept. It is whole or not at all: while a service does not answer the answer is
/// 503 and names it.
#[utoipa::path(
    tag = "privacy",
    responses(
        RateRefusal,
        (status = 200, body = ProcessingRegister),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json", description = "`register_incomplete`: the detail names the service; or the database is not there"),
    ),
)]
#[get("/api/auth/processing-register")]
pub async fn show_processing_register(
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REGISTER_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::infrastructure();
    let mut items = transaction(&auth.platform.database, &scope, "processing_register", async |tx| {
        Ok::<_, Error>(processing_register(tx, SERVICE).await?)
    })
    .await?;
    let names = services(&auth);
    let parts = try_join_all(names.iter().map(|service| part(&auth, service))).await?;
    items.extend(parts.into_iter().flatten());
    Ok(HttpResponse::Ok().json(ProcessingRegister { items }))
}

async fn part(auth: &Auth, service: &str) -> Result<Vec<Processing>, Error> {
    let missing = |reason: &dyn std::fmt::Display| {
        tracing::warn!(service, %reason, "the register of processing cannot be completed");
        Error::RegisterIncomplete { service: service.to_owned() }
    };
    let peer = auth.platform.peers.peer::<PrivacyScope>(service).map_err(|error| missing(&error))?;
    let register = peer.get::<ProcessingRegister>("/internal/v1/privacy/processing").await;
    let items = register.map_err(|error| missing(&error))?.items;
    if items.iter().all(|entry| entry.service == service) {
        Ok(items)
    } else {
        Err(missing(&"another service answers"))
    }
}
