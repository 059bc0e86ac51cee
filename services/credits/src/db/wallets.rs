//! What a member has.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::LotId;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId, text_enum};
use uuid::Uuid;

use crate::db::schema::lots;

text_enum! {
    /// Where a lot came from.
    LotSource {
        /// A purchase.
        Payment => "payment",
        /// The studio gave it.
        Grant => "grant",
        /// Credits of an expired lot that came back, for a period of grace.
        Return => "return",
    }
}

/// A lot that has something to show: units to spend, or held ones.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = lots)]
pub(crate) struct LiveLot {
    pub(crate) id: LotId,
    pub(crate) remaining: i32,
    pub(crate) held: i32,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    #[diesel(column_name = source_type)]
    pub(crate) source: LotSource,
}

/// The live lots in the order they are spent.
pub(crate) async fn live_lots(
    tx: &mut Connection,
    tenant: TenantId,
    user: UserId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<LiveLot>> {
    lots::table
        .filter(lots::tenant_id.eq(tenant).and(lots::user_id.eq(user)))
        .filter(
            lots::held
                .gt(0)
                .or(lots::remaining.gt(0).and(lots::expires_at.is_null().or(lots::expires_at.gt(now)))),
        )
        .order((lots::expires_at.asc().nulls_last(), lots::id))
        .select(LiveLot::as_select())
        .load(tx)
        .await
}

/// Lots whose time is over and whose expiry is not booked yet, wallet by wallet.
pub(crate) async fn lapsed_lots(
    tx: &mut Connection,
    tenant: TenantId,
    now: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<LotId>> {
    lots::table
        .filter(lots::tenant_id.eq(tenant).and(lots::lapsed.eq(false)).and(lots::expires_at.le(now)))
        .order((lots::user_id, lots::id))
        .limit(most)
        .select(lots::id)
        .load(tx)
        .await
}

prepared_query! {
    struct ExpireLot { tenant: TenantId as Uuid, lot: LotId as Uuid, journal: Uuid as Uuid, at: DateTime<Utc> as Timestamptz }
    " SELECT expire_lot(input.tenant, input.lot, input.journal, input.at) AS units FROM input"
}

#[derive(QueryableByName)]
struct Units {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    units: i32,
}

/// Takes what is left of a lapsed lot; zero when somebody was faster.
pub(crate) async fn expire_lot(
    tx: &mut Connection,
    tenant: TenantId,
    lot: LotId,
    (journal, at): (Uuid, DateTime<Utc>),
) -> QueryResult<i32> {
    let expired: Units = ExpireLot { tenant, lot, journal, at }.get_result(tx).await?;
    Ok(expired.units)
}

/// Credits that come into a wallet together.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) lot: LotId,
    pub(crate) source: LotSource,
    /// What grants them. The same source and reference grant once.
    pub(crate) reference: String,
    pub(crate) credits: i32,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

prepared_query! {
    struct GrantCredits {
        tenant: TenantId as Uuid,
        holder: UserId as Uuid,
        lot: LotId as Uuid,
        source: LotSource as Text,
        reference: String as Text,
        quantity: i32 as Integer,
        ends_at: Option<DateTime<Utc>> as Nullable<Timestamptz>,
        journal: Uuid as Uuid,
        at: DateTime<Utc> as Timestamptz,
    }
    " SELECT grant_credits(input.tenant, input.holder, input.lot, input.source, input.reference, input.quantity,
        input.ends_at, input.journal, input.at) AS fresh FROM input"
}

#[derive(QueryableByName)]
struct Fresh {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    fresh: bool,
}

/// Adds a lot, and opens the wallet when there is none. False when this source has granted before: nothing changed.
pub(crate) async fn grant(
    tx: &mut Connection,
    grant: &Grant,
    (journal, at): (Uuid, DateTime<Utc>),
) -> QueryResult<bool> {
    let granted: Fresh = GrantCredits {
        tenant: grant.tenant,
        holder: grant.user,
        lot: grant.lot,
        source: grant.source,
        reference: grant.reference.clone(),
        quantity: grant.credits,
        ends_at: grant.expires_at,
        journal,
        at,
    }
    .get_result(tx)
    .await?;
    Ok(granted.fresh)
}
