//! Who is what in a tenant.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_contracts::auth::TenantStatus;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_identity::Permission;
use shinkofa_kernel::{RealmId, Role, TenantId, Tier, UserId, defended};

use super::schema::{erasures, membership_roles, memberships, role_permissions, users};
use super::scope;
use super::shared_tables::tenants;
use super::users::Account;
use crate::domain::account::{AccountKind, AccountStatus, MembershipStatus};
use crate::domain::authority::{Authority, CustomRole};
use crate::domain::erasure::ErasureState;

/// Somebody's place in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub status: MembershipStatus,
    pub tier: Tier,
    pub tenant_status: TenantStatus,
    /// Those of the system, in their own order.
    pub roles: Vec<Role>,
    /// Those that the tenant made, in the order of their names.
    pub custom_roles: Vec<CustomRole>,
    /// It is none: see [`Membership::account_only`].
    pub account_only: bool,
}

impl Membership {
    /// The place of a member of nothing, which ways in and sessions treat as any other. No row stands behind it, so nothing else finds it.
    pub fn account_only(tenant_status: TenantStatus) -> Self {
        Self {
            status: MembershipStatus::Active,
            tier: Tier::Free,
            tenant_status,
            roles: Vec::new(),
            custom_roles: Vec::new(),
            account_only: true,
        }
    }

    /// Does it bring any right? Not one that is not active itself, nor any in a tenant that is not.
    pub fn is_active(&self) -> bool {
        self.belongs() && (self.tenant_is_open() || !defended!("V28-membership"))
    }

    /// Is the person a member, whatever has become of the tenant?
    pub fn belongs(&self) -> bool {
        self.status == MembershipStatus::Active || !defended!("V23")
    }

    /// Does the tenant write to the person? To members, and to whoever signed up in it with an address that is not confirmed yet:
    /// nobody else's address is for it to know.
    pub fn is_written_to(&self, account: &Account) -> bool {
        let waits = account.email_verified_at.is_none() && self.status == MembershipStatus::Invited;
        self.is_active() || waits && self.tenant_is_open()
    }

    pub fn tenant_is_open(&self) -> bool {
        self.tenant_status == TenantStatus::Active
    }

    /// What the member may do and hand on.
    pub fn authority(&self) -> Authority<'_> {
        Authority { roles: &self.roles, custom_roles: &self.custom_roles }
    }

    pub fn custom_role_names(&self) -> Vec<String> {
        self.custom_roles.iter().map(|role| role.name.clone()).collect()
    }

    /// Every role by its name.
    pub fn role_names(&self) -> Vec<String> {
        let system = self.roles.iter().map(|role| role.as_str().to_owned());
        system.chain(self.custom_role_names()).collect()
    }
}

#[derive(Insertable)]
#[diesel(table_name = memberships)]
struct NewMembership {
    tenant_id: TenantId,
    user_id: UserId,
    realm_id: RealmId,
    status: MembershipStatus,
    tier: Tier,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl NewMembership {
    /// Whatever somebody becomes, they begin on the free tier.
    fn new(
        (tenant_id, realm_id, user_id): (TenantId, RealmId, UserId),
        status: MembershipStatus,
        now: DateTime<Utc>,
    ) -> Self {
        let (created_at, updated_at) = (now, now);
        Self { tenant_id, user_id, realm_id, status, tier: Tier::Free, created_at, updated_at }
    }
}

pub(super) type Row = (MembershipStatus, Tier, TenantStatus, Option<String>);

#[diesel::dsl::auto_type]
fn described() -> _ {
    memberships::table
        .inner_join(tenants::table.on(tenants::id.eq(memberships::tenant_id)))
        .left_join(
            membership_roles::table.on(membership_roles::tenant_id
                .eq(memberships::tenant_id)
                .and(membership_roles::user_id.eq(memberships::user_id))),
        )
        .select((memberships::status, memberships::tier, tenants::status, membership_roles::role.nullable()))
}

pub async fn find(mut tx: &Connection, tenant: TenantId, user: UserId) -> QueryResult<Option<Membership>> {
    let theirs = memberships::tenant_id.eq(tenant).and(memberships::user_id.eq(user));
    let rows = described().filter(theirs).load(&mut tx).await?;
    described_by(tx, rows).await
}

// Outer joins keep the order in which the rows are locked: account, membership, tenant. And they are looked at, so that they are locked.
prepared_query! {
    struct HoldMember { tenant: TenantId as Uuid, person: UserId as Uuid }
    ", member AS (
        SELECT known.user_id FROM memberships known, input
        WHERE known.tenant_id = input.tenant AND known.user_id = input.person FOR SHARE OF known
    ), place AS (
        SELECT known.status FROM tenants known, input WHERE known.id = input.tenant FOR KEY SHARE OF known
    )
    SELECT place.status IS NOT NULL AS is_somewhere FROM member LEFT JOIN place ON true"
}

