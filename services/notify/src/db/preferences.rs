//! Preferences: what a person switched off.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::{TenantId, UserId};

use super::schema::preferences;
use crate::domain::{Channel, Kind};

/// The kinds that the person chose something for, and what.
pub async fn list(tx: &mut Connection, tenant: TenantId, person: UserId) -> QueryResult<Vec<(Kind, bool)>> {
    preferences::table
        .filter(preferences::tenant_id.eq(tenant).and(preferences::user_id.eq(person)))
        .filter(preferences::channel.eq(Channel::Email))
        .order(preferences::kind)
        .select((preferences::kind, preferences::enabled))
        .load(tx)
        .await
}

/// Puts `choices` in the place of everything chosen before.
pub async fn replace(
    tx: &mut Connection,
    (tenant, person): (TenantId, UserId),
    choices: &[(Kind, bool)],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    erase(tx, tenant, person).await?;
    let rows: Vec<_> = choices
        .iter()
        .map(|(kind, enabled)| {
            (
                preferences::tenant_id.eq(tenant),
                preferences::user_id.eq(person),
                preferences::kind.eq(*kind),
                preferences::channel.eq(Channel::Email),
                preferences::enabled.eq(*enabled),
                preferences::updated_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(preferences::table).values(rows).on_conflict_do_nothing().execute(tx).await.map(drop)
}

pub async fn erase(tx: &mut Connection, tenant: TenantId, person: UserId) -> QueryResult<()> {
    let theirs = preferences::tenant_id.eq(tenant).and(preferences::user_id.eq(person));
    diesel::delete(preferences::table.filter(theirs)).execute(tx).await.map(drop)
}
