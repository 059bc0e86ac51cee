//! What was taken back: recorded with the change, told to every service.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl;
use shinkofa_contracts::auth::{RevocationEntry, RevocationPage};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_identity::Revocation;
use shinkofa_kernel::{SessionId, UserId};

use super::portions::delete_portion;
use super::schema::revocations;

pub async fn record(tx: &mut Connection, revocation: &Revocation, now: DateTime<Utc>) -> QueryResult<()> {
    let (user, version, session) = match revocation {
        Revocation::User { user_id, token_version } => (Some(*user_id), Some(*token_version), None),
        Revocation::Session { session_id } => (None, None, Some(*session_id)),
    };
    diesel::insert_into(revocations::table)
        .values((
            revocations::user_id.eq(user),
            revocations::token_version.eq(version),
            revocations::session_id.eq(session),
            revocations::revoked_at.eq(now),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Rows that are written in one statement: PostgreSQL takes 65535 parameters.
const BATCH: usize = 10_000;

/// The same for many people at once, each with the version that their tokens have from now on.
pub async fn record_users(
    tx: &mut Connection,
    users: &[(UserId, i32)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    for batch in users.chunks(BATCH) {
        let rows: Vec<_> = batch
            .iter()
            .map(|(user, version)| {
                (
                    revocations::user_id.eq(Some(*user)),
                    revocations::token_version.eq(Some(*version)),
                    revocations::revoked_at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(revocations::table).values(rows).execute(tx).await?;
    }
    Ok(())
}

/// The same for many sessions at once.
pub async fn record_sessions(
    tx: &mut Connection,
    sessions: &[SessionId],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    for batch in sessions.chunks(BATCH) {
        let rows: Vec<_> = batch
            .iter()
            .map(|session| (revocations::session_id.eq(Some(*session)), revocations::revoked_at.eq(now)))
            .collect();
        diesel::insert_into(revocations::table).values(rows).execute(tx).await?;
    }
    Ok(())
}

/// So many are told at once; those of one transaction stay together.
const PAGE: i32 = 5_000;

prepared_query! {
    struct After { after: i64 as BigInt, most: i32 as Integer }
    // The oldest running transaction may still commit something: the next page starts with it. Until it ends, what later
    // ones committed is told again, which harms nobody, and never late.
    ", page AS (
        SELECT transaction, number, user_id, token_version, session_id, revoked_at
        FROM revocations WHERE transaction >= (SELECT after FROM input)
        ORDER BY transaction FETCH FIRST (SELECT most FROM input) ROWS WITH TIES
    )
    SELECT page.transaction, page.user_id, page.token_version, page.session_id, page.revoked_at,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running
    FROM (VALUES (1)) one LEFT JOIN page ON true ORDER BY page.transaction, page.number"
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<BigInt>)]
    transaction: Option<i64>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    user_id: Option<UserId>,
    #[diesel(sql_type = Nullable<Integer>)]
    token_version: Option<i32>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    session_id: Option<SessionId>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    revoked_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    oldest_running: i64,
}

impl Row {
    fn entry(&self) -> Option<RevocationEntry> {
        let revocation = match (self.user_id, self.token_version, self.session_id) {
            (Some(user_id), Some(token_version), _) => Revocation::User { user_id, token_version },
            (_, _, Some(session_id)) => Revocation::Session { session_id },
            _ => return None,
        };
        Some(RevocationEntry { revocation, revoked_at: self.revoked_at? })
    }
}

/// What was revoked by transactions from `after` on, where to read on at once if there is more, and where to go on from later.
pub async fn after(tx: &mut Connection, after: i64) -> QueryResult<RevocationPage> {
    let rows: Vec<Row> = After { after, most: PAGE }.load(tx).await?;
    let oldest_running = rows.as_slice().first().map_or(after, |row| row.oldest_running);
    let items: Vec<_> = rows.iter().filter_map(Row::entry).collect();
    let is_full = items.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let last = rows.as_slice().last().and_then(|row| row.transaction).filter(|_| is_full);
    let next = last.map(|last| last + 1);
    let cursor = next.map_or(oldest_running, |next| oldest_running.min(next));
    Ok(RevocationPage { items, cursor, next })
}

/// Removes at most `most`.
pub async fn delete_older_than(tx: &mut Connection, before: DateTime<Utc>, most: i64) -> QueryResult<usize> {
    delete_portion(tx, revocations::table, revocations::revoked_at.lt(before), most).await
}
