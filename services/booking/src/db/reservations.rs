//! Reservations in the database: reading them, and changing their status by compare-and-set.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension as _, QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_contracts::{ClassSessionId, ReservationId};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};

use crate::domain::{Reservation, Transition};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: ReservationId,
    #[diesel(sql_type = SqlUuid)]
    session_id: ClassSessionId,
    #[diesel(sql_type = SqlUuid)]
    customer_id: UserId,
    #[diesel(sql_type = Integer)]
    seats: i32,
    #[diesel(sql_type = Integer)]
    credits: i32,
    #[diesel(sql_type = Text)]
    status: ReservationStatus,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    hold_expires_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    cancel_deadline: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    idempotency_key: String,
    #[diesel(sql_type = Integer)]
    credits_refunded: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    class_title: String,
    #[diesel(sql_type = Timestamptz)]
    starts_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    ends_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    location: Option<String>,
}

impl From<Row> for Reservation {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            session_id: row.session_id,
            customer_id: row.customer_id,
            seats: row.seats,
            credits: row.credits,
            status: row.status,
            version: row.version,
            hold_expires_at: row.hold_expires_at,
            cancel_deadline: row.cancel_deadline,
            idempotency_key: row.idempotency_key,
            credits_refunded: row.credits_refunded,
            created_at: row.created_at,
            class_title: row.class_title,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            location: row.location,
        }
    }
}

/// What every reading statement selects and from where. `input` gives the tenant.
macro_rules! whole_reservation {
    () => {
        " SELECT r.id, r.session_id, r.customer_id, r.seats, r.credits, r.status, r.version, r.hold_expires_at,
            r.cancel_deadline, r.idempotency_key, r.credits_refunded, r.created_at, c.title AS class_title,
            s.starts_at, s.ends_at, s.location
        FROM input
        JOIN reservations r ON r.tenant_id = input.tenant
        JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
        JOIN classes c ON c.tenant_id = s.tenant_id AND c.id = s.class_id "
    };
}

prepared_query! {
    struct Find { tenant: TenantId as Uuid, wanted: ReservationId as Uuid }
    concat!(whole_reservation!(), "WHERE r.id = input.wanted")
}

pub async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    id: ReservationId,
) -> QueryResult<Option<Reservation>> {
    let row = Find { tenant, wanted: id }.get_result::<Row>(tx).await.optional()?;
    Ok(row.map(Reservation::from))
}

