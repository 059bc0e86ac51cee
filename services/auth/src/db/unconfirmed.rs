//! Accounts that somebody signed up for and nobody confirmed.

use chrono::{DateTime, Utc};
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{RealmId, UserId};

/// Whoever asks for a letter about it, or signs up anew, may still confirm it.
macro_rules! given_up {
    ($whose:literal) => {
        concat!(
            " SELECT users.id FROM input, users
    WHERE users.realm_id = realm AND users.kind = 'member' AND users.email_verified_at IS NULL AND users.status <> 'erased'
      AND users.created_at < made_before
      AND NOT EXISTS (SELECT FROM signups s WHERE s.realm_id = users.realm_id AND s.email_canonical = users.email_canonical
          AND s.created_at >= made_before)
      AND NOT EXISTS (SELECT FROM one_time_tokens t WHERE t.realm_id = users.realm_id AND t.user_id = users.id
          AND t.consumed_at IS NULL AND t.expires_at > now)",
            $whose
        )
    };
}

prepared_query! {
    struct GivenUp { realm: RealmId as Uuid, now: DateTime<Utc> as Timestamptz, made_before: DateTime<Utc> as Timestamptz, most: i64 as BigInt }
    given_up!(" ORDER BY users.created_at LIMIT (SELECT most FROM input)")
}

prepared_query! {
    struct IsGivenUp { realm: RealmId as Uuid, now: DateTime<Utc> as Timestamptz, made_before: DateTime<Utc> as Timestamptz, person: UserId as Uuid }
    given_up!(" AND users.id = person")
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: UserId,
}

/// The oldest accounts whose address nobody can confirm any more.
pub async fn given_up(
    tx: &mut Connection,
    realm: RealmId,
    (now, made_before): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> QueryResult<Vec<UserId>> {
    let rows: Vec<Row> = GivenUp { realm, now, made_before, most }.load(tx).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Is this one of them?
pub async fn is_given_up(
    tx: &mut Connection,
    (realm, person): (RealmId, UserId),
    (now, made_before): (DateTime<Utc>, DateTime<Utc>),
) -> QueryResult<bool> {
    let found: Vec<Row> = IsGivenUp { realm, now, made_before, person }.load(tx).await?;
    Ok(!found.is_empty())
}
