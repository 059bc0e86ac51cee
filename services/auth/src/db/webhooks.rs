//! Where a tenant is told what happens, and what is on its way there.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{TenantId, UserId, typed_id};

use super::portions::delete_portion;
use super::schema::{webhook_deliveries, webhook_endpoints};
use super::scope;
use crate::domain::webhook::{DeliveryFailure, DeliveryState, EventTypes, MOST_PENDING, Previous};

typed_id! {
    /// Where a tenant is told what happens.
    WebhookId
}

typed_id! {
    /// One event on its way to one endpoint.
    DeliveryId
}

impl DeliveryId {
    /// When it was put on its way, to the millisecond that its id keeps.
    pub fn made_at(self) -> DateTime<Utc> {
        let (seconds, nanos) = self.as_uuid().get_timestamp().map_or((0, 0), |stamp| stamp.to_unix());
        DateTime::from_timestamp(i64::try_from(seconds).unwrap_or_default(), nanos).unwrap_or_default()
    }

    /// A number that others of the same moment do not have.
    pub fn spread(self) -> u8 {
        let [.., last] = self.as_uuid().into_bytes();
        last
    }
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_endpoints)]
pub struct Endpoint {
    pub id: WebhookId,
    pub url: String,
    pub description: String,
    pub event_types: String,
    pub secret_sealed: String,
    pub previous_sealed: Option<String>,
    pub previous_until: Option<DateTime<Utc>>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub given_up: i32,
}

impl Endpoint {
    /// A secret is sealed for its endpoint: a row cannot borrow another one's.
    pub fn sealed_for(id: WebhookId) -> String {
        format!("webhook_secret:{id}")
    }

    pub fn event_types(&self) -> EventTypes {
        EventTypes::kept(&self.event_types)
    }
}

#[derive(Insertable)]
#[diesel(table_name = webhook_endpoints)]
pub struct NewEndpoint<'a> {
    pub tenant_id: TenantId,
    pub id: WebhookId,
    pub url: &'a str,
    pub description: &'a str,
    pub event_types: String,
    pub secret_sealed: String,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, endpoint: &NewEndpoint<'_>) -> QueryResult<Endpoint> {
    diesel::insert_into(webhook_endpoints::table)
        .values(endpoint)
        .returning(Endpoint::as_returning())
        .get_result(tx)
        .await
}

pub async fn count(tx: &mut Connection, tenant: TenantId) -> QueryResult<i64> {
    webhook_endpoints::table.filter(webhook_endpoints::tenant_id.eq(tenant)).count().get_result(tx).await
}

/// All of a tenant, in the order in which they were made.
pub async fn list(tx: &mut Connection, tenant: TenantId) -> QueryResult<Vec<Endpoint>> {
    webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant))
        .order((webhook_endpoints::created_at, webhook_endpoints::id))
        .select(Endpoint::as_select())
        .load(tx)
        .await
}

pub async fn find(tx: &mut Connection, tenant: TenantId, id: WebhookId) -> QueryResult<Option<Endpoint>> {
    let tenant = scope::tenant_of_row(tx, tenant, ("webhook_endpoints", "id", id.as_uuid())).await?;
    webhook_endpoints::table.find((tenant, id)).select(Endpoint::as_select()).first(tx).await.optional()
}

/// Those among these that are not disabled, in the order in which they are locked.
pub async fn enabled_among(
    tx: &mut Connection,
    tenant: TenantId,
    ids: &[WebhookId],
) -> QueryResult<Vec<WebhookId>> {
    webhook_endpoints::table
        .filter(webhook_endpoints::tenant_id.eq(tenant).and(webhook_endpoints::id.eq_any(ids)))
        .filter(webhook_endpoints::disabled_at.is_null())
        .order(webhook_endpoints::id)
        .select(webhook_endpoints::id)
        .load(tx)
        .await
}

/// Finds an endpoint and keeps others from changing it until the transaction ends.
pub async fn lock(tx: &mut Connection, tenant: TenantId, id: WebhookId) -> QueryResult<Option<Endpoint>> {
    let row = webhook_endpoints::table.find((tenant, id)).select(Endpoint::as_select()).for_no_key_update();
    row.first(tx).await.optional()
}

