//! How many codes were tried for somebody lately.

use diesel::sql_types::Integer;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName,
};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, UserId};

use super::portions::delete_portion;
use super::schema::factor_guesses;

prepared_query! {
    struct Count { realm: RealmId as Uuid, person: UserId as Uuid, present: i64 as BigInt, most: i32 as Integer }
    // Those that come at once wait for one another at the row, and each sees what the one before it counted.
    " INSERT INTO factor_guesses AS known (realm_id, user_id, step, guesses) SELECT realm, person, present, 1 FROM input
      ON CONFLICT (realm_id, user_id) DO UPDATE SET
        guesses = CASE WHEN known.step = excluded.step THEN known.guesses + 1 ELSE 1 END, step = excluded.step
        WHERE known.step <> excluded.step OR known.guesses < (SELECT most FROM input)
      RETURNING known.guesses"
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    #[expect(dead_code, reason = "that there is a row says it all")]
    guesses: i32,
}

/// Counts one guess in the time step `present`; false when there were `most` already.
pub async fn count(
    tx: &mut Connection,
    (realm, person): (RealmId, UserId),
    present: i64,
    most: i32,
) -> QueryResult<bool> {
    let row: Option<Row> = Count { realm, person, present, most }.get_result(tx).await.optional()?;
    Ok(row.is_some())
}

/// Removes at most `most`.
pub async fn delete_before(tx: &mut Connection, realm: RealmId, step: i64, most: i64) -> QueryResult<usize> {
    let old = factor_guesses::realm_id.eq(realm).and(factor_guesses::step.lt(step));
    delete_portion(tx, factor_guesses::table, old, most).await
}

pub async fn delete_of_users(tx: &mut Connection, realm: RealmId, users: &[UserId]) -> QueryResult<()> {
    let theirs = factor_guesses::realm_id.eq(realm).and(factor_guesses::user_id.eq_any(users));
    diesel::delete(factor_guesses::table.filter(theirs)).execute(tx).await.map(drop)
}
