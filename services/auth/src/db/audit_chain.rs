//! The links that seal the audit trail, and the signed heads. All of it is written once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;
use shinkofa_kernel::macros::uuid::Uuid;

use super::schema::{audit_checkpoints, audit_seals};
use crate::domain::audit_chain::{Entry, Place, Seal};

prepared_query! {
    struct TryLock { key: String as Text }
    " SELECT pg_try_advisory_xact_lock(hashtextextended(key, 0)) AS taken FROM input"
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Only one sealer works on a tenant at a time. The primary key would refuse the second; this spares it the work.
pub async fn try_lock(tx: &mut Connection, tenant: TenantId) -> QueryResult<bool> {
    let key = format!("audit_seals:{tenant}");
    TryLock { key }.get_result::<Locked>(tx).await.map(|row| row.taken)
}

prepared_query! {
    struct ToSeal { unused: bool as Bool }
    " SELECT id FROM tenants_to_seal() AS id ORDER BY id"
}

#[derive(QueryableByName)]
struct ToSealRow {
    #[diesel(sql_type = SqlUuid)]
    id: TenantId,
}

/// The tenants in whose trail something stands behind the last link, in the order of their ids. The transaction sees no tenant
/// after it.
pub async fn tenants_to_seal(tx: &mut Connection) -> QueryResult<Vec<TenantId>> {
    let rows: Vec<ToSealRow> = ToSeal { unused: true }.load(tx).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    subject_type: String,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Text)]
    details: String,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            place: Place { transaction: row.transaction, number: row.number },
            occurred_at: row.occurred_at,
            actor: row.actor,
            action: row.action,
            subject_type: row.subject_type,
            subject_id: row.subject_id,
            details: row.details,
        }
    }
}

prepared_query! {
    struct Unsealed {
        tenant: TenantId as Uuid,
        after_transaction: i64 as BigInt,
        after_number: i64 as BigInt,
        most: i64 as BigInt,
    }
    // A running transaction with a smaller id may still commit an event that belongs before.
    " SELECT id, transaction, number, occurred_at, actor::text AS actor, action, subject_type, subject_id,
        details::text AS details
    FROM audit_events
    WHERE tenant_id = (SELECT tenant FROM input)
      AND (transaction, number) > ((SELECT after_transaction FROM input), (SELECT after_number FROM input))
      AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, number LIMIT (SELECT most FROM input)"
}

/// What can be sealed behind `after`: nothing can come before or between any more.
pub async fn unsealed(
    tx: &mut Connection,
    tenant: TenantId,
    after: Place,
    most: i64,
) -> QueryResult<Vec<Entry>> {
    let query = Unsealed { tenant, after_transaction: after.transaction, after_number: after.number, most };
    Ok(query.load::<EntryRow>(tx).await?.into_iter().map(Entry::from).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_seals)]
