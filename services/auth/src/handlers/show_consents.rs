//! `GET /api/me/consents`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::consents::{self, Decision};
use crate::domain::consent::ConsentKind;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

/// What somebody agrees to now, and everything they ever decided.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consents {
    /// The last consent of each kind.
    current: Vec<Consent>,
    /// The oldest decision first.
    history: Vec<Decision>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    kind: ConsentKind,
    #[schema(example = "2026-11")]
    version: String,
    granted_at: DateTime<Utc>,
    /// Null while it stands.
    withdrawn_at: Option<DateTime<Utc>>,
}

impl Consents {
    pub fn of(history: Vec<Decision>) -> Self {
        let mut current: Vec<Consent> = Vec::new();
        for decision in &history {
            if decision.granted {
                current.retain(|consent| consent.kind != decision.kind);
                current.push(Consent {
                    kind: decision.kind,
                    version: decision.version.clone(),
                    granted_at: decision.decided_at,
                    withdrawn_at: None,
                });
            } else if let Some(consent) = current.iter_mut().find(|consent| consent.kind == decision.kind) {
                consent.withdrawn_at = Some(decision.decided_at);
            }
        }
        current.sort_by_key(|consent| consent.kind);
        Self { current, history }
    }
}

/// My consents
#[utoipa::path(
    tag = "privacy",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Consents),
    ),
)]
#[get("/api/me/consents")]
pub async fn show_consents(auth: web::Data<Auth>, actor: CurrentActor) -> Result<HttpResponse, Error> {
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let history = transaction(&auth.platform.database, &scope, "show_consents", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        Ok::<_, Error>(consents::history_here(tx, actor.user_id).await?)
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(Consents::of(history)))
}