pub async fn change(
    tx: &mut Connection,
    (tenant, id): (TenantId, WebhookId),
    (url, description, event_types): (&str, &str, &EventTypes),
) -> QueryResult<()> {
    diesel::update(webhook_endpoints::table.find((tenant, id)))
        .set((
            webhook_endpoints::url.eq(url),
            webhook_endpoints::description.eq(description),
            webhook_endpoints::event_types.eq(event_types.to_text()),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Disables an endpoint, or enables it again with nothing held against it.
pub async fn set_disabled(
    tx: &mut Connection,
    (tenant, id): (TenantId, WebhookId),
    disabled_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    diesel::update(webhook_endpoints::table.find((tenant, id)))
        .set((webhook_endpoints::disabled_at.eq(disabled_at), webhook_endpoints::given_up.eq(0)))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn count_given_up(
    tx: &mut Connection,
    (tenant, id): (TenantId, WebhookId),
    given_up: i32,
) -> QueryResult<()> {
    diesel::update(webhook_endpoints::table.find((tenant, id)))
        .set(webhook_endpoints::given_up.eq(given_up))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn set_secrets(
    tx: &mut Connection,
    (tenant, id): (TenantId, WebhookId),
    (secret, previous): (&str, Option<Previous<'_>>),
) -> QueryResult<()> {
    let (previous_sealed, until) = previous.unzip();
    diesel::update(webhook_endpoints::table.find((tenant, id)))
        .set((
            webhook_endpoints::secret_sealed.eq(secret),
            webhook_endpoints::previous_sealed.eq(previous_sealed),
            webhook_endpoints::previous_until.eq(until),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Endpoints with a secret that another key than `kid` sealed, held until the transaction ends, in the tenant that it sees.
pub async fn lock_sealed_otherwise_here(tx: &mut Connection, kid: &str) -> QueryResult<Vec<Endpoint>> {
    let by_it = format!("{kid}.");
    let mut known: Vec<Endpoint> = webhook_endpoints::table
        .order(webhook_endpoints::id)
        .select(Endpoint::as_select())
        .for_no_key_update()
        .load(tx)
        .await?;
    known.retain(|endpoint| {
        let mut sealed =
            [Some(&endpoint.secret_sealed), endpoint.previous_sealed.as_ref()].into_iter().flatten();
        sealed.any(|text| !text.starts_with(&by_it))
    });
    Ok(known)
}

/// Deletes an endpoint. Its deliveries are left, where nobody sees them.
pub async fn delete(tx: &mut Connection, tenant: TenantId, id: WebhookId) -> QueryResult<()> {
    diesel::delete(webhook_endpoints::table.find((tenant, id))).execute(tx).await.map(drop)
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub struct Delivery {
    pub id: DeliveryId,
    pub endpoint_id: WebhookId,
    pub event_id: Uuid,
    pub event_type: String,
    pub payload: serde_json::Value,
    pub state: DeliveryState,
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub last_attempt_at: Option<DateTime<Utc>>,
    pub last_status: Option<i32>,
    pub last_failure: Option<DeliveryFailure>,
}

/// What is to be told.
pub struct Telling<'a> {
    pub tenant: TenantId,
    pub event_id: Uuid,
    pub event_type: &'a str,
    pub payload: &'a serde_json::Value,
    pub at: DateTime<Utc>,
}

#[derive(Insertable)]
#[diesel(table_name = webhook_deliveries)]
struct NewDelivery<'a> {
    tenant_id: TenantId,
    id: DeliveryId,
    endpoint_id: WebhookId,
    event_id: Uuid,
    event_type: &'a str,
    payload: &'a serde_json::Value,
    state: DeliveryState,
    created_at: DateTime<Utc>,
}

/// Puts an event on its way to one endpoint.
pub async fn tell(
    mut tx: &Connection,
    (id, endpoint): (DeliveryId, WebhookId),
    telling: &Telling<'_>,
) -> QueryResult<()> {
    let delivery = NewDelivery {
        tenant_id: telling.tenant,
        id,
        endpoint_id: endpoint,
        event_id: telling.event_id,
        event_type: telling.event_type,
        payload: telling.payload,
        state: DeliveryState::Pending,
        created_at: telling.at,
    };
    diesel::insert_into(webhook_deliveries::table).values(delivery).execute(&mut tx).await.map(drop)
}

prepared_query! {
    struct Listening { tenant: TenantId as Uuid, event_type: String as Text, most_pending: i64 as BigInt }
    " SELECT id FROM webhook_endpoints known, input
    WHERE known.tenant_id = input.tenant AND known.disabled_at IS NULL
      AND input.event_type = ANY (string_to_array(known.event_types, ' '))
      AND NOT EXISTS (
        SELECT FROM webhook_deliveries pending
        WHERE pending.tenant_id = known.tenant_id AND pending.endpoint_id = known.id AND pending.state = 'pending'
        OFFSET input.most_pending LIMIT 1
      )
    ORDER BY id FOR KEY SHARE OF known"
}

#[derive(QueryableByName)]
struct Listener {
    #[diesel(sql_type = SqlUuid)]
    id: WebhookId,
}

/// The endpoints that want to be told this kind of event and keep up with what they are told, kept from going away until the
/// transaction ends.
pub async fn listening(
    mut tx: &Connection,
    tenant: TenantId,
    event_type: &str,
) -> QueryResult<Vec<WebhookId>> {
    let query = Listening { tenant, event_type: event_type.to_owned(), most_pending: MOST_PENDING };
    let found: Vec<Listener> = query.get_results(&mut tx).await?;
    Ok(found.into_iter().map(|listener| listener.id).collect())
}

/// Finds a delivery and keeps others from changing it until the transaction ends.
pub async fn lock_delivery(
    tx: &mut Connection,
    tenant: TenantId,
    id: DeliveryId,
) -> QueryResult<Option<Delivery>> {
    let row = webhook_deliveries::table.find((tenant, id)).select(Delivery::as_select()).for_no_key_update();
    row.first(tx).await.optional()
}

/// Are more than `most` deliveries on their way to this endpoint?
pub async fn has_more_pending(
    tx: &mut Connection,
    (tenant, endpoint): (TenantId, WebhookId),
    most: i64,
) -> QueryResult<bool> {
    let beyond = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint)))
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending))
        .select(webhook_deliveries::id)
        .offset(most);
    Ok(beyond.first::<DeliveryId>(tx).await.optional()?.is_some())
}

/// Gives up all that is on its way to this endpoint.
pub async fn abandon_pending(
    tx: &mut Connection,
    (tenant, endpoint): (TenantId, WebhookId),
) -> QueryResult<()> {
    let pending = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint)))
        .filter(webhook_deliveries::state.eq(DeliveryState::Pending));
    diesel::update(pending)
        .set((
            webhook_deliveries::state.eq(DeliveryState::GivenUp),
            webhook_deliveries::last_failure.eq(DeliveryFailure::Disabled),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub state: DeliveryState,
    pub attempts: i32,
    pub status: Option<i32>,
    pub failure: Option<DeliveryFailure>,
}

pub async fn settle(
    tx: &mut Connection,
    (tenant, id): (TenantId, DeliveryId),
    outcome: Outcome,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(webhook_deliveries::table.find((tenant, id)))
        .set((
            webhook_deliveries::state.eq(outcome.state),
            webhook_deliveries::attempts.eq(outcome.attempts),
            webhook_deliveries::last_status.eq(outcome.status),
            webhook_deliveries::last_failure.eq(outcome.failure),
            webhook_deliveries::last_attempt_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// The deliveries to one endpoint, the newest first, from behind `after`.
pub async fn deliveries(
    tx: &mut Connection,
    (tenant, endpoint): (TenantId, WebhookId),
    (after, most): (Option<(DateTime<Utc>, DeliveryId)>, i64),
) -> QueryResult<Vec<Delivery>> {
    let mut query = webhook_deliveries::table
        .filter(webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint)))
        .order((webhook_deliveries::created_at.desc(), webhook_deliveries::id.desc()))
        .select(Delivery::as_select())
        .limit(most)
        .into_boxed();
    if let Some((at, id)) = after {
        let earlier = webhook_deliveries::created_at.lt(at);
        let same = webhook_deliveries::created_at.eq(at).and(webhook_deliveries::id.lt(id));
        query = query.filter(earlier.or(same));
    }
    query.load(tx).await
}

/// Forgets at most `most` deliveries to one endpoint.
pub async fn delete_deliveries(
    tx: &mut Connection,
    (tenant, endpoint): (TenantId, WebhookId),
    most: i64,
) -> QueryResult<usize> {
    let theirs = webhook_deliveries::tenant_id.eq(tenant).and(webhook_deliveries::endpoint_id.eq(endpoint));
    delete_portion(tx, webhook_deliveries::table, theirs, most).await
}

/// Forgets at most `most` deliveries of before `before`, in the tenant that the transaction sees.
pub async fn delete_old_here(tx: &mut Connection, before: DateTime<Utc>, most: i64) -> QueryResult<usize> {
    delete_portion(tx, webhook_deliveries::table, webhook_deliveries::created_at.lt(before), most).await
}
