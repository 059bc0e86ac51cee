//! Members as staff of their tenant see them: the membership and the account behind it.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, Tier, UserId};
use shinkofa_web::Locale;

use super::schema::{membership_locks, membership_roles, memberships, users};
use super::scope;
use crate::domain::account::{AccountKind, AccountStatus, MembershipStatus};
use crate::domain::administration::Reason;

/// Which members are asked for.
#[derive(Clone, Debug)]
pub struct MemberFilter {
    pub tenant: TenantId,
    pub realm: RealmId,
    /// Part of the name or the address, in any case.
    pub text: Option<String>,
    pub status: Option<MembershipStatus>,
    /// Of the system or of the tenant's own, by name.
    pub role: Option<String>,
    pub after: Option<UserId>,
}

#[derive(Clone, Debug, Queryable)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub name: String,
    pub locale: Locale,
    pub kind: AccountKind,
    pub account_status: AccountStatus,
    pub expires_at: Option<DateTime<Utc>>,
    pub status: MembershipStatus,
    pub tier: Tier,
    pub since: DateTime<Utc>,
    pub lock_reason: Option<String>,
    pub locked_by: Option<UserId>,
    pub locked_at: Option<DateTime<Utc>>,
}

/// Members of one tenant in the order in which their accounts were made.
pub async fn search(tx: &mut Connection, filter: &MemberFilter, most: i64) -> QueryResult<Vec<Member>> {
    let shown = members(filter.tenant, filter.realm).filter(is_shown());
    let mut query = shown.order(memberships::user_id).limit(most).into_boxed();
    if let Some(text) = &filter.text {
        let pattern = format!("%{}%", escaped(text));
        query = query.filter(users::name.ilike(pattern.clone()).or(users::email.ilike(pattern)));
    }
    if let Some(status) = filter.status {
        query = query.filter(memberships::status.eq(status));
    }
    if let Some(role) = &filter.role {
        let holders = membership_roles::table
            .filter(membership_roles::tenant_id.eq(filter.tenant).and(membership_roles::role.eq(role)))
            .select(membership_roles::user_id);
        query = query.filter(memberships::user_id.eq_any(holders));
    }
    if let Some(after) = filter.after {
        query = query.filter(memberships::user_id.gt(after));
    }
    query.load(tx).await
}

pub async fn find(
    tx: &mut Connection,
    (tenant, realm, user): (TenantId, RealmId, UserId),
) -> QueryResult<Option<Member>> {
    let tenant = scope::tenant_of_row(tx, tenant, ("memberships", "user_id", user.as_uuid())).await?;
    members(tenant, realm).filter(memberships::user_id.eq(user)).filter(is_shown()).first(tx).await.optional()
}

/// Whoever has not confirmed their address, or not accepted, is no member that staff are shown.
fn is_shown() -> diesel::dsl::NotEq<memberships::status, MembershipStatus> {
    memberships::status.ne(MembershipStatus::Invited)
}

#[diesel::dsl::auto_type]
fn members(tenant: TenantId, realm: RealmId) -> _ {
    let account = users::realm_id.eq(memberships::realm_id).and(users::id.eq(memberships::user_id));
    let lock = membership_locks::tenant_id
        .eq(memberships::tenant_id)
        .and(membership_locks::user_id.eq(memberships::user_id));
    memberships::table
        .inner_join(users::table.on(account))
        .left_join(membership_locks::table.on(lock))
        .filter(memberships::tenant_id.eq(tenant).and(memberships::realm_id.eq(realm)))
        .select((
            memberships::user_id,
            users::email,
            users::email_verified_at,
            users::name,
            users::locale,
            users::kind,
            users::status,
            users::expires_at,
            memberships::status,
            memberships::tier,
            memberships::created_at,
            membership_locks::reason.nullable(),
            membership_locks::locked_by.nullable(),
            membership_locks::locked_at.nullable(),
        ))
}

/// `%` and `_` are looked for as they are.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The roles of these members, each with its member, in the order of their names.
pub async fn roles_of(
    tx: &mut Connection,
    tenant: TenantId,
    users: &[UserId],
) -> QueryResult<Vec<(UserId, String)>> {
    membership_roles::table
        .filter(membership_roles::tenant_id.eq(tenant))
        .filter(membership_roles::user_id.eq_any(users.iter().copied()))
        .order((membership_roles::user_id, membership_roles::role))
        .select((membership_roles::user_id, membership_roles::role))
        .load(tx)
        .await
}

pub async fn note_lock(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (reason, by): (&Reason, UserId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(membership_locks::table)
        .values((
            membership_locks::tenant_id.eq(tenant),
            membership_locks::user_id.eq(user),
            membership_locks::reason.eq(reason.as_str()),
            membership_locks::locked_by.eq(by),
            membership_locks::locked_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub async fn forget_lock(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<()> {
    diesel::delete(membership_locks::table.find((tenant, user))).execute(tx).await.map(drop)
}

/// Why somebody is locked out, in whichever tenant the transaction sees.
pub async fn lock_reason_here(tx: &mut Connection, user: UserId) -> QueryResult<Option<String>> {
    membership_locks::table
        .filter(membership_locks::user_id.eq(user))
        .select(membership_locks::reason)
        .first(tx)
        .await
        .optional()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_search_for_a_sign_finds_the_sign() {
        assert_eq!(super::escaped(r"50%_\x"), r"50\%\_\\x");
    }
}
