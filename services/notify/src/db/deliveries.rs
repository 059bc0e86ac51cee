//! Deliveries: recorded with the event, taken by the job, settled once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};
use shinkofa_web::Locale;
use uuid::Uuid;

use super::schema::deliveries;
use crate::domain::{Channel, DeliveryId, DeliveryState, Kind, Suppression};

prepared_query! {
    /// One message to one person because of one event.
    pub struct RecordDelivery {
        tenant: TenantId as Uuid,
        delivery: DeliveryId as Uuid,
        event: Uuid as Uuid,
        person: UserId as Uuid,
        by_channel: Channel as Text,
        of_kind: Kind as Text,
        about: serde_json::Value as Jsonb,
        own_email: Option<String> as Nullable<Text>,
        own_locale: Option<Locale> as Nullable<Text>,
        token: Option<String> as Nullable<Text>,
        now: DateTime<Utc> as Timestamptz,
    }
    // The contact is written, though nothing in it changes: that locks it, and returns it as it is at this moment even
    // when the feed that describes people committed after this statement began. A contact that comes later finds the
    // delivery.
    ", contact AS (
        INSERT INTO contacts AS c (tenant_id, user_id, updated_at) SELECT tenant, person, now FROM input
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET user_id = excluded.user_id
        RETURNING coalesce(c.email_verified, false) AS reachable, c.erased_at IS NOT NULL AS erased
    ), planned AS (
        SELECT input.*, CASE WHEN erased THEN 'suppressed'
            WHEN own_email IS NOT NULL OR reachable THEN 'pending'
            ELSE 'waiting_for_contact' END AS state
        FROM input, contact
    )
    INSERT INTO deliveries (tenant_id, id, event_id, user_id, channel, kind, state, occasion, email, locale, sealed_token,
        reason, created_at, pending_since, settled_at)
    SELECT tenant, delivery, event, person, by_channel, of_kind, state,
        CASE WHEN state <> 'suppressed' THEN about END,
        CASE WHEN state <> 'suppressed' THEN own_email END,
        CASE WHEN state <> 'suppressed' THEN own_locale END,
        CASE WHEN state <> 'suppressed' THEN token END,
        CASE WHEN state = 'suppressed' THEN 'erased' END,
        now,
        CASE WHEN state = 'pending' THEN now END,
        CASE WHEN state = 'suppressed' THEN now END
    FROM planned
    ON CONFLICT ON CONSTRAINT deliveries_one_per_event DO NOTHING
    RETURNING state"
}

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = Text)]
    state: DeliveryState,
}

impl RecordDelivery {
    /// The state it begins in; `None` when this event's delivery was recorded before.
    pub async fn run(&self, tx: &mut Connection) -> QueryResult<Option<DeliveryState>> {
        let recorded: Option<Recorded> = self.clone().get_result(tx).await.optional()?;
        Ok(recorded.map(|recorded| recorded.state))
    }
}

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = SqlUuid)]
    id: DeliveryId,
}

prepared_query! {
    struct Release { tenant: TenantId as Uuid, person: UserId as Uuid, now: DateTime<Utc> as Timestamptz }
    " UPDATE deliveries SET state = 'pending', pending_since = input.now FROM input
    WHERE tenant_id = tenant AND user_id = person AND state = 'waiting_for_contact' RETURNING id"
}

