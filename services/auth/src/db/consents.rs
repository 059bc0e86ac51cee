//! Decisions about consents, in whichever tenant the transaction sees.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_kernel::{TenantId, UserId};
use utoipa::ToSchema;

use super::schema::consent_decisions;
use crate::domain::consent::{ConsentKind, ConsentVersion};

/// One decision.
#[derive(Clone, Debug, Serialize, ToSchema, Queryable, Selectable)]
#[serde(rename_all = "camelCase")]
#[diesel(table_name = consent_decisions)]
pub struct Decision {
    pub kind: ConsentKind,
    #[schema(example = "2026-11")]
    pub version: String,
    pub granted: bool,
    pub decided_at: DateTime<Utc>,
}

/// Everything somebody decided, the oldest first.
pub async fn history_here(tx: &mut Connection, user: UserId) -> QueryResult<Vec<Decision>> {
    consent_decisions::table
        .filter(consent_decisions::user_id.eq(user))
        .order(consent_decisions::number)
        .select(Decision::as_select())
        .load(tx)
        .await
}

pub async fn record(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (kind, version, granted): (ConsentKind, &ConsentVersion, bool),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(consent_decisions::table)
        .values((
            consent_decisions::tenant_id.eq(tenant),
            consent_decisions::user_id.eq(user),
            consent_decisions::kind.eq(kind),
            consent_decisions::version.eq(version.as_str()),
            consent_decisions::granted.eq(granted),
            consent_decisions::decided_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn delete_here(tx: &mut Connection, users: &[UserId]) -> QueryResult<()> {
    diesel::delete(consent_decisions::table.filter(consent_decisions::user_id.eq_any(users)))
        .execute(tx)
        .await
        .map(drop)
}