prepared_query! {
    struct FindByKey { tenant: TenantId as Uuid, customer: UserId as Uuid, request_key: String as Text }
    concat!(whole_reservation!(), "WHERE r.customer_id = input.customer AND r.idempotency_key = input.request_key
        ORDER BY r.id DESC LIMIT 1")
}

/// What the request with this key made.
pub async fn find_by_key(
    tx: &mut Connection,
    tenant: TenantId,
    customer: UserId,
    key: &str,
) -> QueryResult<Option<Reservation>> {
    let query = FindByKey { tenant, customer, request_key: key.to_owned() };
    let row = query.get_result::<Row>(tx).await.optional()?;
    Ok(row.map(Reservation::from))
}

prepared_query! {
    struct ListOfCustomer {
        tenant: TenantId as Uuid,
        customer: UserId as Uuid,
        before: Option<ReservationId> as Nullable<Uuid>,
        most: i64 as BigInt,
    }
    concat!(whole_reservation!(), "WHERE r.customer_id = input.customer AND r.id < coalesce(input.before, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        ORDER BY r.id DESC LIMIT (SELECT most FROM input)")
}

/// A person's reservations, newest first.
pub async fn list_of_customer(
    tx: &mut Connection,
    tenant: TenantId,
    customer: UserId,
    before: Option<ReservationId>,
    most: i64,
) -> QueryResult<Vec<Reservation>> {
    let query = ListOfCustomer { tenant, customer, before, most };
    Ok(query.load::<Row>(tx).await?.into_iter().map(Reservation::from).collect())
}

prepared_query! {
    struct ListActiveOfCustomer { tenant: TenantId as Uuid, customer: UserId as Uuid, now: DateTime<Utc> as Timestamptz }
    concat!(whole_reservation!(), "WHERE r.customer_id = input.customer AND r.status IN ('pending', 'confirmed')
        AND s.starts_at > input.now ORDER BY r.id")
}

/// What a person has still before them.
pub async fn list_active_of_customer(
    tx: &mut Connection,
    tenant: TenantId,
    customer: UserId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Reservation>> {
    let query = ListActiveOfCustomer { tenant, customer, now };
    Ok(query.load::<Row>(tx).await?.into_iter().map(Reservation::from).collect())
}

prepared_query! {
    struct ListLapsed { tenant: TenantId as Uuid, now: DateTime<Utc> as Timestamptz, most: i64 as BigInt }
    concat!(whole_reservation!(), "WHERE r.status = 'pending' AND r.hold_expires_at <= input.now
        ORDER BY r.hold_expires_at LIMIT (SELECT most FROM input)")
}

/// Pending reservations that nobody settled in time.
pub async fn list_lapsed(
    tx: &mut Connection,
    tenant: TenantId,
    now: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<Reservation>> {
    let query = ListLapsed { tenant, now, most };
    Ok(query.load::<Row>(tx).await?.into_iter().map(Reservation::from).collect())
}

prepared_query! {
    struct ChangeStatus {
        tenant: TenantId as Uuid,
        changing: ReservationId as Uuid,
        from_status: ReservationStatus as Text,
        from_version: i32 as Integer,
        to_status: ReservationStatus as Text,
        refunded: i32 as Integer,
        frees_seats: bool as Bool,
        confirms: bool as Bool,
        at: DateTime<Utc> as Timestamptz,
    }
    ", changed AS (
        UPDATE reservations r SET status = input.to_status, version = r.version + 1, changed_at = input.at,
            credits_refunded = input.refunded, confirmed_at = CASE WHEN input.confirms THEN input.at ELSE r.confirmed_at END
        FROM input
        WHERE r.tenant_id = input.tenant AND r.id = input.changing
          AND r.status = input.from_status AND r.version = input.from_version
        RETURNING r.session_id, r.seats
    ), freed AS (
        UPDATE sessions s SET taken = s.taken - changed.seats FROM changed, input
        WHERE input.frees_seats AND s.tenant_id = input.tenant AND s.id = changed.session_id
    )
    SELECT count(*) AS changed FROM changed"
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    changed: i64,
}

/// Carries out `transition`, and frees the seats where it does; false when somebody else was faster. One round trip.
pub async fn change_status(
    tx: &mut Connection,
    tenant: TenantId,
    reservation: &Reservation,
    transition: &Transition,
) -> QueryResult<bool> {
    let change = ChangeStatus {
        tenant,
        changing: reservation.id,
        from_status: transition.from,
        from_version: reservation.version,
        to_status: transition.to,
        refunded: transition.credits_refunded,
        frees_seats: transition.frees_seats(),
        confirms: transition.to == ReservationStatus::Confirmed,
        at: transition.at,
    };
    Ok(change.get_result::<Changed>(tx).await?.changed == 1)
}

/// What credits asks about, and the reconciler compares.
#[derive(Clone, Debug, QueryableByName)]
pub struct Standing {
    #[diesel(sql_type = SqlUuid)]
    pub id: ReservationId,
    #[diesel(sql_type = SqlUuid)]
    pub customer_id: UserId,
    #[diesel(sql_type = Text)]
    pub status: ReservationStatus,
    #[diesel(sql_type = Integer)]
    pub credits: i32,
    #[diesel(sql_type = Timestamptz)]
    pub changed_at: DateTime<Utc>,
}

prepared_query! {
    struct ListStandings {
        tenant: TenantId as Uuid,
        after: Option<ReservationId> as Nullable<Uuid>,
        most: i64 as BigInt,
    }
    " SELECT r.id, r.customer_id, r.status, r.credits, r.changed_at FROM input, reservations r
    WHERE r.tenant_id = input.tenant AND r.id > coalesce(input.after, '00000000-0000-0000-0000-000000000000')
    ORDER BY r.id LIMIT (SELECT most FROM input)"
}

/// Reservations by id, after one.
pub async fn list_standings(
    tx: &mut Connection,
    tenant: TenantId,
    after: Option<ReservationId>,
    most: i64,
) -> QueryResult<Vec<Standing>> {
    ListStandings { tenant, after, most }.load(tx).await
}

prepared_query! {
    struct StandingsOf { tenant: TenantId as Uuid, ids: serde_json::Value as Jsonb }
    " SELECT r.id, r.customer_id, r.status, r.credits, r.changed_at
    FROM input, jsonb_array_elements_text(input.ids) AS wanted, reservations r
    WHERE r.tenant_id = input.tenant AND r.id = wanted::uuid"
}

/// Of these reservations, those that exist.
pub async fn standings_of(
    tx: &mut Connection,
    tenant: TenantId,
    ids: Vec<ReservationId>,
) -> QueryResult<Vec<Standing>> {
    let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().into();
    StandingsOf { tenant, ids }.load(tx).await
}

prepared_query! {
    struct ListConfirmedPriced {
        tenant: TenantId as Uuid,
        after: Option<ReservationId> as Nullable<Uuid>,
        up_to: Option<ReservationId> as Nullable<Uuid>,
        changed_before: DateTime<Utc> as Timestamptz,
    }
    " SELECT r.id, r.customer_id, r.status, r.credits, r.changed_at FROM input, reservations r
    WHERE r.tenant_id = input.tenant AND r.id > coalesce(input.after, '00000000-0000-0000-0000-000000000000')
      AND r.id <= coalesce(input.up_to, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND r.status = 'confirmed' AND r.credits > 0 AND r.changed_at < input.changed_before
    ORDER BY r.id"
}

/// What is confirmed and has a price, by id: after one and up to another, and unchanged since `changed_before`.
pub async fn list_confirmed_priced(
    tx: &mut Connection,
    tenant: TenantId,
    (after, up_to): (Option<ReservationId>, Option<ReservationId>),
    changed_before: DateTime<Utc>,
) -> QueryResult<Vec<ReservationId>> {
    let query = ListConfirmedPriced { tenant, after, up_to, changed_before };
    Ok(query.load::<Standing>(tx).await?.into_iter().map(|standing| standing.id).collect())
}