/// Lets everything go that waited for this person's address.
///
/// Run it after the contact is saved, as a statement of its own: then it sees what was recorded until then.
pub async fn release(
    tx: &mut Connection,
    tenant: TenantId,
    person: UserId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<DeliveryId>> {
    let released: Vec<Released> = Release { tenant, person, now }.load(tx).await?;
    Ok(released.into_iter().map(|released| released.id).collect())
}

/// A delivery with all that its next step depends on.
#[derive(Debug, QueryableByName)]
pub struct TakenDelivery {
    #[diesel(sql_type = Text)]
    pub kind: Kind,
    #[diesel(sql_type = Text)]
    pub state: DeliveryState,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub occasion: Option<serde_json::Value>,
    #[diesel(sql_type = Nullable<Text>)]
    pub email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub locale: Option<Locale>,
    #[diesel(sql_type = Nullable<Text>)]
    pub sealed_token: Option<String>,
    /// Why the last attempt failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    #[diesel(sql_type = Bool)]
    pub wanted: bool,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub pending_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    pub studio: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub time_zone: Option<String>,
}

prepared_query! {
    struct Take { tenant: TenantId as Uuid, delivery: DeliveryId as Uuid }
    // A name is only used together with the contact's own, verified address.
    " SELECT d.kind, d.state, d.occasion, d.sealed_token, d.reason, d.created_at, d.pending_since,
        coalesce(d.email, c.email) AS email, coalesce(d.locale, c.locale) AS locale,
        CASE WHEN d.email IS NULL THEN c.name END AS name,
        coalesce(p.enabled, true) AS wanted, t.name AS studio, t.time_zone
    FROM input
    JOIN deliveries d ON d.tenant_id = tenant AND d.id = delivery
    LEFT JOIN contacts c ON c.tenant_id = d.tenant_id AND c.user_id = d.user_id AND c.email_verified
    LEFT JOIN preferences p ON p.tenant_id = d.tenant_id AND p.user_id = d.user_id AND p.kind = d.kind
        AND p.channel = d.channel
    LEFT JOIN tenants t ON t.id = d.tenant_id
    FOR UPDATE OF d"
}

/// Reads a delivery and keeps others from it until the end of the transaction.
pub async fn take(
    tx: &mut Connection,
    tenant: TenantId,
    delivery: DeliveryId,
) -> QueryResult<Option<TakenDelivery>> {
    Take { tenant, delivery }.get_result(tx).await.optional()
}

prepared_query! {
    struct BeginSending { tenant: TenantId as Uuid, delivery: DeliveryId as Uuid }
    " UPDATE deliveries SET state = 'sending' FROM input
    WHERE tenant_id = tenant AND id = delivery AND state IN ('pending', 'sending')"
}

pub async fn begin_sending(tx: &mut Connection, tenant: TenantId, delivery: DeliveryId) -> QueryResult<()> {
    BeginSending { tenant, delivery }.execute(tx).await.map(drop)
}

prepared_query! {
    struct Postpone { tenant: TenantId as Uuid, delivery: DeliveryId as Uuid, because: String as Text }
    " UPDATE deliveries SET state = 'pending', reason = because FROM input
    WHERE tenant_id = tenant AND id = delivery AND state = 'sending'"
}

/// The attempt failed, another will follow.
pub async fn postpone(
    tx: &mut Connection,
    tenant: TenantId,
    delivery: DeliveryId,
    because: &str,
) -> QueryResult<()> {
    Postpone { tenant, delivery, because: because.to_owned() }.execute(tx).await.map(drop)
}

prepared_query! {
    struct SettleSent {
        tenant: TenantId as Uuid,
        delivery: DeliveryId as Uuid,
        sent_to: String as Text,
        with_subject: String as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    " UPDATE deliveries SET state = 'sent', email = sent_to, subject = with_subject, sealed_token = NULL, reason = NULL,
        settled_at = input.now
    FROM input WHERE tenant_id = tenant AND id = delivery AND state = 'sending'"
}

/// The mail server has it. False when it was settled meanwhile, because the person was forgotten.
pub async fn settle_sent(
    tx: &mut Connection,
    (tenant, delivery): (TenantId, DeliveryId),
    sent_to: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let settle =
        SettleSent { tenant, delivery, sent_to: sent_to.to_owned(), with_subject: subject.to_owned(), now };
    Ok(settle.execute(tx).await? == 1)
}

prepared_query! {
    struct SettleUnsent {
        tenant: TenantId as Uuid,
        delivery: DeliveryId as Uuid,
        ends_as: DeliveryState as Text,
        because: String as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    " UPDATE deliveries SET state = ends_as, reason = because, sealed_token = NULL, settled_at = input.now
    FROM input WHERE tenant_id = tenant AND id = delivery AND settled_at IS NULL"
}

/// It will not be sent: `failed` or `suppressed`.
pub async fn settle_unsent(
    tx: &mut Connection,
    (tenant, delivery): (TenantId, DeliveryId),
    ends_as: DeliveryState,
    because: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let settle = SettleUnsent { tenant, delivery, ends_as, because: because.to_owned(), now };
    Ok(settle.execute(tx).await? == 1)
}

/// What a person may see of a delivery, and what a copy of their data holds.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub kind: Kind,
    pub channel: Channel,
    pub state: DeliveryState,
    /// What it is about.
    pub occasion: Option<serde_json::Value>,
    pub email: Option<String>,
    pub locale: Option<Locale>,
    pub subject: Option<String>,
    pub created_at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
}

/// A person's deliveries, newest first, before the one where the last page ended.
pub async fn list(
    tx: &mut Connection,
    (tenant, person): (TenantId, UserId),
    before: Option<DeliveryId>,
    most: i64,
) -> QueryResult<Vec<DeliveryRow>> {
    let mut query = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant).and(deliveries::user_id.eq(person)))
        .order(deliveries::id.desc())
        .limit(most)
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(deliveries::id.lt(before));
    }
    query.load(tx).await
}

