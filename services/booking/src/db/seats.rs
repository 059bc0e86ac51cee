//! Taking seats: the one statement that decides who gets the last one.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::booking::ReservationStatus;
use shinkofa_contracts::{ClassSessionId, ReservationId};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};

use crate::domain::Reservation;

/// Who wants how many seats of which session, under which request.
#[derive(Clone, Debug)]
pub struct SeatRequest {
    pub tenant: TenantId,
    pub session: ClassSessionId,
    pub customer: UserId,
    pub seats: i32,
    pub idempotency_key: String,
}

/// Why there are no seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSuchSession,
    Started,
    AlreadyBooked,
    Full,
}

/// The reservation that keeps somebody from booking the same session again.
macro_rules! active_of_the_same_person {
    () => {
        "SELECT FROM reservations mine
        WHERE mine.tenant_id = input.tenant AND mine.session_id = input.session AND mine.customer_id = input.customer
          AND mine.status IN ('pending', 'confirmed', 'attended', 'no_show')
          AND NOT (mine.status = 'pending' AND mine.hold_expires_at <= input.now)"
    };
}

prepared_query! {
    struct Look {
        tenant: TenantId as Uuid,
        session: ClassSessionId as Uuid,
        customer: UserId as Uuid,
        wanted: i32 as Integer,
        operation_name: String as Text,
        request_key: String as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    concat!(" SELECT s.id IS NOT NULL AS found,
        coalesce(s.starts_at <= input.now, false) AS started,
        EXISTS (", active_of_the_same_person!(), ") AS already_booked,
        s.taken + input.wanted > s.capacity + (
            SELECT coalesce(sum(lapsed.seats), 0) FROM reservations lapsed
            WHERE lapsed.tenant_id = input.tenant AND lapsed.session_id = input.session
              AND lapsed.status = 'pending' AND lapsed.hold_expires_at <= input.now
        ) IS TRUE AS full_up,
        EXISTS (
            SELECT FROM idempotency_keys asked
            WHERE asked.for_tenant = input.tenant AND asked.caller = input.customer::text
              AND asked.operation = input.operation_name AND asked.key = input.request_key
        ) AS asked_before
    FROM input LEFT JOIN sessions s ON s.tenant_id = input.tenant AND s.id = input.session")
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Bool)]
    found: bool,
    #[diesel(sql_type = Bool)]
    started: bool,
    #[diesel(sql_type = Bool)]
    already_booked: bool,
    #[diesel(sql_type = Bool)]
    full_up: bool,
    #[diesel(sql_type = Bool)]
    asked_before: bool,
}

