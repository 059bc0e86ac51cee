//! `GET /api/auth/oauth`

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_web::Unavailability;
use utoipa::ToSchema;

use crate::Auth;
use crate::db::providers;
use crate::domain::provider::Provider;
use crate::error::Error;

#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedProviders {
    providers: Vec<Provider>,
}

/// Which providers are offered
///
/// Those that are configured and not switched off: the buttons of a sign-in page.
#[utoipa::path(
    tag = "providers",
    responses(
        Unavailability,
        (status = 200, body = OfferedProviders),
    ),
)]
#[get("/api/auth/oauth")]
pub async fn list_providers(auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    let scope = Scope::realm(auth.realm);
    let disabled = transaction(&auth.platform.database, &scope, "list_providers", async |tx| {
        Ok::<_, Error>(providers::all_disabled(tx, auth.realm).await?)
    })
    .await?;
    let offered =
        |provider: &Provider| auth.providers.get(*provider).is_some() && !disabled.contains(provider);
    let providers = Provider::ALL.iter().copied().filter(offered).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(OfferedProviders { providers }))
}