#[derive(QueryableByName)]
struct HeldMember {
    #[diesel(sql_type = Bool)]
    is_somewhere: bool,
}

/// The same, kept as it is until the transaction ends, and its tenant open: whoever is let in by it is not missed by whoever takes it
/// away or closes the tenant.
pub async fn held(mut tx: &Connection, tenant: TenantId, user: UserId) -> QueryResult<Option<Membership>> {
    let held: Option<HeldMember> =
        HoldMember { tenant, person: user }.get_result(&mut tx).await.optional()?;
    if held.is_some_and(|held| held.is_somewhere) { find(tx, tenant, user).await } else { Ok(None) }
}

prepared_query! {
    struct HoldPerson { realm: RealmId as Uuid, tenant: TenantId as Uuid, person: UserId as Uuid }
    ", account AS (
        SELECT known.token_version FROM users known, input
        WHERE known.realm_id = input.realm AND known.id = input.person FOR KEY SHARE OF known
    ), member AS (
        SELECT known.user_id FROM memberships known, input
        WHERE known.tenant_id = input.tenant AND known.user_id = input.person FOR SHARE OF known
    ), place AS (
        SELECT known.status FROM tenants known, input WHERE known.id = input.tenant FOR KEY SHARE OF known
    )
    SELECT account.token_version, member.user_id IS NOT NULL AND place.status IS NOT NULL AS is_member
    FROM account LEFT JOIN member ON true LEFT JOIN place ON true"
}

/// Somebody's account and their place in a tenant, kept as they are until the transaction ends, and the tenant open: whoever is let in
/// by them is not missed by whoever takes them away, or closes the tenant.
#[derive(QueryableByName)]
pub struct HeldPerson {
    #[diesel(sql_type = Integer)]
    pub token_version: i32,
    #[diesel(sql_type = Bool)]
    pub is_member: bool,
}

pub async fn hold_person(
    mut tx: &Connection,
    (realm, tenant, person): (RealmId, TenantId, UserId),
) -> QueryResult<Option<HeldPerson>> {
    HoldPerson { realm, tenant, person }.get_result(&mut tx).await.optional()
}

/// The membership in whichever tenant the transaction sees.
pub async fn here(tx: &mut Connection, user: UserId) -> QueryResult<Option<Membership>> {
    let rows = described().filter(memberships::user_id.eq(user)).load(tx).await?;
    described_by(tx, rows).await
}

#[diesel::dsl::auto_type]
fn roles_of_membership() -> _ {
    membership_roles::tenant_id
        .eq(memberships::tenant_id)
        .and(membership_roles::user_id.eq(memberships::user_id))
}

/// The membership that these rows tell of, one for each of its roles.
pub(super) async fn described_by(tx: &Connection, rows: Vec<Row>) -> QueryResult<Option<Membership>> {
    let Some(&(status, tier, tenant_status, _)) = rows.as_slice().first() else { return Ok(None) };
    let names: Vec<String> = rows.into_iter().filter_map(|(_, _, _, role)| role).collect();
    let mut roles: Vec<Role> = names.iter().filter_map(|name| name.parse().ok()).collect();
    roles.sort_unstable();
    let custom: Vec<String> = names.into_iter().filter(|name| name.parse::<Role>().is_err()).collect();
    let custom_roles = if custom.is_empty() { Vec::new() } else { custom_roles(tx, custom).await? };
    Ok(Some(Membership { status, tier, tenant_status, roles, custom_roles, account_only: false }))
}