/// Says why a request that was never made before cannot succeed now, reading only: no lock, nothing written.
///
/// `None` promises nothing: [`take`] decides. A request that was made before is never refused here, because its answer
/// is the one it got then.
pub async fn look(
    tx: &mut Connection,
    request: &SeatRequest,
    operation: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<Refusal>> {
    let look = Look {
        tenant: request.tenant,
        session: request.session,
        customer: request.customer,
        wanted: request.seats,
        operation_name: operation.to_owned(),
        request_key: request.idempotency_key.clone(),
        now,
    };
    Ok(match look.get_result(tx).await? {
        Seen { asked_before: true, .. } => None,
        Seen { found: false, .. } => Some(Refusal::NoSuchSession),
        Seen { started: true, .. } => Some(Refusal::Started),
        Seen { already_booked: true, .. } => Some(Refusal::AlreadyBooked),
        Seen { full_up: true, .. } => Some(Refusal::Full),
        Seen { .. } => None,
    })
}

/// How the counter moves and what keeps it from passing the capacity.
#[cfg(not(feature = "unguarded"))]
macro_rules! counter {
    (set) => {
        "taken = s.taken + input.wanted - freed.seats"
    };
    (guard) => {
        "s.taken + input.wanted - freed.seats <= s.capacity"
    };
}

/// The negative control: whoever saw a free seat a moment ago gets one. The capacity is dragged along, so that the check
/// constraint behind the guard does not answer in its place.
#[cfg(feature = "unguarded")]
macro_rules! counter {
    (set) => {
        "taken = s.taken + input.wanted - freed.seats,
         capacity = greatest(s.capacity, s.taken + input.wanted - freed.seats)"
    };
    (guard) => {
        "true"
    };
}

prepared_query! {
    struct Take {
        tenant: TenantId as Uuid,
        new_id: ReservationId as Uuid,
        session: ClassSessionId as Uuid,
        customer: UserId as Uuid,
        wanted: i32 as Integer,
        request_key: String as Text,
        hold_until: DateTime<Utc> as Timestamptz,
        now: DateTime<Utc> as Timestamptz,
    }
    // Reservations are locked before their session everywhere, so bookings, cancellations and expiries cannot deadlock.
    // What another transaction is just freeing is skipped: its seats count for whoever comes after it. The inputs of `due`
    // are scalar, so that the planner looks up one session however few pending rows it expects in the whole index.
    concat!(", due AS (
        SELECT id FROM reservations
        WHERE tenant_id = (SELECT tenant FROM input) AND session_id = (SELECT session FROM input)
          AND status = 'pending' AND hold_expires_at <= (SELECT now FROM input)
        ORDER BY id FOR UPDATE SKIP LOCKED
    ), lapsed AS (
        UPDATE reservations r SET status = 'expired', version = r.version + 1, changed_at = input.now
        FROM due, input WHERE r.tenant_id = input.tenant AND r.id = due.id
        RETURNING r.id, r.seats
    ), freed AS (SELECT coalesce(sum(seats), 0)::int4 AS seats FROM lapsed
    ), taken AS (
        UPDATE sessions s SET ", counter!(set), "
        FROM input, freed
        WHERE s.tenant_id = input.tenant AND s.id = input.session AND s.starts_at > input.now AND ", counter!(guard), "
          AND NOT EXISTS (", active_of_the_same_person!(), ")
        RETURNING s.starts_at, s.credit_cost
    ), made AS (
        INSERT INTO reservations (tenant_id, id, session_id, customer_id, seats, credits, status, version,
            hold_expires_at, cancel_deadline, policy_version, idempotency_key, created_at, changed_at, confirmed_at)
        SELECT input.tenant, input.new_id, input.session, input.customer, input.wanted, taken.credit_cost * input.wanted,
            CASE taken.credit_cost WHEN 0 THEN 'confirmed' ELSE 'pending' END, 1, input.hold_until,
            taken.starts_at - policy.cancel_before_minutes * interval '1 minute', policy.version, input.request_key,
            input.now, input.now, CASE taken.credit_cost WHEN 0 THEN input.now END
        FROM input, taken, (
            SELECT version, cancel_before_minutes FROM policies, input WHERE tenant_id = input.tenant
            ORDER BY version DESC LIMIT 1
        ) policy
        ON CONFLICT (tenant_id, session_id, customer_id) WHERE status IN ('pending', 'confirmed', 'attended', 'no_show')
            DO NOTHING
        RETURNING credits, status, cancel_deadline
    )
    SELECT s.starts_at, s.ends_at, s.location, c.title AS class_title,
        s.starts_at <= input.now AS started,
        EXISTS (SELECT FROM taken) AS had_room,
        NOT EXISTS (SELECT FROM taken) AND EXISTS (", active_of_the_same_person!(), ") AS already_booked,
        made.credits, made.status, made.cancel_deadline,
        ARRAY(SELECT id FROM lapsed) AS lapsed
    FROM input
    LEFT JOIN (sessions s JOIN classes c ON c.tenant_id = s.tenant_id AND c.id = s.class_id)
        ON s.tenant_id = input.tenant AND s.id = input.session
    LEFT JOIN made ON true")
}

#[derive(QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    starts_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ends_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    location: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    class_title: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    started: Option<bool>,
    #[diesel(sql_type = Bool)]
    had_room: bool,
    #[diesel(sql_type = Bool)]
    already_booked: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    credits: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<ReservationStatus>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    cancel_deadline: Option<DateTime<Utc>>,
    #[diesel(sql_type = diesel::sql_types::Array<SqlUuid>)]
    lapsed: Vec<ReservationId>,
}

/// Seats that were taken, and the lapsed reservations that had to give theirs up for it.
#[derive(Clone, Debug)]
pub struct Taken {
    pub reservation: Reservation,
    pub lapsed: Vec<ReservationId>,
}

/// Takes the seats and makes the reservation, pending or, where there is nothing to pay, confirmed. One round trip.
///
/// A full session fails the predicate without its row being locked. After a refusal the transaction must be rolled back:
/// the statement may have moved the counter before it met the reservation that a rival of the same person just made.
pub async fn take(
    tx: &mut Connection,
    request: &SeatRequest,
    id: ReservationId,
    hold_expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<Result<Taken, Refusal>> {
    let take = Take {
        tenant: request.tenant,
        new_id: id,
        session: request.session,
        customer: request.customer,
        wanted: request.seats,
        request_key: request.idempotency_key.clone(),
        hold_until: hold_expires_at,
        now,
    };
    Ok(match take.get_result(tx).await? {
        Outcome {
            starts_at: Some(starts_at),
            ends_at: Some(ends_at),
            class_title: Some(class_title),
            credits: Some(credits),
            status: Some(status),
            cancel_deadline: Some(cancel_deadline),
            location,
            lapsed,
            ..
        } => Ok(Taken {
            reservation: Reservation {
                id,
                session_id: request.session,
                customer_id: request.customer,
                seats: request.seats,
                credits,
                status,
                version: 1,
                hold_expires_at,
                cancel_deadline,
                idempotency_key: request.idempotency_key.clone(),
                credits_refunded: 0,
                created_at: now,
                class_title,
                starts_at,
                ends_at,
                location,
            },
            lapsed,
        }),
        Outcome { starts_at: None, .. } => Err(Refusal::NoSuchSession),
        Outcome { started: Some(true), .. } => Err(Refusal::Started),
        // The counter moved and the reservation was not made: a rival of the same person's was committed meanwhile.
        Outcome { had_room: true, .. } | Outcome { already_booked: true, .. } => Err(Refusal::AlreadyBooked),
        Outcome { .. } => Err(Refusal::Full),
    })
}
