//! Recording an event in the transaction that makes it true.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::EventPayload;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{Actor, Clock, TenantId};
use uuid::Uuid;

/// The circumstances of an event.
#[derive(Clone, Debug)]
pub struct Occurrence<'a> {
    pub clock: &'a Clock,
    pub tenant: Option<TenantId>,
    pub actor: Actor,
}

prepared_query! {
    struct Append {
        id: Uuid as Uuid,
        type_name: String as Text,
        version: i32 as Integer,
        occurred_at: DateTime<Utc> as Timestamptz,
        for_tenant: Option<TenantId> as Nullable<Uuid>,
        aggregate_type: String as Text,
        aggregate_id: Uuid as Uuid,
        actor: serde_json::Value as Jsonb,
        traceparent: Option<String> as Nullable<Text>,
        data: serde_json::Value as Jsonb,
        personal: Option<serde_json::Value> as Nullable<Jsonb>,
    }
    " SELECT append_event(id, type_name, version, occurred_at, for_tenant, aggregate_type, aggregate_id, actor,
        traceparent, data, personal) AS seq FROM input"
}

#[derive(QueryableByName)]
struct Appended {
    #[diesel(sql_type = BigInt)]
    seq: i64,
}

/// Records that `payload` happened to the aggregate `id`, and returns the event's number within that aggregate.
///
/// One round trip. Subscribers see it once the transaction has committed, in the order of the aggregate's events.
pub async fn append<P: EventPayload>(
    tx: &mut Connection,
    occurrence: &Occurrence<'_>,
    id: Uuid,
    payload: &P,
    personal: Option<&P::Personal>,
) -> diesel::QueryResult<i64> {
    let json = |error: serde_json::Error| diesel::result::Error::SerializationError(error.into());
    let appended: Appended = Append {
        id: occurrence.clock.new_uuid(),
        type_name: P::TYPE.to_owned(),
        version: P::VERSION,
        occurred_at: occurrence.clock.now(),
        for_tenant: occurrence.tenant,
        aggregate_type: P::AGGREGATE.to_owned(),
        aggregate_id: id,
        actor: serde_json::to_value(&occurrence.actor).map_err(json)?,
        traceparent: shinkofa_web::current_traceparent(),
        data: serde_json::to_value(payload).map_err(json)?,
        personal: personal.map(serde_json::to_value).transpose().map_err(json)?,
    }
    .get_result(tx)
    .await?;
    Ok(appended.seq)
}

prepared_query! {
    struct AppendEach {
        ids: Vec<Uuid> as Array<Uuid>,
        type_name: String as Text,
        version: i32 as Integer,
        occurred_at: DateTime<Utc> as Timestamptz,
        for_tenant: Option<TenantId> as Nullable<Uuid>,
        aggregate_type: String as Text,
        aggregate_ids: Vec<Uuid> as Array<Uuid>,
        actor: serde_json::Value as Jsonb,
        traceparent: Option<String> as Nullable<Text>,
        contents: Vec<serde_json::Value> as Array<Jsonb>,
    }
    " SELECT append_event(event.id, input.type_name, input.version, input.occurred_at, input.for_tenant,
        input.aggregate_type, event.aggregate_id, input.actor, input.traceparent, event.content, NULL::jsonb) AS seq
    FROM input, unnest(input.ids, input.aggregate_ids, input.contents) AS event (id, aggregate_id, content)"
}

/// Records the same of many aggregates, each with its payload and without a personal part, in their order. One round trip.
pub async fn append_each<P: EventPayload>(
    tx: &mut Connection,
    occurrence: &Occurrence<'_>,
    payloads: &[(Uuid, P)],
) -> diesel::QueryResult<()> {
    let json = |error: serde_json::Error| diesel::result::Error::SerializationError(error.into());
    let contents: Result<Vec<_>, _> =
        payloads.iter().map(|(_, payload)| serde_json::to_value(payload)).collect();
    AppendEach {
        ids: payloads.iter().map(|_| occurrence.clock.new_uuid()).collect(),
        type_name: P::TYPE.to_owned(),
        version: P::VERSION,
        occurred_at: occurrence.clock.now(),
        for_tenant: occurrence.tenant,
        aggregate_type: P::AGGREGATE.to_owned(),
        aggregate_ids: payloads.iter().map(|(id, _)| *id).collect(),
        actor: serde_json::to_value(&occurrence.actor).map_err(json)?,
        traceparent: shinkofa_web::current_traceparent(),
        contents: contents.map_err(json)?,
    }
    .execute(tx)
    .await
    .map(drop)
}
