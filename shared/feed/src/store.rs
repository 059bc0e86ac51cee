//! The log's own reads and writes.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension as _, QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::{Aggregate, Event, Position};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{Actor, TenantId};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text, column_name = "type")]
    type_name: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    for_tenant: Option<TenantId>,
    #[diesel(sql_type = Text)]
    aggregate_type: String,
    #[diesel(sql_type = SqlUuid)]
    aggregate_id: Uuid,
    #[diesel(sql_type = BigInt)]
    aggregate_seq: i64,
    #[diesel(sql_type = Jsonb)]
    actor: serde_json::Value,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = Jsonb)]
    data: serde_json::Value,
    #[diesel(sql_type = Nullable<Jsonb>)]
    personal: Option<serde_json::Value>,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        Self {
            position: Position { transaction: row.transaction, number: row.number },
            id: row.id,
            r#type: row.type_name,
            version: row.version,
            occurred_at: row.occurred_at,
            tenant_id: row.for_tenant,
            aggregate: Aggregate { r#type: row.aggregate_type, id: row.aggregate_id, seq: row.aggregate_seq },
            actor: serde_json::from_value(row.actor).unwrap_or(Actor::Anonymous),
            traceparent: row.traceparent,
            data: row.data,
            personal: row.personal,
        }
    }
}

prepared_query! {
    struct After { after_transaction: i64 as BigInt, after_number: i64 as BigInt, most: i32 as Integer }
    // A running transaction with a smaller id may still commit an event that belongs before: everything from the oldest
    // running one on is held back.
    " SELECT transaction, number, id, type, version, occurred_at, for_tenant, aggregate_type, aggregate_id,
        aggregate_seq, actor, traceparent, data, personal
    FROM events
    WHERE (transaction, number) > ((SELECT after_transaction FROM input), (SELECT after_number FROM input))
      AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, number LIMIT (SELECT most FROM input)"
}

/// Events after `position`, oldest first, without gaps.
pub(crate) async fn events_after(
    tx: &mut Connection,
    position: Position,
    most: i32,
) -> QueryResult<Vec<Event>> {
    let query = After { after_transaction: position.transaction, after_number: position.number, most };
    Ok(query.load::<Row>(tx).await?.into_iter().map(Event::from).collect())
}

