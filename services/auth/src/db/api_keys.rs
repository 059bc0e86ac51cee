//! Keys of service accounts.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{SessionId, TenantId, UserId, typed_id};

use super::schema::api_keys;

typed_id! {
    /// A key of a service account.
    ApiKeyId
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub user_id: UserId,
    pub name: String,
    pub prefix: String,
    pub digest: Vec<u8>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub session_id: Option<SessionId>,
}

impl ApiKeyRow {
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

#[derive(Insertable)]
#[diesel(table_name = api_keys)]
pub struct NewApiKey<'a> {
    pub tenant_id: TenantId,
    pub id: ApiKeyId,
    pub user_id: UserId,
    pub name: &'a str,
    pub prefix: &'a str,
    pub digest: Vec<u8>,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, key: &NewApiKey<'_>) -> QueryResult<ApiKeyRow> {
    diesel::insert_into(api_keys::table).values(key).returning(ApiKeyRow::as_returning()).get_result(tx).await
}

pub async fn find_by_prefix(
    tx: &mut Connection,
    tenant: TenantId,
    prefix: &str,
) -> QueryResult<Option<ApiKeyRow>> {
    api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::prefix.eq(prefix)))
        .select(ApiKeyRow::as_select())
        .first(tx)
        .await
        .optional()
}

/// Finds a key and keeps others from changing it until the transaction ends.
pub async fn lock(tx: &mut Connection, tenant: TenantId, id: ApiKeyId) -> QueryResult<Option<ApiKeyRow>> {
    let row = api_keys::table.find((tenant, id)).select(ApiKeyRow::as_select()).for_no_key_update();
    row.first(tx).await.optional()
}

/// Every key of an account that is still known, the newest first.
pub async fn of_account(
    tx: &mut Connection,
    tenant: TenantId,
    account: UserId,
) -> QueryResult<Vec<ApiKeyRow>> {
    api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::user_id.eq(account)))
        .order((api_keys::created_at.desc(), api_keys::id.desc()))
        .select(ApiKeyRow::as_select())
        .load(tx)
        .await
}

/// The live keys that these made, account by account: whoever locks them in this order waits for nobody for ever.
pub async fn live_made_by(
    tx: &mut Connection,
    (tenant, makers): (TenantId, &[UserId]),
    now: DateTime<Utc>,
) -> QueryResult<Vec<ApiKeyRow>> {
    api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::created_by.eq_any(makers)))
        .filter(api_keys::revoked_at.is_null().and(api_keys::expires_at.gt(now)))
        .order((api_keys::user_id, api_keys::id))
        .select(ApiKeyRow::as_select())
        .load(tx)
        .await
}

pub async fn revoke(
    tx: &mut Connection,
    (tenant, id): (TenantId, ApiKeyId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(api_keys::table.find((tenant, id)))
        .set(api_keys::revoked_at.eq(now))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn set_session(
    tx: &mut Connection,
    (tenant, id): (TenantId, ApiKeyId),
    session: SessionId,
) -> QueryResult<()> {
    diesel::update(api_keys::table.find((tenant, id)))
        .set(api_keys::session_id.eq(session))
        .execute(tx)
        .await
        .map(drop)
}

prepared_query! {
    struct Touch {
        tenant: TenantId as Uuid,
        key: ApiKeyId as Uuid,
        now: DateTime<Utc> as Timestamptz,
        stale: DateTime<Utc> as Timestamptz,
    }
    " UPDATE api_keys SET last_used_at = input.now FROM input
    WHERE tenant_id = input.tenant AND id = (
        SELECT known.id FROM api_keys known
        WHERE known.tenant_id = input.tenant AND known.id = input.key
          AND (known.last_used_at IS NULL OR known.last_used_at <= input.stale)
        FOR NO KEY UPDATE SKIP LOCKED)"
}

/// Notes that a key was used, unless that was noted since `stale` or somebody is just noting it: nobody waits for this.
pub async fn touch(
    tx: &mut Connection,
    (tenant, key): (TenantId, ApiKeyId),
    (now, stale): (DateTime<Utc>, DateTime<Utc>),
) -> QueryResult<()> {
    Touch { tenant, key, now, stale }.execute(tx).await.map(drop)
}

/// Forgets what was over before `before`, in the tenant that the transaction sees.
pub async fn delete_over_here(tx: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    let over = api_keys::expires_at.lt(before).or(api_keys::revoked_at.lt(before).is_not_distinct_from(true));
    diesel::delete(api_keys::table.filter(over)).execute(tx).await
}
