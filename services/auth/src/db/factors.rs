//! Second factors.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId, typed_id};

use super::schema::user_factors;
use crate::domain::account::FactorKind;

typed_id! {
    /// One second factor.
    FactorId
}

/// A factor that makes codes from a shared secret.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = user_factors)]
pub struct CodeFactor {
    pub id: FactorId,
    pub secret_sealed: String,
    pub last_step: Option<i64>,
}

impl CodeFactor {
    /// What its secret is sealed for: a row cannot borrow another one's.
    pub fn sealed_for(id: FactorId) -> String {
        format!("user_factor:{id}")
    }
}

/// The kinds of factor that are asked for when this person signs in.
pub async fn confirmed_kinds(
    tx: &mut Connection,
    realm: RealmId,
    user: UserId,
) -> QueryResult<Vec<FactorKind>> {
    user_factors::table
        .filter(user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user)))
        .filter(user_factors::confirmed_at.is_not_null())
        .select(user_factors::kind)
        .distinct()
        .order(user_factors::kind)
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

/// Removes all of somebody's.
pub async fn delete_of_user(tx: &mut Connection, realm: RealmId, user: UserId) -> QueryResult<()> {
    let theirs = user_factors::realm_id.eq(realm).and(user_factors::user_id.eq(user));
    diesel::delete(user_factors::table.filter(theirs)).execute(tx).await.map(drop)
}