/// What the tenant's own roles allow, in whichever tenant the transaction sees.
async fn custom_roles(mut tx: &Connection, mut names: Vec<String>) -> QueryResult<Vec<CustomRole>> {
    names.sort_unstable();
    let allowed: Vec<(String, String)> = role_permissions::table
        .filter(role_permissions::role.eq_any(&names))
        .select((role_permissions::role, role_permissions::permission))
        .load(&mut tx)
        .await?;
    let custom_role = |name: String| {
        let of_role = allowed.iter().filter(|(role, _)| *role == name);
        let permissions = of_role.filter_map(|(_, permission)| Permission::named(permission)).collect();
        CustomRole { name, permissions }
    };
    Ok(names.into_iter().map(custom_role).collect())
}

/// Makes somebody an active member, unless they belong to the tenant already.
pub async fn join(
    tx: &mut Connection,
    who: (TenantId, RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let membership = NewMembership::new(who, MembershipStatus::Active, now);
    diesel::insert_into(memberships::table)
        .values(membership)
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
}

/// Gives a member exactly these roles of the system.
pub async fn set_roles(
    tx: &mut Connection,
    tenant: TenantId,
    user: UserId,
    roles: &[Role],
) -> QueryResult<()> {
    let names: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    set_named_roles(tx, tenant, user, &names).await
}

/// Gives a member exactly these roles of the tenant, which the caller knows to be there.
pub async fn set_named_roles(
    tx: &mut Connection,
    tenant: TenantId,
    user: UserId,
    roles: &[String],
) -> QueryResult<()> {
    let theirs = membership_roles::tenant_id.eq(tenant).and(membership_roles::user_id.eq(user));
    diesel::delete(membership_roles::table.filter(theirs)).execute(tx).await?;
    let rows: Vec<_> = roles
        .iter()
        .map(|role| {
            (
                membership_roles::tenant_id.eq(tenant),
                membership_roles::user_id.eq(user),
                membership_roles::role.eq(role.as_str()),
            )
        })
        .collect();
    diesel::insert_into(membership_roles::table).values(rows).execute(tx).await.map(drop)
}

/// Keeps these members as they are until the transaction ends. Always in one order, so that two who meet do not wait for
/// each other for ever.
pub async fn hold(tx: &mut Connection, tenant: TenantId, users: &[UserId]) -> QueryResult<()> {
    memberships::table
        .filter(memberships::tenant_id.eq(tenant).and(memberships::user_id.eq_any(users.iter().copied())))
        .order(memberships::user_id)
        .select(memberships::user_id)
        .for_update()
        .load::<UserId>(tx)
        .await
        .map(drop)
}

/// Is somebody else an active admin here, and a person who may sign in and has not asked to be forgotten? The transaction sees
/// the realm.
pub async fn has_another_admin(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    let mut others = admins(tx, tenant).await?;
    others.retain(|admin| *admin != user);
    let leaving: Vec<UserId> = erasures::table
        .filter(erasures::user_id.eq_any(&others))
        .filter(erasures::state.eq_any([ErasureState::Scheduled, ErasureState::Erasing]))
        .select(erasures::user_id)
        .load(tx)
        .await?;
    others.retain(|admin| !leaving.contains(admin));
    let staying = users::table
        .filter(users::id.eq_any(&others))
        .filter(users::kind.eq(AccountKind::Member).and(users::status.eq(AccountStatus::Active)));
    diesel::select(diesel::dsl::exists(staying)).get_result(tx).await
}

/// Everybody who has this role.
pub async fn with_role(tx: &mut Connection, tenant: TenantId, role: &str) -> QueryResult<Vec<UserId>> {
    membership_roles::table
        .filter(membership_roles::tenant_id.eq(tenant).and(membership_roles::role.eq(role)))
        .order(membership_roles::user_id)
        .select(membership_roles::user_id)
        .load(tx)
        .await
}

/// The active admins of a tenant.
pub async fn admins(tx: &mut Connection, tenant: TenantId) -> QueryResult<Vec<UserId>> {
    memberships::table
        .inner_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::tenant_id.eq(tenant).and(memberships::status.eq(MembershipStatus::Active)))
        .filter(membership_roles::role.eq(Role::Admin.as_str()))
        .order(memberships::user_id)
        .select(memberships::user_id)
        .load(tx)
        .await
}

