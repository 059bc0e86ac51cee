//! This service's own log, where a person has to be forgotten in it.

use diesel::QueryResult;
use diesel_async::RunQueryDsl as _;
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
