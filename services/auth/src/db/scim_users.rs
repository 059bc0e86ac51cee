//! What an identity provider calls people, and what it may see of them: the members of a tenant, and those whom it invited.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, TenantId, UserId, typed_id};

use super::invitations::InvitationId;
use super::schema::scim_users;
use super::scope;

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
    /// None of a member whom the provider calls by the address of their account.
    pub user_name: Option<String>,
    pub user_name_canonical: Option<String>,
    pub external_id: Option<String>,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    /// When the provider suspended the membership, or took the invitation back.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// Who said for the provider that they are not to be active.
    pub unwanted_by: Option<UserId>,
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
    /// Did the provider say the name, or is it the address of their account?
    #[diesel(sql_type = Bool)]
    pub is_named: bool,
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
    #[diesel(sql_type = Nullable<Uuid>)]
    pub unwanted_by: Option<UserId>,
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

/// Where members are looked for: all of them, or those that a relation `theirs` names, so that the index finds them.
macro_rules! members {
    (everybody) => {
        "FROM input JOIN memberships member ON member.tenant_id = input.tenant"
    };
    (theirs) => {
        "FROM input CROSS JOIN theirs
            JOIN memberships member ON member.tenant_id = input.tenant AND member.user_id = theirs.user_id"
    };
}

/// Members of the kind that signs up, with an address that is known to be theirs, and whoever is invited. Guests, temporary accounts
/// and programs are no provider's.
macro_rules! found {
    ($whom:ident, $invited:literal) => {
        concat!(
            ", found AS (
            SELECT coalesce(known.id, member.user_id) AS id, member.user_id, known.invitation_id,
                coalesce(known.user_name, account.email) AS user_name,
                coalesce(known.user_name_canonical, account.email_canonical) AS user_name_canonical,
                known.user_name IS NOT NULL AS is_named,
                known.external_id, known.display_name, known.given_name, known.family_name, known.deactivated_at,
                known.unwanted_by, account.name AS account_name, account.email, member.status = 'active' AS active,
                coalesce(known.created_at, member.created_at) AS created_at,
                greatest(known.updated_at, member.updated_at) AS updated_at
            ",
            members!($whom),
            " AND member.status IN ('active', 'suspended')
            JOIN users account ON account.realm_id = member.realm_id AND account.id = member.user_id
                AND account.kind = 'member' AND account.email_verified_at IS NOT NULL
            LEFT JOIN scim_users known ON known.tenant_id = member.tenant_id AND known.user_id = member.user_id
            UNION ALL
            SELECT known.id, NULL, known.invitation_id, known.user_name, known.user_name_canonical, true,
                known.external_id, known.display_name, known.given_name, known.family_name, known.deactivated_at,
                known.unwanted_by, '', known.user_name, false, known.created_at, known.updated_at
            FROM input JOIN scim_users known ON known.tenant_id = input.tenant AND known.user_id IS NULL",
            $invited,
            ")"
        )
    };
}

prepared_query! {
    struct PageOfPeople { tenant: TenantId as Uuid, skipped: i64 as BigInt, most: i64 as BigInt }
    concat!(
        found!(everybody, ""),
        " SELECT found.* FROM found ORDER BY found.id
        LIMIT (SELECT input.most FROM input) OFFSET (SELECT input.skipped FROM input)"
    )
}

prepared_query! {
    struct CountPeople { tenant: TenantId as Uuid }
    concat!(found!(everybody, ""), " SELECT count(*) AS people FROM found")
}

// The id is the account's where the provider never spoke of them.
prepared_query! {
    struct FindPerson { tenant: TenantId as Uuid, wanted: ScimUserId as Uuid }
    concat!(
        ", theirs AS (
            SELECT known.user_id FROM scim_users known, input
            WHERE known.tenant_id = input.tenant AND known.id = input.wanted AND known.user_id IS NOT NULL
            UNION SELECT input.wanted FROM input
        )",
        found!(theirs, " AND known.id = input.wanted"),
        " SELECT found.* FROM found, input WHERE found.id = input.wanted"
    )
}

prepared_query! {
    struct FindNamed { tenant: TenantId as Uuid, realm: RealmId as Uuid, wanted: String as Text }
    concat!(
        ", theirs AS (
            SELECT known.user_id FROM scim_users known, input
            WHERE known.tenant_id = input.tenant AND known.user_name_canonical = input.wanted
              AND known.user_id IS NOT NULL
            UNION SELECT account.id FROM users account, input
            WHERE account.realm_id = input.realm AND account.email_canonical = input.wanted
        )",
        found!(theirs, " AND known.user_name_canonical = input.wanted"),
        " SELECT found.* FROM found, input WHERE found.user_name_canonical = input.wanted ORDER BY found.id"
    )
}

prepared_query! {
    struct FindByExternalId { tenant: TenantId as Uuid, wanted: String as Text }
    concat!(
        ", theirs AS (
            SELECT known.user_id FROM scim_users known, input
            WHERE known.tenant_id = input.tenant AND known.external_id = input.wanted AND known.user_id IS NOT NULL
        )",
        found!(theirs, " AND known.external_id = input.wanted"),
        " SELECT found.* FROM found"
    )
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    people: i64,
}

