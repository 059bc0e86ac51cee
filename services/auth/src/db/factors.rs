//! Second factors.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{RealmId, UserId};

use super::schema::user_factors;
use crate::domain::account::FactorKind;

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
