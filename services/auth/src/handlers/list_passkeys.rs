//! `GET /api/auth/passkeys`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::OwnActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::factors::FactorId;
use crate::db::passkeys::{self, Passkey};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyView {
    /// Also its `factorId` among the second factors.
    passkey_id: FactorId,
    #[schema(example = "Anna's phone")]
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    /// Whether it signs in without an address being typed first; null where the browser did not say.
    #[schema(example = true)]
    discoverable: Option<bool>,
    /// Whether there is a copy of it elsewhere, as its authenticator said at its last use.
    #[schema(example = false)]
    backed_up: bool,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            passkey_id: passkey.id,
            name: passkey.name,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
            discoverable: passkey.discoverable,
            backed_up: passkey.backed_up,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Passkeys {
    items: Vec<PasskeyView>,
}

/// My passkeys
///
/// All of them, oldest first: an account has ten at most.
#[utoipa::path(
    tag = "passkeys",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Passkeys),
    ),
)]
#[get("/api/auth/passkeys")]
pub async fn list_passkeys(auth: web::Data<Auth>, OwnActor(actor): OwnActor) -> Result<HttpResponse, Error> {
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let found = transaction(&auth.platform.database, &scope, "list_passkeys", async |tx| {
        let now = auth.platform.clock.now();
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(passkeys::of_user(tx, auth.realm, actor.user_id).await?)
    })
    .await?;
    let passkeys = Passkeys { items: found.into_iter().map(Into::into).collect() };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(passkeys))
}
