//! Accounts of programs, in the tenant that they belong to.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId};

use super::schema::{api_keys, memberships, service_accounts, users};
use super::scope;
use crate::domain::account::MembershipStatus;
use crate::domain::scopes::Scopes;

#[derive(Clone, Debug, Queryable)]
pub struct ServiceAccount {
    pub user_id: UserId,
    pub name: String,
    pub description: String,
    pub scope: String,
    pub membership: MembershipStatus,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
}

impl ServiceAccount {
    pub fn scopes(&self) -> Scopes {
        Scopes::kept(&self.scope)
    }
}

#[derive(Insertable)]
#[diesel(table_name = service_accounts)]
pub struct NewServiceAccount<'a> {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub description: &'a str,
    pub scope: String,
    pub created_by: UserId,
    pub created_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Connection, account: &NewServiceAccount<'_>) -> QueryResult<()> {
    diesel::insert_into(service_accounts::table).values(account).execute(tx).await.map(drop)
}

pub async fn count(tx: &mut Connection, tenant: TenantId) -> QueryResult<i64> {
    service_accounts::table.filter(service_accounts::tenant_id.eq(tenant)).count().get_result(tx).await
}

#[diesel::dsl::auto_type]
fn accounts(tenant: TenantId, realm: RealmId) -> _ {
    let membership = memberships::tenant_id
        .eq(service_accounts::tenant_id)
        .and(memberships::user_id.eq(service_accounts::user_id));
    let account = users::id.eq(service_accounts::user_id).and(users::realm_id.eq(realm));
    service_accounts::table
        .inner_join(memberships::table.on(membership))
        .inner_join(users::table.on(account))
        .filter(service_accounts::tenant_id.eq(tenant))
        .select((
            service_accounts::user_id,
            users::name,
            service_accounts::description,
            service_accounts::scope,
            memberships::status,
            service_accounts::created_by,
            service_accounts::created_at,
            service_accounts::disabled_at,
        ))
}

pub async fn find(
    tx: &mut Connection,
    (tenant, realm, user): (TenantId, RealmId, UserId),
) -> QueryResult<Option<ServiceAccount>> {
    let tenant = scope::tenant_of_row(tx, tenant, ("service_accounts", "user_id", user.as_uuid())).await?;
    accounts(tenant, realm).filter(service_accounts::user_id.eq(user)).first(tx).await.optional()
}

/// In the order in which they were made, from behind `after`.
pub async fn list(
    tx: &mut Connection,
    (tenant, realm): (TenantId, RealmId),
    (after, most): (Option<UserId>, i64),
) -> QueryResult<Vec<ServiceAccount>> {
    let mut query = accounts(tenant, realm).order(service_accounts::user_id).limit(most).into_boxed();
    if let Some(after) = after {
        query = query.filter(service_accounts::user_id.gt(after));
    }
    query.load(tx).await
}

/// The good keys of enabled accounts: what the account of each may do, and who made it.
pub async fn keys_in_use(
    tx: &mut Connection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> QueryResult<Vec<(Scopes, UserId)>> {
    let keys: Vec<(UserId, UserId)> = api_keys::table
        .filter(api_keys::tenant_id.eq(tenant).and(api_keys::revoked_at.is_null()))
        .filter(api_keys::expires_at.gt(now))
        .select((api_keys::user_id, api_keys::created_by))
        .distinct()
        .load(tx)
        .await?;
    let enabled: Vec<(UserId, String)> = service_accounts::table
        .filter(service_accounts::tenant_id.eq(tenant).and(service_accounts::disabled_at.is_null()))
        .select((service_accounts::user_id, service_accounts::scope))
        .load(tx)
        .await?;
    let scopes_of = |account: UserId| {
        let known = enabled.iter().find(|(enabled, _)| *enabled == account);
        known.map(|(_, text)| Scopes::kept(text))
    };
    Ok(keys.into_iter().filter_map(|(account, maker)| Some((scopes_of(account)?, maker))).collect())
}

/// Keeps an account as it is until the transaction ends, beside others that do the same. False when there is none.
pub async fn hold(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let row = service_accounts::table.find((tenant, user)).select(service_accounts::user_id).for_share();
    Ok(row.first::<UserId>(tx).await.optional()?.is_some())
}

/// Keeps others from using or changing an account until the transaction ends. False when there is none.
pub async fn lock(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let row =
        service_accounts::table.find((tenant, user)).select(service_accounts::user_id).for_no_key_update();
    Ok(row.first::<UserId>(tx).await.optional()?.is_some())
}

/// What an account may do now. `None` when there is none.
pub async fn scopes(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<Option<Scopes>> {
    let row = service_accounts::table.find((tenant, user)).select(service_accounts::scope);
    Ok(row.first::<String>(tx).await.optional()?.map(|text| Scopes::kept(&text)))
}

pub async fn change(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (description, scopes): (&str, &Scopes),
) -> QueryResult<()> {
    diesel::update(service_accounts::table.find((tenant, user)))
        .set((service_accounts::description.eq(description), service_accounts::scope.eq(scopes.to_text())))
        .execute(tx)
        .await
        .map(drop)
}

/// Disables an account, or enables it again.
pub async fn set_disabled(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    disabled_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    diesel::update(service_accounts::table.find((tenant, user)))
        .set(service_accounts::disabled_at.eq(disabled_at))
        .execute(tx)
        .await
        .map(drop)
}
