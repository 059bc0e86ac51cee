//! Bans, by keyed digests.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{RealmId, TenantId, UserId};

use super::schema::{bans, known_devices, sessions};
use crate::domain::administration::IMPERSONATION;
use crate::domain::ban::MarkKind;

/// One fingerprint of a ban. Several bans may name the same.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = bans)]
pub struct Ban {
    pub tenant_id: TenantId,
    pub ban_id: Uuid,
    pub fingerprint: Vec<u8>,
    pub kind: MarkKind,
    pub reason: String,
    pub banned_at: DateTime<Utc>,
    /// An [`Actor`](shinkofa_kernel::Actor).
    pub banned_by: serde_json::Value,
    pub until: Option<DateTime<Utc>>,
}

/// As many as one statement takes.
const AT_ONCE: usize = 1_000;

/// How many of these were not there. One that is stays as it is.
pub async fn insert(tx: &mut Connection, rows: &[Ban]) -> QueryResult<usize> {
    let mut new = 0;
    for rows in rows.chunks(AT_ONCE) {
        let insert = diesel::insert_into(bans::table).values(rows).on_conflict_do_nothing();
        new += insert.execute(tx).await?;
    }
    Ok(new)
}

/// How many fingerprints the ban of this id names: none where there is no such ban.
pub async fn named_by(tx: &mut Connection, tenant: TenantId, id: Uuid) -> QueryResult<i64> {
    bans::table.filter(bans::tenant_id.eq(tenant).and(bans::ban_id.eq(id))).count().get_result(tx).await
}

pub async fn any(
    mut tx: &Connection,
    tenant: TenantId,
    fingerprints: &[Vec<u8>],
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let standing = bans::until.is_null().or(bans::until.gt(now));
    let named = bans::table
        .filter(bans::tenant_id.eq(tenant).and(bans::fingerprint.eq_any(fingerprints.to_vec())))
        .filter(standing);
    diesel::select(exists(named)).get_result(&mut tx).await
}

prepared_query! {
    struct Standing {
        tenant: TenantId as Uuid,
        instant: DateTime<Utc> as Timestamptz,
        before_at: Option<DateTime<Utc>> as Nullable<Timestamptz>,
        before_id: Option<Uuid> as Nullable<Uuid>,
        most: i64 as BigInt,
    }
    ", listed AS (
        SELECT bans.ban_id, min(bans.reason) AS reason, max(bans.banned_at) AS banned_at,
            CASE WHEN bool_and(bans.until IS NOT NULL) THEN max(bans.until) END AS until,
            (array_agg(bans.banned_by))[1] AS banned_by, count(*) AS fingerprints,
            string_agg(DISTINCT bans.kind, ' ' ORDER BY bans.kind) AS kinds
        FROM bans, input
        WHERE bans.tenant_id = input.tenant AND (bans.until IS NULL OR bans.until > input.instant)
        GROUP BY bans.ban_id
    )
    SELECT listed.* FROM listed, input
    WHERE input.before_at IS NULL OR (listed.banned_at, listed.ban_id) < (input.before_at, input.before_id)
    ORDER BY listed.banned_at DESC, listed.ban_id DESC LIMIT (SELECT most FROM input)"
}

/// A ban as a whole.
#[derive(Debug, QueryableByName)]
pub struct StandingBan {
    #[diesel(sql_type = SqlUuid)]
    pub ban_id: Uuid,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Timestamptz)]
    pub banned_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub banned_by: Option<serde_json::Value>,
    #[diesel(sql_type = BigInt)]
    pub fingerprints: i64,
    #[diesel(sql_type = Nullable<Text>)]
    kinds: Option<String>,
}

impl StandingBan {
    /// In the order of the alphabet: none of a ban of before they were noted.
    pub fn kinds(&self) -> Vec<MarkKind> {
        let kinds = self.kinds.as_deref().unwrap_or_default().split_whitespace();
        kinds.filter_map(|kind| kind.parse().ok()).collect()
    }
}

/// Bans that are not over, the newest first; those after the place `before` in that order.
pub async fn standing(
    tx: &mut Connection,
    (tenant, now): (TenantId, DateTime<Utc>),
    before: Option<(DateTime<Utc>, Uuid)>,
    most: i64,
) -> QueryResult<Vec<StandingBan>> {
    let (before_at, before_id) = before.unzip();
    Standing { tenant, instant: now, before_at, before_id, most }.load(tx).await
}

/// Lifts a ban. False when there is none of this id.
pub async fn lift(tx: &mut Connection, tenant: TenantId, id: Uuid) -> QueryResult<bool> {
    let named = bans::tenant_id.eq(tenant).and(bans::ban_id.eq(id));
    Ok(diesel::delete(bans::table.filter(named)).execute(tx).await? > 0)
}

pub async fn delete_over_here(tx: &mut Connection, now: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(bans::table.filter(bans::until.le(now))).execute(tx).await
}

/// The tenant whose bans the transaction sees, where it sees any.
pub async fn tenant_here(tx: &mut Connection) -> QueryResult<Option<TenantId>> {
    bans::table.select(bans::tenant_id).first(tx).await.optional()
}

/// What somebody is told of a ban.
#[derive(Debug, Queryable)]
pub struct ToldBan {
    pub reason: String,
    pub banned_at: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

/// The bans that name one of these.
pub async fn told_of(
    tx: &mut Connection,
    tenant: TenantId,
    fingerprints: &[Vec<u8>],
) -> QueryResult<Vec<ToldBan>> {
    bans::table
        .filter(bans::tenant_id.eq(tenant).and(bans::fingerprint.eq_any(fingerprints.to_vec())))
        .order((bans::banned_at, bans::ban_id))
        .select((bans::reason, bans::banned_at, bans::until))
        .load(tx)
        .await
}

/// Forgets these, whichever ban names them.
pub async fn forget(tx: &mut Connection, tenant: TenantId, fingerprints: &[Vec<u8>]) -> QueryResult<()> {
    let named = bans::tenant_id.eq(tenant).and(bans::fingerprint.eq_any(fingerprints.to_vec()));
    diesel::delete(bans::table.filter(named)).execute(tx).await.map(drop)
}

/// Digests of the devices somebody is known on, and of where they were signed in from.
pub async fn traces_of(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<(Vec<Vec<u8>>, Vec<Vec<u8>>)> {
    let devices = known_devices::table
        .filter(known_devices::realm_id.eq(realm).and(known_devices::user_id.eq(user)))
        .select(known_devices::device_hash)
        .load(tx)
        .await?;
    // Of those in which staff looked on in their place the surroundings are the staff's.
    let own = sessions::user_id.eq(user).and(sessions::amr.ne(IMPERSONATION));
    let surroundings = sessions::table
        .filter(sessions::realm_id.eq(realm).and(own))
        .select(sessions::surroundings_hash)
        .distinct()
        .load(tx)
        .await?;
    Ok((devices, surroundings))
}
