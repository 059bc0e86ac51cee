//! This service's own log, where a person has to be forgotten in it.

use diesel::sql_types::BigInt;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::Position;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::UserId;

prepared_query! {
    struct ForgetPerson { person: UserId as Uuid }
    " UPDATE events SET personal = NULL FROM input WHERE aggregate_type = 'user' AND aggregate_id = person"
}

/// Nulls the personal part of every event about somebody, in place: what happened stays, to whom does not.
pub async fn forget_person(tx: &mut Connection, person: UserId) -> QueryResult<()> {
    ForgetPerson { person }.execute(tx).await.map(drop)
}

prepared_query! {
    struct LastAbout { person: UserId as Uuid }
    " SELECT transaction, number FROM events, input WHERE aggregate_type = 'user' AND aggregate_id = person
    ORDER BY aggregate_seq DESC LIMIT 1"
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Where the last event about somebody stands.
pub async fn last_about(tx: &mut Connection, person: UserId) -> QueryResult<Position> {
    let place = LastAbout { person }.get_result::<Place>(tx).await?;
    Ok(Position { transaction: place.transaction, number: place.number })
}