/// Moves a membership from one status to another, if it has the first.
pub async fn change_status(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    (from, to): (MembershipStatus, MembershipStatus),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unmoved = memberships::table.find((tenant, user)).filter(memberships::status.eq(from));
    let moved = diesel::update(unmoved)
        .set((memberships::status.eq(to), memberships::updated_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(moved == 1)
}

/// Ends these memberships in whichever tenant the transaction sees.
pub async fn remove_here(tx: &mut Connection, users: &[UserId]) -> QueryResult<()> {
    diesel::delete(memberships::table.filter(memberships::user_id.eq_any(users))).execute(tx).await.map(drop)
}

/// Ends a membership. False where there is none.
pub async fn remove(tx: &mut Connection, tenant: TenantId, user: UserId) -> QueryResult<bool> {
    Ok(diesel::delete(memberships::table.find((tenant, user))).execute(tx).await? == 1)
}

/// Keeps a place for whoever signed up and has not confirmed their address. Whoever is anything here already stays that.
pub async fn keep_place(
    tx: &mut Connection,
    who: (TenantId, RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let membership = NewMembership::new(who, MembershipStatus::Invited, now);
    diesel::insert_into(memberships::table)
        .values(membership)
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
}

/// Makes somebody an active member who was none, or had only been asked to be. Of several at once the first does; false for whoever is
/// a member already, or suspended.
pub async fn join_once(
    tx: &mut Connection,
    who: (TenantId, RealmId, UserId),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    use diesel::query_dsl::methods::FilterDsl as _;

    let membership = NewMembership::new(who, MembershipStatus::Active, now);
    let joined = diesel::insert_into(memberships::table)
        .values(membership)
        .on_conflict((memberships::tenant_id, memberships::user_id))
        .do_update()
        .set((memberships::status.eq(MembershipStatus::Active), memberships::updated_at.eq(now)))
        .filter(memberships::status.eq_any([MembershipStatus::Invited, MembershipStatus::Accepted]))
        .execute(tx)
        .await?;
    Ok(joined == 1)
}

/// What somebody is in one of their tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belonging {
    pub tenant: TenantId,
    pub slug: String,
    pub name: String,
    pub domain: Option<String>,
    pub tenant_status: TenantStatus,
    pub status: MembershipStatus,
    pub tier: Tier,
    /// By name, in no order of importance.
    pub roles: Vec<String>,
}

impl Belonging {
    /// Is the person an admin there, and is it not closed for good?
    pub fn is_administered(&self) -> bool {
        self.is_of_an_admin() && self.tenant_status != TenantStatus::Closed
    }

    /// The same, and perhaps it is closed.
    pub fn is_of_an_admin(&self) -> bool {
        self.status == MembershipStatus::Active && self.roles.iter().any(|role| role == Role::Admin.as_str())
    }
}

type BelongingRow =
    (TenantId, String, String, Option<String>, TenantStatus, MembershipStatus, Tier, Option<String>);

/// Everything that somebody is anywhere, by the age of the tenants. Like the timeline's it is a question that looks across
/// tenants, and it sees nobody else's rows.
pub async fn everywhere(tx: &mut Connection, user: UserId) -> QueryResult<Vec<Belonging>> {
    scope::ask_as_person(tx, Some(user)).await?;
    let rows = memberships::table
        .inner_join(tenants::table.on(tenants::id.eq(memberships::tenant_id)))
        .left_join(membership_roles::table.on(roles_of_membership()))
        .filter(memberships::user_id.eq(user))
        .order((memberships::tenant_id, membership_roles::role))
        .select((
            tenants::id,
            tenants::slug,
            tenants::name,
            tenants::domain,
            tenants::status,
            memberships::status,
            memberships::tier,
            membership_roles::role.nullable(),
        ))
        .load::<BelongingRow>(tx)
        .await?;
    scope::ask_as_person(tx, None).await?;
    let mut belongings: Vec<Belonging> = Vec::new();
    for (tenant, slug, name, domain, tenant_status, status, tier, role) in rows {
        if let Some(last) = belongings.last_mut().filter(|last| last.tenant == tenant) {
            last.roles.extend(role);
            continue;
        }
        let roles = role.into_iter().collect();
        belongings.push(Belonging { tenant, slug, name, domain, tenant_status, status, tier, roles });
    }
    Ok(belongings)
}
