//! Invitations: found by the digest of what their reader has, used as often as they say and no more.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId, typed_id};
use shinkofa_web::Locale;

use super::schema::{invitation_acceptances, invitation_keys, invitation_roles, invitations};
use super::scim_users;
use crate::domain::invitation::InvitationKind;

typed_id! {
    /// One invitation.
    InvitationId
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
pub struct Invitation {
    pub tenant_id: TenantId,
    pub id: InvitationId,
    pub realm_id: RealmId,
    pub kind: InvitationKind,
    pub email: Option<String>,
    pub email_canonical: Option<String>,
    pub locale: Locale,
    pub code_sealed: Option<String>,
    pub most_uses: i32,
    pub uses: i32,
    pub invited_by: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Invitation {
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && self.uses < self.most_uses
    }

    /// Whom letters about it are to, before anybody knows who that is.
    pub fn addressee(&self) -> UserId {
        UserId::from_uuid(self.id.as_uuid())
    }
}

/// Makes an invitation that promises these roles. False where its address has an open one.
pub async fn insert(tx: &mut Connection, invitation: &Invitation, roles: &[String]) -> QueryResult<bool> {
    let insert = diesel::insert_into(invitations::table).values(invitation).on_conflict_do_nothing();
    if insert.execute(tx).await? == 0 {
        return Ok(false);
    }
    let promised: Vec<_> = roles
        .iter()
        .map(|role| {
            (
                invitation_roles::tenant_id.eq(invitation.tenant_id),
                invitation_roles::invitation_id.eq(invitation.id),
                invitation_roles::role.eq(role),
            )
        })
        .collect();
    diesel::insert_into(invitation_roles::table).values(promised).execute(tx).await?;
    Ok(true)
}

/// Lets `digest` lead to the invitation, and nothing that led to it before.
pub async fn set_key(
    tx: &mut Connection,
    realm: RealmId,
    (tenant, invitation): (TenantId, InvitationId),
    digest: &[u8],
) -> QueryResult<()> {
    delete_keys(tx, realm, &[invitation]).await?;
    diesel::insert_into(invitation_keys::table)
        .values((
            invitation_keys::realm_id.eq(realm),
            invitation_keys::digest.eq(digest),
            invitation_keys::for_tenant.eq(tenant),
            invitation_keys::invitation_id.eq(invitation),
        ))
        .execute(tx)
        .await
        .map(drop)
}

async fn delete_keys(tx: &mut Connection, realm: RealmId, of: &[InvitationId]) -> QueryResult<()> {
    let theirs = invitation_keys::realm_id.eq(realm).and(invitation_keys::invitation_id.eq_any(of));
    diesel::delete(invitation_keys::table.filter(theirs)).execute(tx).await.map(drop)
}

/// Where any of these digests leads.
pub async fn place(
    tx: &mut Connection,
    realm: RealmId,
    digests: &[Vec<u8>],
) -> QueryResult<Option<(TenantId, InvitationId)>> {
    invitation_keys::table
        .filter(invitation_keys::realm_id.eq(realm).and(invitation_keys::digest.eq_any(digests)))
        .select((invitation_keys::for_tenant, invitation_keys::invitation_id))
        .first(tx)
        .await
        .optional()
}

pub async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    id: InvitationId,
) -> QueryResult<Option<Invitation>> {
    invitations::table.find((tenant, id)).select(Invitation::as_select()).first(tx).await.optional()
}

/// One invitation, which nobody else uses or changes until the transaction ends.
pub async fn lock(
    tx: &mut Connection,
    tenant: TenantId,
    id: InvitationId,
) -> QueryResult<Option<Invitation>> {
    let locked = invitations::table.find((tenant, id)).select(Invitation::as_select()).for_update();
    locked.first(tx).await.optional()
}

/// Counts one use of an open invitation. Of several at once no more get it than it was made for.
pub async fn use_up(
    tx: &mut Connection,
    (tenant, id): (TenantId, InvitationId),
    now: DateTime<Utc>,
) -> QueryResult<Option<Invitation>> {
    let open = invitations::table
        .find((tenant, id))
        .filter(invitations::revoked_at.is_null().and(invitations::expires_at.gt(now)))
        .filter(invitations::uses.lt(invitations::most_uses));
    diesel::update(open)
        .set(invitations::uses.eq(invitations::uses + 1))
        .returning(Invitation::as_returning())
        .get_result(tx)
        .await
        .optional()
}

