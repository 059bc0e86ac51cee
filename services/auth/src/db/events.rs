//! This service's own log, where a person has to be forgotten in it.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::Position;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};

prepared_query! {
    struct ForgetPeople { people: Vec<UserId> as Array<Uuid> }
    " UPDATE events SET personal = NULL FROM input
    WHERE aggregate_type = 'user' AND aggregate_id = ANY (input.people)"
}

/// Nulls the personal part of every event about these people, in place: what happened stays, to whom does not.
pub async fn forget_people(tx: &mut Connection, people: &[UserId]) -> QueryResult<()> {
    ForgetPeople { people: people.to_vec() }.execute(tx).await.map(drop)
}

prepared_query! {
    struct ToldOf { person: UserId as Uuid }
    " SELECT type, occurred_at, personal FROM events, input
    WHERE aggregate_type = 'user' AND aggregate_id = person AND personal IS NOT NULL
    ORDER BY aggregate_seq"
}

/// What the other services were told about how to address somebody.
#[derive(Debug, QueryableByName)]
pub struct Told {
    #[diesel(sql_type = Text, column_name = "type")]
    pub type_name: String,
    #[diesel(sql_type = Timestamptz)]
    pub occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Jsonb)]
    pub personal: serde_json::Value,
}

/// The personal part of every event about somebody, the oldest first.
pub async fn told_of(tx: &mut Connection, person: UserId) -> QueryResult<Vec<Told>> {
    ToldOf { person }.load(tx).await
}

prepared_query! {
    struct ToldWhere { person: UserId as Uuid }
    " SELECT DISTINCT for_tenant FROM events, input
    WHERE aggregate_type = 'user' AND aggregate_id = person AND for_tenant IS NOT NULL"
}

#[derive(QueryableByName)]
struct Telling {
    #[diesel(sql_type = SqlUuid)]
    for_tenant: TenantId,
}

/// The tenants in which the other services were told anything about somebody, also where it was forgotten since.
pub async fn told_where(tx: &mut Connection, person: UserId) -> QueryResult<Vec<TenantId>> {
    let tellings: Vec<Telling> = ToldWhere { person }.load(tx).await?;
    Ok(tellings.into_iter().map(|telling| telling.for_tenant).collect())
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