/// Everybody in the order of their ids, behind the first `skipped`. As everywhere here, the transaction sees the realm.
pub async fn page(
    tx: &mut Connection,
    tenant: TenantId,
    (skipped, most): (i64, i64),
) -> QueryResult<Vec<Person>> {
    PageOfPeople { tenant, skipped, most }.load(tx).await
}

/// How many people there are in all.
pub async fn count(tx: &mut Connection, tenant: TenantId) -> QueryResult<i64> {
    CountPeople { tenant }.get_result(tx).await.map(|counted: Counted| counted.people)
}

pub async fn find(tx: &mut Connection, tenant: TenantId, id: ScimUserId) -> QueryResult<Option<Person>> {
    let tenant = scope::tenant_of_row(tx, tenant, ("scim_users", "id", id.as_uuid())).await?;
    FindPerson { tenant, wanted: id }.get_result(tx).await.optional()
}

/// Whoever has this user name. A provider may have called somebody what is another one's address later.
pub async fn find_named(
    tx: &mut Connection,
    (tenant, realm): (TenantId, RealmId),
    canonical: &str,
) -> QueryResult<Vec<Person>> {
    FindNamed { tenant, realm, wanted: canonical.to_owned() }.load(tx).await
}

pub async fn find_by_external_id(
    tx: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> QueryResult<Option<Person>> {
    FindByExternalId { tenant, wanted: external_id.to_owned() }.get_result(tx).await.optional()
}

/// Does the provider call somebody so?
pub async fn is_name_said(tx: &mut Connection, tenant: TenantId, canonical: &str) -> QueryResult<bool> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::user_name_canonical.eq(canonical));
    diesel::select(exists(scim_users::table.filter(theirs))).get_result(tx).await
}

pub async fn is_external_id_said(
    tx: &mut Connection,
    tenant: TenantId,
    external_id: &str,
) -> QueryResult<bool> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::external_id.eq(external_id));
    diesel::select(exists(scim_users::table.filter(theirs))).get_result(tx).await
}

/// Keeps what is said of somebody until the transaction ends: whoever joins meanwhile is known after it.
pub async fn hold(tx: &mut Connection, tenant: TenantId, id: ScimUserId) -> QueryResult<()> {
    let held = scim_users::table.find((tenant, id)).select(scim_users::id).for_update();
    held.first::<ScimUserId>(tx).await.optional().map(drop)
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
    " UPDATE scim_users known SET user_id = member.user_id, deactivated_at = NULL
    FROM input, memberships member, users account
    WHERE known.tenant_id = input.tenant AND known.user_id IS NULL
      AND account.realm_id = input.realm AND account.email_canonical = known.user_name_canonical
      AND account.email_verified_at IS NOT NULL AND account.kind = 'member'
      AND member.tenant_id = input.tenant AND member.user_id = account.id AND member.status IN ('active', 'suspended')
      AND NOT EXISTS (SELECT FROM scim_users other
            WHERE other.tenant_id = input.tenant AND other.user_id = account.id)
    RETURNING member.user_id, known.unwanted_by"
}

/// A member who was invited before.
#[derive(QueryableByName)]
pub struct Recognised {
    #[diesel(sql_type = Uuid)]
    pub user_id: UserId,
    #[diesel(sql_type = Nullable<Uuid>)]
    pub unwanted_by: Option<UserId>,
}

/// Whoever was invited and has become a member, by whichever way, is that member from now on. A confirmed address alone tells that
/// it is them.
pub async fn recognise(
    tx: &mut Connection,
    (tenant, realm): (TenantId, RealmId),
) -> QueryResult<Vec<Recognised>> {
    Recognise { tenant, realm }.load(tx).await
}

/// Does the provider say that this member is not to be active?
pub async fn is_unwanted(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::user_id.eq(user));
    let unwanted = scim_users::table.filter(theirs).filter(scim_users::unwanted_by.is_not_null());
    diesel::select(exists(unwanted)).get_result(tx).await
}

/// When the provider suspended this member.
pub async fn deactivated_at(
    tx: &mut Connection,
    tenant: TenantId,
    user: UserId,
) -> QueryResult<Option<DateTime<Utc>>> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::user_id.eq(user));
    let found = scim_users::table.filter(theirs).select(scim_users::deactivated_at);
    found.first::<Option<DateTime<Utc>>>(tx).await.optional().map(Option::flatten)
}

/// Says who does not want this member to be active, and when the provider suspended them.
pub async fn set_standing(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (unwanted_by, deactivated_at): (Option<UserId>, Option<DateTime<Utc>>),
) -> QueryResult<()> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::user_id.eq(user));
    diesel::update(scim_users::table.filter(theirs))
        .set((scim_users::unwanted_by.eq(unwanted_by), scim_users::deactivated_at.eq(deactivated_at)))
        .execute(tx)
        .await
        .map(drop)
}

/// The suspension of this member is not the provider's any more, whatever it wants.
pub async fn forget_suspension(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<()> {
    let theirs = scim_users::tenant_id.eq(tenant).and(scim_users::user_id.eq(user));
    diesel::update(scim_users::table.filter(theirs))
        .set(scim_users::deactivated_at.eq(None::<DateTime<Utc>>))
        .execute(tx)
        .await
        .map(drop)
}

/// What a provider said of somebody.
#[derive(Clone, Debug, Queryable)]
pub struct Told {
    pub user_name: Option<String>,
    pub user_name_canonical: Option<String>,
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