/// Notes that somebody accepted an invitation. False where they had done so before.
pub async fn note_acceptance(
    tx: &mut Connection,
    (tenant, id): (TenantId, InvitationId),
    user: UserId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let noted = diesel::insert_into(invitation_acceptances::table)
        .values((
            invitation_acceptances::tenant_id.eq(tenant),
            invitation_acceptances::invitation_id.eq(id),
            invitation_acceptances::user_id.eq(user),
            invitation_acceptances::accepted_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(noted == 1)
}

/// The names of the roles that these invitations promise, each with its invitation.
pub async fn roles_of(
    tx: &mut Connection,
    tenant: TenantId,
    ids: &[InvitationId],
) -> QueryResult<Vec<(InvitationId, String)>> {
    invitation_roles::table
        .filter(invitation_roles::tenant_id.eq(tenant).and(invitation_roles::invitation_id.eq_any(ids)))
        .order((invitation_roles::invitation_id, invitation_roles::role))
        .select((invitation_roles::invitation_id, invitation_roles::role))
        .load(tx)
        .await
}

/// Invitations of a tenant, the newest first: all, or those that can still be accepted.
pub async fn list(
    tx: &mut Connection,
    tenant: TenantId,
    (open_at, before): (Option<DateTime<Utc>>, Option<InvitationId>),
    most: i64,
) -> QueryResult<Vec<Invitation>> {
    let mut query = invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .order(invitations::id.desc())
        .select(Invitation::as_select())
        .limit(most)
        .into_boxed();
    if let Some(now) = open_at {
        query = query
            .filter(invitations::revoked_at.is_null().and(invitations::expires_at.gt(now)))
            .filter(invitations::uses.lt(invitations::most_uses));
    }
    if let Some(before) = before {
        query = query.filter(invitations::id.lt(before));
    }
    query.load(tx).await
}

/// Those among these that can still be accepted, in the order in which they are locked.
pub async fn open_among(
    tx: &mut Connection,
    tenant: TenantId,
    ids: &[InvitationId],
    now: DateTime<Utc>,
) -> QueryResult<Vec<InvitationId>> {
    invitations::table
        .filter(invitations::tenant_id.eq(tenant).and(invitations::id.eq_any(ids)))
        .filter(invitations::revoked_at.is_null().and(invitations::expires_at.gt(now)))
        .filter(invitations::uses.lt(invitations::most_uses))
        .order(invitations::id)
        .select(invitations::id)
        .load(tx)
        .await
}

/// Who accepted any of these.
pub async fn accepted_by(
    tx: &mut Connection,
    tenant: TenantId,
    ids: &[InvitationId],
) -> QueryResult<Vec<UserId>> {
    invitation_acceptances::table
        .filter(invitation_acceptances::tenant_id.eq(tenant))
        .filter(invitation_acceptances::invitation_id.eq_any(ids))
        .select(invitation_acceptances::user_id)
        .load(tx)
        .await
}

pub async fn count_open(tx: &mut Connection, tenant: TenantId, now: DateTime<Utc>) -> QueryResult<i64> {
    invitations::table
        .filter(invitations::tenant_id.eq(tenant))
        .filter(invitations::revoked_at.is_null().and(invitations::expires_at.gt(now)))
        .filter(invitations::uses.lt(invitations::most_uses))
        .count()
        .get_result(tx)
        .await
}

pub async fn revoke(
    tx: &mut Connection,
    (tenant, id): (TenantId, InvitationId),
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let open = invitations::table.find((tenant, id)).filter(invitations::revoked_at.is_null());
    diesel::update(open).set(invitations::revoked_at.eq(now)).execute(tx).await.map(drop)
}

/// An invitation that expired stands in nobody's way.
pub async fn revoke_expired_to(
    tx: &mut Connection,
    tenant: TenantId,
    email_canonical: &str,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let expired = invitations::table
        .filter(invitations::tenant_id.eq(tenant).and(invitations::email_canonical.eq(email_canonical)))
        .filter(invitations::revoked_at.is_null().and(invitations::expires_at.le(now)));
    diesel::update(expired).set(invitations::revoked_at.eq(now)).execute(tx).await.map(drop)
}

/// Opens an invitation again until `until`, in the name of somebody who may.
pub async fn renew(
    tx: &mut Connection,
    (tenant, id): (TenantId, InvitationId),
    (by, until): (UserId, DateTime<Utc>),
) -> QueryResult<()> {
    diesel::update(invitations::table.find((tenant, id)))
        .set((invitations::invited_by.eq(by), invitations::expires_at.eq(until)))
        .execute(tx)
        .await
        .map(drop)
}

/// Every invitation to these addresses, in whichever tenant the transaction sees.
pub async fn to_addresses_here(tx: &mut Connection, canonical: &[&str]) -> QueryResult<Vec<Invitation>> {
    invitations::table
        .filter(invitations::email_canonical.eq_any(canonical.to_vec()))
        .order(invitations::id)
        .select(Invitation::as_select())
        .load(tx)
        .await
}

/// What somebody accepted, in whichever tenant the transaction sees.
pub async fn accepted_here(
    tx: &mut Connection,
    user: UserId,
) -> QueryResult<Vec<(InvitationId, DateTime<Utc>)>> {
    invitation_acceptances::table
        .filter(invitation_acceptances::user_id.eq(user))
        .order(invitation_acceptances::accepted_at)
        .select((invitation_acceptances::invitation_id, invitation_acceptances::accepted_at))
        .load(tx)
        .await
}

pub async fn forget_acceptances_here(tx: &mut Connection, users: &[UserId]) -> QueryResult<()> {
    let theirs = invitation_acceptances::user_id.eq_any(users);
    diesel::delete(invitation_acceptances::table.filter(theirs)).execute(tx).await.map(drop)
}

/// Invitations that nobody could accept any more since `before`, in whichever tenant the transaction sees.
pub async fn over_here(
    tx: &mut Connection,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<Invitation>> {
    invitations::table
        .filter(invitations::expires_at.lt(before))
        .select(Invitation::as_select())
        .limit(most)
        .load(tx)
        .await
}

/// Removes invitations with all that hangs on them, and what an identity provider said of those who never accepted.
pub async fn delete(tx: &mut Connection, realm: RealmId, invitations: &[Invitation]) -> QueryResult<()> {
    let ids: Vec<InvitationId> = invitations.iter().map(|invitation| invitation.id).collect();
    // Whoever accepts one, or takes it back, has it first as well, and what is said of its person after it.
    let held = invitations::table.filter(invitations::id.eq_any(&ids)).order(invitations::id);
    held.select(invitations::id).for_update().load::<InvitationId>(tx).await?;
    delete_keys(tx, realm, &ids).await?;
    scim_users::delete_invited_here(tx, &ids).await?;
    let theirs = invitations::table.filter(invitations::id.eq_any(ids));
    diesel::delete(theirs).execute(tx).await.map(drop)
}
