//! What an identity provider calls people, and what it may see of them: the members of a tenant, and those whom it invited.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, TenantId, UserId, typed_id};

use super::invitations::InvitationId;
use super::schema::scim_users;

typed_id! {
    /// What an identity provider knows somebody by: of a member whom it did not bring, the id of their account.
    ScimUserId
}

/// A row, as it is written.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = scim_users)]
#[diesel(treat_none_as_null = true)]
pub struct Provisioned {
    pub tenant_id: TenantId,
    pub id: ScimUserId,
    pub user_id: Option<UserId>,
    pub invitation_id: Option<InvitationId>,
    pub user_name: String,
    pub user_name_canonical: String,
    pub external_id: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub deactivated_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Somebody whom an identity provider may see.
#[derive(Clone, Debug, QueryableByName)]
pub struct Person {
    #[diesel(sql_type = Uuid)]
    pub id: ScimUserId,
    /// The account. None of whoever is only invited: whether there is one is not told.
    #[diesel(sql_type = Nullable<Uuid>)]
    pub user_id: Option<UserId>,
    #[diesel(sql_type = Nullable<Uuid>)]
    pub invitation_id: Option<InvitationId>,
    #[diesel(sql_type = Text)]
    pub user_name: String,
    #[diesel(sql_type = Text)]
    pub user_name_canonical: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub external_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub display_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub given_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub family_name: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub deactivated_at: Option<DateTime<Utc>>,
    /// What the account is called. Empty of whoever is only invited.
    #[diesel(sql_type = Text)]
    pub account_name: String,
    /// The account's own address, or the invited one.
    #[diesel(sql_type = Text)]
    pub email: String,
    #[diesel(sql_type = Bool)]
    pub active: bool,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// Whom a question is about: everybody where it names nothing.
#[derive(Clone, Debug, Default)]
pub struct PersonFilter {
    pub id: Option<ScimUserId>,
    pub user_name_canonical: Option<String>,
    pub external_id: Option<String>,
}

/// Members of the kind that signs up, and whoever is invited. Guests, temporary accounts and programs are no provider's.
macro_rules! found {
    () => {
        ", people AS (
            SELECT coalesce(known.id, member.user_id) AS id, member.user_id, known.invitation_id,
                coalesce(known.user_name, account.email) AS user_name,
                coalesce(known.user_name_canonical, account.email_canonical) AS user_name_canonical,
                known.external_id, known.display_name, known.given_name, known.family_name, known.deactivated_at,
                account.name AS account_name, account.email, member.status = 'active' AS active,
                coalesce(known.created_at, member.created_at) AS created_at,
                greatest(known.updated_at, member.updated_at) AS updated_at
            FROM input
            JOIN memberships member ON member.tenant_id = input.tenant AND member.status IN ('active', 'suspended')
            JOIN users account ON account.realm_id = member.realm_id AND account.id = member.user_id
                AND account.kind = 'member'
            LEFT JOIN scim_users known ON known.tenant_id = member.tenant_id AND known.user_id = member.user_id
            UNION ALL
            SELECT known.id, NULL, known.invitation_id, known.user_name, known.user_name_canonical, known.external_id,
                known.display_name, known.given_name, known.family_name, known.deactivated_at, '', known.user_name,
                false, known.created_at, known.updated_at
            FROM input JOIN scim_users known ON known.tenant_id = input.tenant AND known.user_id IS NULL
        ), found AS (
            SELECT people.* FROM people, input
            WHERE (input.wanted_id IS NULL OR people.id = input.wanted_id)
              AND (input.wanted_name IS NULL OR people.user_name_canonical = input.wanted_name)
              AND (input.wanted_external IS NULL OR people.external_id = input.wanted_external)
        )"
    };
}

prepared_query! {
    struct FindPeople {
        tenant: TenantId as Uuid,
        wanted_id: Option<ScimUserId> as Nullable<Uuid>,
        wanted_name: Option<String> as Nullable<Text>,
        wanted_external: Option<String> as Nullable<Text>,
        skipped: i64 as BigInt,
        most: i64 as BigInt,
    }
    concat!(
        found!(),
        " SELECT found.* FROM found ORDER BY found.id
        LIMIT (SELECT input.most FROM input) OFFSET (SELECT input.skipped FROM input)"
    )
}

prepared_query! {
    struct CountPeople {
        tenant: TenantId as Uuid,
        wanted_id: Option<ScimUserId> as Nullable<Uuid>,
        wanted_name: Option<String> as Nullable<Text>,
        wanted_external: Option<String> as Nullable<Text>,
    }
    concat!(found!(), " SELECT count(*) AS people FROM found")
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    people: i64,
}

/// In the order of their ids, behind the first `skipped`. The transaction sees the realm.
pub async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    filter: &PersonFilter,
    (skipped, most): (i64, i64),
) -> QueryResult<Vec<Person>> {
    let PersonFilter { id, user_name_canonical, external_id } = filter.clone();
    let query = FindPeople {
        tenant,
        wanted_id: id,
        wanted_name: user_name_canonical,
        wanted_external: external_id,
        skipped,
        most,
    };
    query.load(tx).await
}

