//! Second factors.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId, typed_id};

use super::portions::delete_portion;
use super::schema::user_factors;
use crate::domain::account::FactorKind;

typed_id! {
    /// One second factor.
    FactorId
}

/// A second factor of somebody.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = user_factors)]
pub struct Factor {
    pub id: FactorId,
    pub kind: FactorKind,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// A factor that makes codes from a shared secret.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = user_factors)]
pub struct CodeFactor {
    pub id: FactorId,
    #[diesel(select_expression = user_factors::secret_sealed.assume_not_null())]
    pub secret_sealed: String,
    pub last_step: Option<i64>,
}

#[derive(Insertable)]
#[diesel(table_name = user_factors)]
pub struct NewFactor {
    pub realm_id: RealmId,
    pub user_id: UserId,
    pub id: FactorId,
    pub kind: FactorKind,
    pub secret_sealed: Option<String>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl CodeFactor {
    /// What its secret is sealed for: a row cannot borrow another one's.
    pub fn sealed_for(id: FactorId) -> String {
        format!("user_factor:{id}")
    }
}

pub async fn insert(tx: &mut Connection, factor: &NewFactor) -> QueryResult<()> {
    diesel::insert_into(user_factors::table).values(factor).execute(tx).await.map(drop)
}

/// The kinds of factor that are asked for when this person signs in.
pub async fn confirmed_kinds(
    mut tx: &Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<FactorKind>> {
    user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user)))
        .filter(user_factors::confirmed_at.is_not_null())
        .select(user_factors::kind)
        .distinct()
        .order(user_factors::kind)
        .load(&mut tx)
        .await
}

pub async fn any_confirmed(mut tx: &Connection, realm: RealmId, user: UserId) -> QueryResult<bool> {
    let confirmed = user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user)))
        .filter(user_factors::confirmed_at.is_not_null());
    diesel::select(exists(confirmed)).get_result(&mut tx).await
}

/// Everything that somebody has confirmed, oldest first.
pub async fn confirmed(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<Vec<Factor>> {
    user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user)))
        .filter(user_factors::confirmed_at.is_not_null())
        .order((user_factors::created_at, user_factors::id))
        .select(Factor::as_select())
        .load(tx)
        .await
}

pub async fn confirmed_totp(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<CodeFactor>> {
    user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user)))
        .filter(user_factors::kind.eq(FactorKind::Totp).and(user_factors::confirmed_at.is_not_null()))
        .order(user_factors::id)
        .select(CodeFactor::as_select())
        .load(tx)
        .await
}

/// An authenticator app that still has to show that it has the secret.
pub async fn find_unconfirmed(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    enrolled_after: DateTime<Utc>,
) -> QueryResult<Option<CodeFactor>> {
    user_factors::table
        .find((realm, user, id))
        .filter(user_factors::kind.eq(FactorKind::Totp).and(user_factors::confirmed_at.is_null()))
        .filter(user_factors::created_at.gt(enrolled_after))
        .select(CodeFactor::as_select())
        .first(tx)
        .await
        .optional()
}

/// Confirms a factor by a code of `step`, which is used up with it. Of several at once exactly one does.
pub async fn confirm(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    step: i64,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let unconfirmed =
        user_factors::table.find((realm, user, id)).filter(user_factors::confirmed_at.is_null());
    let confirmed = diesel::update(unconfirmed)
        .set((user_factors::confirmed_at.eq(now), user_factors::last_step.eq(step)))
        .execute(tx)
        .await?;
    Ok(confirmed == 1)
}

/// Uses a step up. Of several at once with one code exactly one does.
pub async fn use_step(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    step: i64,
) -> QueryResult<bool> {
    let unused = user_factors::last_step.is_null().or(user_factors::last_step.lt(step));
    let used = diesel::update(user_factors::table.find((realm, user, id)).filter(unused))
        .set(user_factors::last_step.eq(step))
        .execute(tx)
        .await?;
    Ok(used == 1)
}

pub async fn delete(tx: &mut Connection, (realm, user, id): (RealmId, UserId, FactorId)) -> QueryResult<()> {
    diesel::delete(user_factors::table.find((realm, user, id))).execute(tx).await.map(drop)
}

/// A new enrolment takes the place of one that was begun and not confirmed.
pub async fn delete_unconfirmed(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<()> {
    let begun = user_factors::realm_id
        .eq(realm)
        .and(user_factors::user_id.eq(user))
        .and(user_factors::confirmed_at.is_null());
    diesel::delete(user_factors::table.filter(begun)).execute(tx).await.map(drop)
}

/// Removes at most `most`.
pub async fn delete_unconfirmed_before(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let begun = user_factors::realm_id
        .eq(realm)
        .and(user_factors::confirmed_at.is_null())
        .and(user_factors::created_at.lt(before));
    delete_portion(tx, user_factors::table, begun, most).await
}

/// Removes those of somebody's that were begun at this instant or later, with the passkeys among them.
pub async fn delete_made_since(
    tx: &mut Connection,
    (realm, user): (RealmId, UserId),
    since: DateTime<Utc>,
) -> QueryResult<usize> {
    let theirs = user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user));
    let made = user_factors::table.filter(theirs).filter(user_factors::created_at.ge(since));
    diesel::delete(made).execute(tx).await
}

/// Removes all of theirs.
pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = user_factors::realm_id.eq(realm).and(user_factors::user_id.eq_any(users));
    diesel::delete(user_factors::table.filter(theirs)).execute(tx).await.map(drop)
}

/// A secret and whose it is.
pub type SealedSecret = (UserId, FactorId, String);

/// Some secrets that were not sealed with the key `kid`.
pub async fn sealed_otherwise(
    tx: &mut Connection,
    realm: RealmId,
    kid: &str,
    most: i64,
) -> QueryResult<Vec<SealedSecret>> {
    user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::secret_sealed.is_not_null()))
        .filter(user_factors::secret_sealed.assume_not_null().not_like(format!("{}.%", literal(kid))))
        .order((user_factors::user_id, user_factors::id))
        .limit(most)
        .select((user_factors::user_id, user_factors::id, user_factors::secret_sealed.assume_not_null()))
        .load(tx)
        .await
}

/// Keeps a secret under another key, unless it was changed meanwhile.
pub async fn reseal(
    tx: &mut Connection,
    (realm, user, id): (RealmId, UserId, FactorId),
    (before, after): (&str, &str),
) -> QueryResult<usize> {
    let same = user_factors::table.find((realm, user, id)).filter(user_factors::secret_sealed.eq(before));
    diesel::update(same).set(user_factors::secret_sealed.eq(after)).execute(tx).await
}

/// A text as a pattern that only matches itself.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}
