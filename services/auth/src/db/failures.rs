//! Failed attempts to sign in.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::RealmId;

use super::portions::delete_portion;
use super::schema::auth_failures;
use crate::domain::device::Digest;
use crate::domain::lockout::Failures;

type Row = (i32, DateTime<Utc>, DateTime<Utc>);

const COLUMNS: (auth_failures::failures, auth_failures::counting_since, auth_failures::locked_until) =
    (auth_failures::failures, auth_failures::counting_since, auth_failures::locked_until);

fn failures((count, counting_since, locked_until): Row) -> Failures {
    Failures { count, counting_since, locked_until }
}

pub async fn find(mut tx: &Connection, realm: RealmId, subject: &Digest) -> QueryResult<Option<Failures>> {
    let row = auth_failures::table
        .find((realm, subject.to_vec()))
        .select(COLUMNS)
        .first::<Row>(&mut tx)
        .await
        .optional()?;
    Ok(row.map(failures))
}

/// The failures of those of these subjects that have any.
pub async fn find_each(
    mut tx: &Connection,
    realm: RealmId,
    subjects: &[Digest],
) -> QueryResult<Vec<(Digest, Failures)>> {
    let subjects: Vec<Vec<u8>> = subjects.iter().map(|subject| subject.to_vec()).collect();
    let rows: Vec<(Vec<u8>, Row)> = auth_failures::table
        .filter(auth_failures::realm_id.eq(realm).and(auth_failures::subject.eq_any(subjects)))
        .select((auth_failures::subject, COLUMNS))
        .load(&mut tx)
        .await?;
    let each = |(subject, row): (Vec<u8>, Row)| {
        let subject: Digest = subject.try_into().ok()?;
        Some((subject, failures(row)))
    };
    Ok(rows.into_iter().filter_map(each).collect())
}

/// Counts one more failure. Those that fail at the same moment wait for one another here, so none is lost.
pub async fn record(
    tx: &mut Connection,
    realm: RealmId,
    subject: &Digest,
    now: DateTime<Utc>,
) -> QueryResult<Failures> {
    let first = Failures::after(None, now);
    let inserted = diesel::insert_into(auth_failures::table)
        .values((
            auth_failures::realm_id.eq(realm),
            auth_failures::subject.eq(subject.to_vec()),
            auth_failures::failures.eq(first.count),
            auth_failures::counting_since.eq(first.counting_since),
            auth_failures::locked_until.eq(first.locked_until),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    if inserted == 1 {
        return Ok(first);
    }
    let known = auth_failures::table.find((realm, subject.to_vec()));
    let previous =
        known.clone().select(COLUMNS).for_update().first::<Row>(tx).await.optional()?.map(failures);
    let next = Failures::after(previous, now);
    diesel::update(known)
        .set((
            auth_failures::failures.eq(next.count),
            auth_failures::counting_since.eq(next.counting_since),
            auth_failures::locked_until.eq(next.locked_until),
        ))
        .execute(tx)
        .await?;
    Ok(next)
}

pub async fn clear(mut tx: &Connection, realm: RealmId, subject: &Digest) -> QueryResult<()> {
    diesel::delete(auth_failures::table.find((realm, subject.to_vec()))).execute(&mut tx).await.map(drop)
}

/// On how many subjects at most `most` attempts failed, the first of them since `instant`.
pub async fn few_since(
    tx: &mut Connection,
    realm: RealmId,
    (instant, most): (DateTime<Utc>, i32),
) -> QueryResult<i64> {
    auth_failures::table
        .filter(auth_failures::realm_id.eq(realm).and(auth_failures::counting_since.ge(instant)))
        .filter(auth_failures::failures.le(most))
        .count()
        .get_result(tx)
        .await
}

/// Removes at most `most`.
pub async fn delete_older_than(
    tx: &mut Connection,
    realm: RealmId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<usize> {
    let old = auth_failures::realm_id.eq(realm).and(auth_failures::counting_since.lt(before));
    delete_portion(tx, auth_failures::table, old, most).await
}
