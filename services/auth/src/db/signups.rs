//! Requests to sign up, until their address is confirmed.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, TenantId, UserId, typed_id};
use shinkofa_web::Locale;

use super::portions::delete_portion;
use super::schema::signups;

typed_id! {
    /// One request to sign up.
    SignupId
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = signups)]
pub struct Signup {
    pub realm_id: RealmId,
    pub id: SignupId,
    pub for_tenant: TenantId,
    pub email: String,
    pub email_canonical: String,
    pub name: String,
    pub locale: Locale,
    pub password_phc: String,
    pub created_at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
    /// Leads to the invitation that it came with.
    pub invitation_digest: Option<Vec<u8>>,
    /// What was agreed to with it, as [`GivenConsents`](crate::domain::consent::GivenConsents) are written.
    pub consents: serde_json::Value,
}

/// As long as somebody may reasonably ask for another link.
pub const SIGNUPS_KEPT: TimeDelta = TimeDelta::days(7);

impl Signup {
    /// Whom a letter to this address is to: nobody that is known here, so that it is forgotten apart from every account.
    pub fn addressee(&self) -> UserId {
        UserId::from_uuid(self.id.as_uuid())
    }
}

pub async fn insert(tx: &mut Connection, signup: &Signup) -> QueryResult<()> {
    diesel::insert_into(signups::table).values(signup).execute(tx).await.map(drop)
}

pub async fn find(tx: &mut Connection, realm: RealmId, id: SignupId) -> QueryResult<Option<Signup>> {
    signups::table.find((realm, id)).select(Signup::as_select()).first(tx).await.optional()
}

/// Marks a request as settled; `None` when it was before, or is gone.
pub async fn settle(
    tx: &mut Connection,
    realm: RealmId,
    id: SignupId,
    now: DateTime<Utc>,
) -> QueryResult<Option<Signup>> {
    diesel::update(signups::table.find((realm, id)).filter(signups::settled_at.is_null()))
        .set(signups::settled_at.eq(now))
        .returning(Signup::as_select())
        .get_result(tx)
        .await
        .optional()
}

/// Every request to sign up with this address that is still known, the oldest first.
pub async fn of_address(
    tx: &mut Connection,
    realm: RealmId,
    email_canonical: &str,
) -> QueryResult<Vec<Signup>> {
    signups::table
        .filter(signups::realm_id.eq(realm).and(signups::email_canonical.eq(email_canonical)))
        .order((signups::created_at, signups::id))
        .select(Signup::as_select())
        .load(tx)
        .await
}

pub async fn delete(tx: &mut Connection, realm: RealmId, id: SignupId) -> QueryResult<()> {
    diesel::delete(signups::table.find((realm, id))).execute(tx).await.map(drop)
}

pub async fn delete_for_addresses(
    tx: &mut Connection,
    realm: RealmId,
    canonical: &[&str],
) -> QueryResult<()> {
    let pending = signups::realm_id.eq(realm).and(signups::email_canonical.eq_any(canonical.to_vec()));
    diesel::delete(signups::table.filter(pending)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_older_than(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let old = signups::realm_id.eq(realm).and(signups::created_at.lt(before));
    delete_portion(tx, signups::table, old, most).await
}
