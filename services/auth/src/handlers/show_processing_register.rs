//! `GET /api/auth/processing-register`

use actix_web::{HttpResponse, get, web};
use futures_util::future::try_join_all;
use serde::Serialize;
use shinkofa_contracts::auth::SERVICE;
use shinkofa_contracts::privacy::{PrivacyScope, Processing, ProcessingRegister, Recipient};
use shinkofa_db::{Scope, transaction};
use shinkofa_runtime::processing_register;
use shinkofa_web::{ProblemDocument, RateRefusal, RequestContext};
use utoipa::ToSchema;

use crate::db::providers;
use crate::erasure::services;
use crate::error::Error;
use crate::register::{Responsible, SECURITY_MEASURES, SecurityMeasure};
use crate::{Auth, limits};

/// What is kept about people, by whom, why and for how long, whom it is told, and how it is protected.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterOfProcessing {
    /// Who decides what is kept and why. A placeholder, which says so, on an installation for development.
    controller: Responsible,
    /// Null where there is none.
    #[schema(required = true)]
    data_protection_officer: Option<Responsible>,
    items: Vec<Processing>,
    /// Who outside the platform is told something of people, as the installation is configured.
    recipients: Vec<Recipient>,
    security_measures: Vec<SecurityMeasure>,
}

/// The register of processing
///
/// Article 30 of the GDPR: who answers for it; as the schemas of the running services tell it, every kind of personal data with the
/// service that keeps it, whom it is about, its purpose, its legal basis and how long it is kept; as they are configured, whom they
/// tell, and in which country; and what protects it. It is whole or not at all: while a service does not answer the answer is
/// 503 and names it.
#[utoipa::path(
    tag = "privacy",
    responses(
        RateRefusal,
        (status = 200, body = RegisterOfProcessing),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json", description = "`register_incomplete`: the detail names the service; or the database is not there"),
    ),
)]
#[get("/api/auth/processing-register")]
pub async fn show_processing_register(
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::REGISTER_BY_NETWORK, context.client.as_str()).await?;
    let scope = Scope::realm(auth.realm);
    let own = transaction(&auth.platform.database, &scope, "processing_register", async |tx| {
        let switched_off = providers::all_disabled(tx, auth.realm).await?;
        Ok::<_, Error>((processing_register(tx, SERVICE).await?, switched_off))
    });
    let (mut items, switched_off) = own.await?;
    let mut recipients = auth.register.recipients(&switched_off);
    let names = services(&auth);
    let parts = try_join_all(names.iter().map(|service| part(&auth, service))).await?;
    for part in parts {
        items.extend(part.items);
        recipients.extend(part.recipients);
    }
    Ok(HttpResponse::Ok().json(RegisterOfProcessing {
        controller: auth.register.controller.clone(),
        data_protection_officer: auth.register.data_protection_officer.clone(),
        items,
        recipients,
        security_measures: SECURITY_MEASURES.to_vec(),
    }))
}

async fn part(auth: &Auth, service: &str) -> Result<ProcessingRegister, Error> {
    let missing = |reason: &dyn std::fmt::Display| {
        tracing::warn!(service, %reason, "the register of processing cannot be completed");
        Error::RegisterIncomplete { service: service.to_owned() }
    };
    let peer = auth.platform.peers.peer::<PrivacyScope>(service).map_err(|error| missing(&error))?;
    let register = peer.get::<ProcessingRegister>("/internal/v1/privacy/processing").await;
    let register = register.map_err(|error| missing(&error))?;
    let kept = register.items.iter().map(|entry| &entry.service);
    let mut tellers = kept.chain(register.recipients.iter().map(|recipient| &recipient.service));
    if tellers.all(|teller| teller == service) {
        Ok(register)
    } else {
        Err(missing(&"another service answers"))
    }
}