/// Forgets a person: what was not sent never will be, and what was sent keeps neither words nor address.
pub async fn erase(
    tx: &mut Connection,
    tenant: TenantId,
    person: UserId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let theirs = || deliveries::tenant_id.eq(tenant).and(deliveries::user_id.eq(person));
    diesel::update(deliveries::table.filter(theirs()).filter(deliveries::settled_at.is_null()))
        .set((
            deliveries::state.eq(DeliveryState::Suppressed),
            deliveries::reason.eq(Some(Suppression::Erased)),
            deliveries::sealed_token.eq(None::<String>),
            deliveries::settled_at.eq(Some(now)),
        ))
        .execute(tx)
        .await?;
    diesel::update(deliveries::table.filter(theirs()))
        .set((
            deliveries::occasion.eq(None::<serde_json::Value>),
            deliveries::email.eq(None::<String>),
            deliveries::locale.eq(None::<String>),
            deliveries::subject.eq(None::<String>),
        ))
        .execute(tx)
        .await
        .map(drop)
}

prepared_query! {
    struct SuppressUnreachable {
        tenant: TenantId as Uuid,
        before: DateTime<Utc> as Timestamptz,
        because: Suppression as Text,
        now: DateTime<Utc> as Timestamptz,
    }
    " UPDATE deliveries SET state = 'suppressed', reason = because, sealed_token = NULL, settled_at = input.now
    FROM input WHERE tenant_id = tenant AND state = 'waiting_for_contact' AND created_at < before"
}

/// Gives up what no contact came for.
pub async fn suppress_unreachable(
    tx: &mut Connection,
    tenant: TenantId,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    SuppressUnreachable { tenant, before, because: Suppression::NoContact, now }.execute(tx).await
}

prepared_query! {
    struct Purge { tenant: TenantId as Uuid, before: DateTime<Utc> as Timestamptz, most: i32 as Integer }
    " UPDATE deliveries SET occasion = NULL, email = NULL, locale = NULL, subject = NULL FROM input
    WHERE tenant_id = tenant AND id IN (
        SELECT id FROM deliveries, input WHERE tenant_id = tenant AND created_at < before AND occasion IS NOT NULL
            AND settled_at IS NOT NULL
        ORDER BY created_at LIMIT (SELECT most FROM input)
    )"
}

/// Forgets what settled deliveries from before `before` said and where they went. Returns how many it did.
pub async fn purge(
    tx: &mut Connection,
    tenant: TenantId,
    before: DateTime<Utc>,
    most: i32,
) -> QueryResult<usize> {
    Purge { tenant, before, most }.execute(tx).await
}

/// How many deliveries of a tenant are in a state that should pass, and how old the oldest is.
#[derive(Debug, QueryableByName)]
pub struct Backlog {
    #[diesel(sql_type = Text)]
    pub state: DeliveryState,
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
    #[diesel(sql_type = Timestamptz)]
    pub oldest: DateTime<Utc>,
}

prepared_query! {
    struct Measure { tenant: TenantId as Uuid }
    " SELECT state, count(*) AS deliveries, min(created_at) AS oldest FROM deliveries, input
    WHERE tenant_id = tenant AND settled_at IS NULL GROUP BY state"
}

pub async fn measure(tx: &mut Connection, tenant: TenantId) -> QueryResult<Vec<Backlog>> {
    Measure { tenant }.load(tx).await
}