struct SealRow {
    seq: i64,
    event_id: Uuid,
    transaction: i64,
    number: i64,
    content: Vec<u8>,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl From<SealRow> for Seal {
    fn from(row: SealRow) -> Self {
        Self {
            seq: row.seq,
            event_id: row.event_id,
            place: Place { transaction: row.transaction, number: row.number },
            content: row.content,
            prev_hash: row.prev_hash,
            hash: row.hash,
        }
    }
}

pub async fn last_seal(tx: &mut Connection, tenant: TenantId) -> QueryResult<Option<Seal>> {
    let row = audit_seals::table
        .filter(audit_seals::tenant_id.eq(tenant))
        .order(audit_seals::seq.desc())
        .select(SealRow::as_select())
        .first(tx)
        .await
        .optional()?;
    Ok(row.map(Seal::from))
}

pub async fn insert_seals(
    tx: &mut Connection,
    tenant: TenantId,
    seals: &[Seal],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let rows: Vec<_> = seals
        .iter()
        .map(|seal| {
            (
                audit_seals::tenant_id.eq(tenant),
                audit_seals::seq.eq(seal.seq),
                audit_seals::event_id.eq(seal.event_id),
                audit_seals::transaction.eq(seal.place.transaction),
                audit_seals::number.eq(seal.place.number),
                audit_seals::content.eq(&seal.content),
                audit_seals::prev_hash.eq(&seal.prev_hash),
                audit_seals::hash.eq(&seal.hash),
                audit_seals::sealed_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(audit_seals::table).values(rows).execute(tx).await.map(drop)
}

/// A signed head.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_checkpoints)]
pub struct Checkpoint {
    pub seq: i64,
    pub made_at: DateTime<Utc>,
    pub hash: Vec<u8>,
    pub signature: String,
}

pub async fn last_checkpoint(tx: &mut Connection, tenant: TenantId) -> QueryResult<Option<Checkpoint>> {
    audit_checkpoints::table
        .filter(audit_checkpoints::tenant_id.eq(tenant))
        .order((audit_checkpoints::seq.desc(), audit_checkpoints::made_at.desc()))
        .select(Checkpoint::as_select())
        .first(tx)
        .await
        .optional()
}

pub async fn insert_checkpoint(
    tx: &mut Connection,
    tenant: TenantId,
    checkpoint: &Checkpoint,
) -> QueryResult<()> {
    diesel::insert_into(audit_checkpoints::table)
        .values((
            audit_checkpoints::tenant_id.eq(tenant),
            audit_checkpoints::seq.eq(checkpoint.seq),
            audit_checkpoints::made_at.eq(checkpoint.made_at),
            audit_checkpoints::hash.eq(&checkpoint.hash),
            audit_checkpoints::signature.eq(&checkpoint.signature),
        ))
        .execute(tx)
        .await
        .map(drop)
}

prepared_query! {
    struct Links { tenant: TenantId as Uuid, after_seq: i64 as BigInt, most: i64 as BigInt }
    " SELECT s.seq, s.event_id, s.transaction, s.number, s.content, s.prev_hash, s.hash, e.id,
        e.transaction AS event_transaction, e.number AS event_number, e.occurred_at, e.actor::text AS actor, e.action,
        e.subject_type, e.subject_id, e.details::text AS details
    FROM audit_seals s LEFT JOIN audit_events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
    WHERE s.tenant_id = (SELECT tenant FROM input) AND s.seq > (SELECT after_seq FROM input)
    ORDER BY s.seq LIMIT (SELECT most FROM input)"
}

#[derive(QueryableByName)]
struct LinkRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Bytea)]
    content: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    prev_hash: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    event_transaction: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    event_number: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    occurred_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    actor: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    action: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    subject_type: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    subject_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    details: Option<String>,
}

impl LinkRow {
    fn parts(self) -> (Seal, Option<Entry>) {
        let place = Place { transaction: self.transaction, number: self.number };
        let seal = Seal {
            seq: self.seq,
            event_id: self.event_id,
            place,
            content: self.content,
            prev_hash: self.prev_hash,
            hash: self.hash,
        };
        let entry = (|| {
            Some(Entry {
                id: self.id?,
                place: Place { transaction: self.event_transaction?, number: self.event_number? },
                occurred_at: self.occurred_at?,
                actor: self.actor?,
                action: self.action?,
                subject_type: self.subject_type?,
                subject_id: self.subject_id?,
                details: self.details?,
            })
        })();
        (seal, entry)
    }
}

/// Links behind `after_seq` with the events they seal, as far as those are there.
pub async fn links(
    tx: &mut Connection,
    tenant: TenantId,
    after_seq: i64,
    most: i64,
) -> QueryResult<Vec<(Seal, Option<Entry>)>> {
    let rows = Links { tenant, after_seq, most }.load::<LinkRow>(tx).await?;
    Ok(rows.into_iter().map(LinkRow::parts).collect())
}

/// The link that says it follows the hash `prev`, wherever it stands.
pub async fn seal_after(tx: &mut Connection, tenant: TenantId, prev: &[u8]) -> QueryResult<Option<Seal>> {
    let row = audit_seals::table
        .filter(audit_seals::tenant_id.eq(tenant).and(audit_seals::prev_hash.eq(prev)))
        .order(audit_seals::seq)
        .select(SealRow::as_select())
        .first(tx)
        .await
        .optional()?;
    Ok(row.map(Seal::from))
}

prepared_query! {
    struct Ends { tenant: TenantId as Uuid }
    " SELECT (SELECT max(seq) FROM audit_seals WHERE tenant_id = tenant) AS sealed,
        (SELECT max(seq) FROM audit_checkpoints WHERE tenant_id = tenant) AS signed
    FROM input"
}

/// How far a chain reaches, and how far it is signed, at one moment.
#[derive(QueryableByName)]
pub struct ChainEnds {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub sealed: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub signed: Option<i64>,
}

pub async fn ends(tx: &mut Connection, tenant: TenantId) -> QueryResult<ChainEnds> {
    Ends { tenant }.get_result(tx).await
}

prepared_query! {
    struct Stray {
        tenant: TenantId as Uuid,
        after_transaction: i64 as BigInt,
        after_number: i64 as BigInt,
        head_transaction: i64 as BigInt,
        head_number: i64 as BigInt,
    }
    " SELECT e.id FROM audit_events e, input
    WHERE e.tenant_id = tenant AND (e.transaction, e.number) > (after_transaction, after_number)
      AND (e.transaction, e.number) <= (head_transaction, head_number)
      AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.tenant_id = e.tenant_id AND s.event_id = e.id)
    ORDER BY e.transaction, e.number LIMIT 1"
}

#[derive(QueryableByName)]
struct StrayRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The first event behind `after` and up to the head that was never sealed.
pub async fn stray(
    tx: &mut Connection,
    tenant: TenantId,
    (after, head): (Place, Place),
) -> QueryResult<Option<Uuid>> {
    let query = Stray {
        tenant,
        after_transaction: after.transaction,
        after_number: after.number,
        head_transaction: head.transaction,
        head_number: head.number,
    };
    Ok(query.get_result::<StrayRow>(tx).await.optional()?.map(|row| row.id))
}

prepared_query! {
    struct Pending { tenant: TenantId as Uuid, head_transaction: i64 as BigInt, head_number: i64 as BigInt }
    " SELECT count(*) AS pending FROM audit_events e, input
    WHERE e.tenant_id = tenant AND (e.transaction, e.number) > (head_transaction, head_number)"
}

#[derive(QueryableByName)]
struct PendingRow {
    #[diesel(sql_type = BigInt)]
    pending: i64,
}

/// How many events wait to be sealed.
pub async fn pending(tx: &mut Connection, tenant: TenantId, head: Place) -> QueryResult<i64> {
    let query = Pending { tenant, head_transaction: head.transaction, head_number: head.number };
    query.get_result::<PendingRow>(tx).await.map(|row| row.pending)
}