#[derive(QueryableByName)]
struct CursorRow {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

prepared_query! {
    struct ReadCursor { feed_name: String as Text }
    " SELECT transaction, number FROM feed_cursors, input WHERE feed = feed_name"
}

/// Where the reader of `feed` stands; the start when it never read.
pub(crate) async fn cursor(tx: &mut Connection, feed: &str) -> QueryResult<Position> {
    let row = ReadCursor { feed_name: feed.to_owned() }.get_result::<CursorRow>(tx).await.optional()?;
    Ok(row.map_or(Position::START, |row| Position { transaction: row.transaction, number: row.number }))
}

prepared_query! {
    struct Advance {
        feed_name: String as Text,
        from_transaction: i64 as BigInt,
        from_number: i64 as BigInt,
        to_transaction: i64 as BigInt,
        to_number: i64 as BigInt,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO feed_cursors AS c (feed, transaction, number, advanced_at)
    SELECT feed_name, to_transaction, to_number, now FROM input
    ON CONFLICT (feed) DO UPDATE
        SET transaction = excluded.transaction, number = excluded.number, advanced_at = excluded.advanced_at
        WHERE (c.transaction, c.number) = ((SELECT from_transaction FROM input), (SELECT from_number FROM input))"
}

/// Moves the cursor from `from` to `to`; false when another replica has moved it meanwhile.
pub(crate) async fn advance(
    tx: &mut Connection,
    feed: &str,
    from: Position,
    to: Position,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let query = Advance {
        feed_name: feed.to_owned(),
        from_transaction: from.transaction,
        from_number: from.number,
        to_transaction: to.transaction,
        to_number: to.number,
        now,
    };
    Ok(query.execute(tx).await? == 1)
}

prepared_query! {
    struct Park {
        feed_name: String as Text,
        transaction: i64 as BigInt,
        number: i64 as BigInt,
        aggregate_type: String as Text,
        aggregate_id: Uuid as Uuid,
        event: serde_json::Value as Jsonb,
        reason: String as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO parked_events (feed, transaction, number, aggregate_type, aggregate_id, event, reason, parked_at)
    SELECT feed_name, transaction, number, aggregate_type, aggregate_id, event, reason, now FROM input
    ON CONFLICT DO NOTHING"
}

/// Puts an event aside.
pub(crate) async fn park(
    tx: &mut Connection,
    feed: &str,
    event: &Event,
    reason: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let json = serde_json::to_value(event)
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    Park {
        feed_name: feed.to_owned(),
        transaction: event.position.transaction,
        number: event.position.number,
        aggregate_type: event.aggregate.r#type.clone(),
        aggregate_id: event.aggregate.id,
        event: json,
        reason: reason.to_owned(),
        now,
    }
    .execute(tx)
    .await
    .map(drop)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    parked: i64,
}

prepared_query! {
    struct CountParked { feed_name: String as Text, about_type: String as Text, about_id: Uuid as Uuid }
    " SELECT count(*) AS parked FROM parked_events, input
    WHERE feed = feed_name AND aggregate_type = about_type AND aggregate_id = about_id"
}

/// Does an earlier event of the same aggregate wait aside? Then this one has to wait behind it.
pub(crate) async fn is_behind_parked(tx: &mut Connection, feed: &str, event: &Event) -> QueryResult<bool> {
    let query = CountParked {
        feed_name: feed.to_owned(),
        about_type: event.aggregate.r#type.clone(),
        about_id: event.aggregate.id,
    };
    Ok(query.get_result::<Count>(tx).await?.parked > 0)
}

#[derive(QueryableByName)]
struct ParkedRow {
    #[diesel(sql_type = Jsonb)]
    event: serde_json::Value,
}

prepared_query! {
    struct NextParked { feed_name: String as Text, after_transaction: i64 as BigInt, after_number: i64 as BigInt }
    " SELECT event FROM parked_events p, input
    WHERE feed = feed_name AND (transaction, number) > (after_transaction, after_number)
      AND NOT EXISTS (SELECT FROM parked_events earlier
          WHERE earlier.feed = p.feed AND earlier.aggregate_type = p.aggregate_type
            AND earlier.aggregate_id = p.aggregate_id
            AND (earlier.transaction, earlier.number) < (p.transaction, p.number))
    ORDER BY transaction, number LIMIT 1"
}

/// The first parked event after `position` that waits behind no other.
pub(crate) async fn next_parked(
    tx: &mut Connection,
    feed: &str,
    position: Position,
) -> QueryResult<Option<Event>> {
    let query = NextParked {
        feed_name: feed.to_owned(),
        after_transaction: position.transaction,
        after_number: position.number,
    };
    let Some(row) = query.get_result::<ParkedRow>(tx).await.optional()? else { return Ok(None) };
    serde_json::from_value(row.event)
        .map(Some)
        .map_err(|error| diesel::result::Error::DeserializationError(error.into()))
}

prepared_query! {
    struct Unpark { feed_name: String as Text, at_transaction: i64 as BigInt, at_number: i64 as BigInt }
    " DELETE FROM parked_events USING input
    WHERE feed = feed_name AND transaction = at_transaction AND number = at_number"
}

/// Takes an event back that was put aside; false when it no longer is.
pub(crate) async fn unpark(tx: &mut Connection, feed: &str, position: Position) -> QueryResult<bool> {
    let query = Unpark {
        feed_name: feed.to_owned(),
        at_transaction: position.transaction,
        at_number: position.number,
    };
    Ok(query.execute(tx).await? == 1)
}

prepared_query! {
    struct IsPast {
        feed_name: String as Text,
        needed_name: String as Text,
        to_transaction: i64 as BigInt,
        to_number: i64 as BigInt,
        about_type: String as Text,
        about_id: Uuid as Uuid,
    }
    ", cursors AS (
        SELECT c.feed, (c.transaction, c.number) >= (to_transaction, to_number) AS past
        FROM feed_cursors c, input WHERE c.feed = feed_name OR starts_with(c.feed, feed_name || '/')
    )
    SELECT coalesce((SELECT bool_and(past) AND bool_or(cursors.feed = needed_name) FROM cursors), false)
        AND NOT EXISTS (SELECT FROM parked_events p
            WHERE (p.feed = feed_name OR starts_with(p.feed, feed_name || '/'))
              AND p.aggregate_type = about_type AND p.aggregate_id = about_id) AS done
    FROM input"
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    done: bool,
}

/// Have all subscriptions to `feed`, among them the one called `needed`, passed `position`, with nothing put aside that is about
/// this aggregate?
pub async fn is_past(
    tx: &mut Connection,
    (feed, needed): (&str, &str),
    position: Position,
    (about_type, about_id): (&str, Uuid),
) -> QueryResult<bool> {
    let query = IsPast {
        feed_name: feed.to_owned(),
        needed_name: needed.to_owned(),
        to_transaction: position.transaction,
        to_number: position.number,
        about_type: about_type.to_owned(),
        about_id,
    };
    query.get_result::<Done>(tx).await.map(|row| row.done)
}
