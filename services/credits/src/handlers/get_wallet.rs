//! `GET /api/credits/wallet`: what I have.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_contracts::LotId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Credits;
use crate::db::wallets::{self, LotSource};
use crate::error::Error;

/// What a member has.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wallet {
    /// Credits that can be spent now.
    #[schema(example = 9)]
    available: i32,
    /// Credits set aside for reservations that are being settled.
    #[schema(example = 1)]
    held: i32,
    /// In the order in which they are spent.
    lots: Vec<WalletLot>,
}

/// Credits that expire together.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WalletLot {
    id: LotId,
    #[schema(example = 9)]
    remaining: i32,
    #[schema(example = 1)]
    held: i32,
    /// From this instant on they cannot be spent; null when they never expire.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    source: LotSource,
}

/// My wallet
#[utoipa::path(
    tag = "credits",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Wallet),
    ),
)]
#[get("/api/credits/wallet")]
pub(crate) async fn get_wallet(
    state: web::Data<Credits>,
    owner: CurrentActor,
) -> Result<web::Json<Wallet>, Error> {
    let now = state.now();
    let scope = Scope::tenant(owner.tenant_id).with_user(owner.user_id);
    let lots = transaction(&state.platform.database, &scope, "get_wallet", async |tx| {
        Ok::<_, Error>(wallets::live_lots(tx, owner.tenant_id, owner.user_id, now).await?)
    })
    .await?;
    // A lot may be past its time and still have units in hand for a reservation; what remains of it is gone.
    let usable = |lot: &wallets::LiveLot| lot.expires_at.is_none_or(|end| end > now);
    let lots: Vec<_> = lots
        .into_iter()
        .map(|lot| WalletLot {
            id: lot.id,
            remaining: if usable(&lot) { lot.remaining } else { 0 },
            held: lot.held,
            expires_at: lot.expires_at,
            source: lot.source,
        })
        .collect();
    Ok(web::Json(Wallet {
        available: lots.iter().map(|lot| lot.remaining).sum(),
        held: lots.iter().map(|lot| lot.held).sum(),
        lots,
    }))
}
