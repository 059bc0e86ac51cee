//! `GET /api/user/identities`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::OwnActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::identities;
use crate::domain::provider::Provider;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Debug, Serialize, ToSchema)]
pub struct Identities {
    items: Vec<Identity>,
}

/// A way in through a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    provider: Provider,
    linked_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
}

/// My identities
///
/// At most one of each provider.
#[utoipa::path(
    tag = "providers",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Identities),
    ),
)]
#[get("/api/user/identities")]
pub async fn list_identities(
    auth: web::Data<Auth>,
    OwnActor(actor): OwnActor,
) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let linked = transaction(&auth.platform.database, &scope, "list_identities", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(identities::of_user(tx, auth.realm, actor.user_id).await?)
    })
    .await?;
    let items = linked
        .into_iter()
        .map(|identity| Identity {
            provider: identity.provider,
            linked_at: identity.linked_at,
            last_used_at: identity.last_used_at,
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Identities { items }))
}