pub async fn count(tx: &mut Connection, tenant: TenantId, filter: &PersonFilter) -> QueryResult<i64> {
    let PersonFilter { id, user_name_canonical, external_id } = filter.clone();
    let query =
        CountPeople { tenant, wanted_id: id, wanted_name: user_name_canonical, wanted_external: external_id };
    query.get_result(tx).await.map(|counted: Counted| counted.people)
}

/// Writes a row, or in place of the one that its id has.
pub async fn save(tx: &mut Connection, row: &Provisioned) -> QueryResult<()> {
    diesel::insert_into(scim_users::table)
        .values(row)
        .on_conflict((scim_users::tenant_id, scim_users::id))
        .do_update()
        .set(row)
        .execute(tx)
        .await
        .map(drop)
}

/// Forgets somebody whom a provider brought.
pub async fn delete(tx: &mut Connection, tenant: TenantId, id: ScimUserId) -> QueryResult<()> {
    diesel::delete(scim_users::table.find((tenant, id))).execute(tx).await.map(drop)
}

/// Forgets those who never accepted one of these invitations, in whichever tenant the transaction sees.
pub async fn delete_invited_here(tx: &mut Connection, invitations: &[InvitationId]) -> QueryResult<()> {
    let theirs = scim_users::invitation_id.eq_any(invitations).and(scim_users::user_id.is_null());
    diesel::delete(scim_users::table.filter(theirs)).execute(tx).await.map(drop)
}

prepared_query! {
    struct Recognise { tenant: TenantId as Uuid, realm: RealmId as Uuid }
    " UPDATE scim_users known SET user_id = member.user_id
    FROM input, memberships member, users account
    WHERE known.tenant_id = input.tenant AND known.user_id IS NULL
      AND account.realm_id = input.realm AND account.email_canonical = known.user_name_canonical
      AND account.email_verified_at IS NOT NULL AND account.kind = 'member'
      AND member.tenant_id = input.tenant AND member.user_id = account.id AND member.status IN ('active', 'suspended')
      AND NOT EXISTS (SELECT FROM scim_users other
            WHERE other.tenant_id = input.tenant AND other.user_id = account.id)"
}

/// Whoever was invited and has become a member, by whichever way, is that member from now on. A confirmed address alone tells that
/// it is them.
pub async fn recognise(tx: &mut Connection, (tenant, realm): (TenantId, RealmId)) -> QueryResult<()> {
    Recognise { tenant, realm }.execute(tx).await.map(drop)
}

/// What a provider said of somebody.
#[derive(Clone, Debug, Queryable)]
pub struct Told {
    pub user_name: String,
    pub user_name_canonical: String,
    pub external_id: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
}

/// What was said of somebody, by their account or by an address that is theirs, in whichever tenant the transaction sees.
pub async fn told_here(
    tx: &mut Connection,
    user: UserId,
    confirmed_address: Option<&str>,
) -> QueryResult<Vec<Told>> {
    let mut query = scim_users::table
        .filter(scim_users::user_id.eq(user))
        .order(scim_users::created_at)
        .select((
            scim_users::user_name,
            scim_users::user_name_canonical,
            scim_users::external_id,
            scim_users::display_name,
            scim_users::given_name,
            scim_users::family_name,
        ))
        .into_boxed();
    if let Some(address) = confirmed_address {
        let invited = scim_users::user_name_canonical.eq(address).and(scim_users::user_id.is_null());
        query = query.or_filter(invited);
    }
    query.load(tx).await
}
