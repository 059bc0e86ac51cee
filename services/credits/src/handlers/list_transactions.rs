//! `GET /api/credits/transactions`: what happened to my credits.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Credits;
use crate::db::ledger::{self, TransactionType};
use crate::error::Error;

/// One movement of credits. The amounts of all together are what is available.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionView {
    id: Uuid,
    r#type: TransactionType,
    /// Negative when credits left.
    #[schema(example = -1)]
    amount: i32,
    /// The payment, reservation or lot that it was about.
    #[schema(example = "01920000-0000-7000-8000-000000000e01")]
    reference: String,
    created_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListTransactionsQuery {
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(DateTime<Utc>, Uuid)>>,
}

/// My transactions
///
/// Newest first. A hold whose reservation was confirmed is told as its deduction.
#[utoipa::path(
    tag = "credits",
    params(ListTransactionsQuery),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<TransactionView>),
    ),
)]
#[get("/api/credits/transactions")]
pub(crate) async fn list_transactions(
    state: web::Data<Credits>,
    owner: CurrentActor,
    query: Query<ListTransactionsQuery>,
) -> Result<web::Json<Page<TransactionView>>, Error> {
    let Query(query) = query;
    let before = query.cursor.map(|cursor| cursor.0);
    let member = (owner.tenant_id, owner.user_id);
    let scope = Scope::tenant(owner.tenant_id).with_user(owner.user_id);
    let rows = transaction(&state.platform.database, &scope, "list_transactions", async |tx| {
        Ok::<_, Error>(ledger::transactions(tx, member, before, query.limit.probe()).await?)
    })
    .await?;
    let view = |row: ledger::Transaction| TransactionView {
        id: row.id,
        r#type: row.cause,
        amount: row.amount,
        reference: row.reference,
        created_at: row.created_at,
    };
    Ok(web::Json(Page::new(rows, query.limit, |row| (row.created_at, row.id), view)))
}
