//! Holds: each movement is one call of a database function (see the migration `holds`), hence one round trip.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use shinkofa_contracts::ReservationId;
use shinkofa_contracts::credits::{Allocation, Hold, HoldState};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId, text_enum};
use uuid::Uuid;

use crate::db::schema::{hold_allocations, holds, lots};

text_enum! {
    /// What a function found. The migration says what each means.
    Outcome {
        Done => "done",
        Repeated => "repeated",
        Missing => "missing",
        Insufficient => "insufficient",
        Differs => "differs",
        Closed => "closed",
        Captured => "captured",
        Consumed => "consumed",
    }
}

/// What every function answers.
#[derive(Debug, QueryableByName)]
pub(crate) struct Answer {
    #[diesel(sql_type = Text)]
    pub(crate) outcome: Outcome,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    user_id: Option<UserId>,
    #[diesel(sql_type = Nullable<Integer>)]
    amount: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<HoldState>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    allocations: Option<serde_json::Value>,
}

impl Answer {
    /// The hold as it is now; `None` when there is none.
    pub(crate) fn hold(self, reservation_id: ReservationId) -> QueryResult<Option<Hold>> {
        let (Some(amount), Some(state), Some(allocations)) = (self.amount, self.state, self.allocations)
        else {
            return Ok(None);
        };
        let allocations: Vec<Allocation> = serde_json::from_value(allocations)
            .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
        Ok(Some(Hold { reservation_id, user_id: holder(self.user_id), amount, state, allocations }))
    }
}

/// A tombstone is nobody's.
fn holder(user: Option<UserId>) -> UserId {
    user.unwrap_or(UserId::from_uuid(Uuid::nil()))
}

prepared_query! {
    /// Sets credits aside, soonest expiry first.
    pub(crate) struct HoldCredits {
        tenant: TenantId as Uuid,
        reservation: ReservationId as Uuid,
        holder: UserId as Uuid,
        wanted: i32 as Integer,
        ends_at: DateTime<Utc> as Timestamptz,
        journal: Uuid as Uuid,
        at: DateTime<Utc> as Timestamptz,
    }
    " SELECT answer.* FROM input, hold_credits(input.tenant, input.reservation, input.holder, input.wanted,
        input.ends_at, input.journal, input.at) answer"
}

prepared_query! {
    /// Spends what was held.
    pub(crate) struct CaptureHold {
        tenant: TenantId as Uuid,
        reservation: ReservationId as Uuid,
        journal: Uuid as Uuid,
        at: DateTime<Utc> as Timestamptz,
    }
    " SELECT answer.* FROM input, capture_hold(input.tenant, input.reservation, input.journal, input.at) answer"
}

prepared_query! {
    /// Uses up what was spent, capturing it first where that is still to be done.
    pub(crate) struct ConsumeHold {
        tenant: TenantId as Uuid,
        reservation: ReservationId as Uuid,
        capture_journal: Uuid as Uuid,
        journal: Uuid as Uuid,
        at: DateTime<Utc> as Timestamptz,
    }
    " SELECT answer.* FROM input, consume_hold(input.tenant, input.reservation, input.capture_journal, input.journal,
        input.at) answer"
}

prepared_query! {
    /// Gives units back to their lots; `ending` is released, expired or refunded.
    pub(crate) struct ReturnHold {
        tenant: TenantId as Uuid,
        reservation: ReservationId as Uuid,
        ending: HoldState as Text,
        grace_until: DateTime<Utc> as Timestamptz,
        journal: Uuid as Uuid,
        at: DateTime<Utc> as Timestamptz,
    }
    " SELECT answer.* FROM input, return_hold(input.tenant, input.reservation, input.ending, input.grace_until,
        input.journal, input.at) answer"
}

prepared_query! {
    struct DescribeHold { tenant: TenantId as Uuid, reservation: ReservationId as Uuid }
    " SELECT answer.* FROM input, describe_hold(input.tenant, input.reservation, 'done') answer
    WHERE answer.outcome IS NOT NULL"
}

pub(crate) async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    reservation: ReservationId,
) -> QueryResult<Option<Hold>> {
    let answer: Option<Answer> = DescribeHold { tenant, reservation }.get_result(tx).await.optional()?;
    answer.map_or(Ok(None), |answer| answer.hold(reservation))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = holds)]
struct HoldRow {
    reservation_id: ReservationId,
    user_id: Option<UserId>,
    amount: i32,
    state: HoldState,
}

/// Up to `most` holds after `after`, in the order of their reservations.
pub(crate) async fn page(
    tx: &mut Connection,
    tenant: TenantId,
    (state, after): (Option<HoldState>, Option<ReservationId>),
    most: i64,
) -> QueryResult<Vec<Hold>> {
    let mut query = holds::table
        .filter(holds::tenant_id.eq(tenant))
        .order(holds::reservation_id)
        .limit(most)
        .select(HoldRow::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(holds::state.eq(state));
    }
    if let Some(after) = after {
        query = query.filter(holds::reservation_id.gt(after));
    }
    let rows: Vec<HoldRow> = query.load(tx).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.reservation_id).collect();
    let parts: Vec<(ReservationId, shinkofa_contracts::LotId, i32)> = hold_allocations::table
        .inner_join(lots::table.on(lots::tenant_id.eq(tenant).and(lots::id.eq(hold_allocations::lot_id))))
        .filter(hold_allocations::tenant_id.eq(tenant).and(hold_allocations::reservation_id.eq_any(ids)))
        .order((hold_allocations::reservation_id, lots::expires_at.asc().nulls_last(), lots::id))
        .select((hold_allocations::reservation_id, hold_allocations::lot_id, hold_allocations::amount))
        .load(tx)
        .await?;
    let of = |id: ReservationId| {
        let own = parts.iter().filter(move |part| part.0 == id);
        own.map(|(_, lot_id, amount)| Allocation { lot_id: *lot_id, amount: *amount }).collect()
    };
    Ok(rows
        .into_iter()
        .map(|row| Hold {
            reservation_id: row.reservation_id,
            user_id: holder(row.user_id),
            amount: row.amount,
            state: row.state,
            allocations: of(row.reservation_id),
        })
        .collect())
}

/// Holds whose time is over and that nobody settled.
pub(crate) async fn overdue(
    tx: &mut Connection,
    tenant: TenantId,
    now: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<ReservationId>> {
    holds::table
        .filter(
            holds::tenant_id.eq(tenant).and(holds::state.eq(HoldState::Held)).and(holds::expires_at.le(now)),
        )
        .order(holds::expires_at)
        .limit(most)
        .select(holds::reservation_id)
        .load(tx)
        .await
}

/// Asks later about a hold that is still held.
pub(crate) async fn extend(
    tx: &mut Connection,
    tenant: TenantId,
    reservation: ReservationId,
    until: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(holds::table.find((tenant, reservation)))
        .filter(holds::state.eq(HoldState::Held))
        .set(holds::expires_at.eq(until))
        .execute(tx)
        .await
        .map(drop)
}
