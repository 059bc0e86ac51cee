//! Which providers are switched off.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::RealmId;

use super::schema::disabled_providers;
use crate::domain::provider::Provider;

pub async fn is_disabled(tx: &mut Connection, realm: RealmId, provider: Provider) -> QueryResult<bool> {
    diesel::select(exists(disabled_providers::table.find((realm, provider)))).get_result(tx).await
}

pub async fn all_disabled(tx: &mut Connection, realm: RealmId) -> QueryResult<Vec<Provider>> {
    disabled_providers::table
        .filter(disabled_providers::realm_id.eq(realm))
        .select(disabled_providers::provider)
        .load(tx)
        .await
}

/// False where it was switched off already.
pub async fn disable(
    tx: &mut Connection,
    (realm, provider): (RealmId, Provider),
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let written = diesel::insert_into(disabled_providers::table)
        .values((
            disabled_providers::realm_id.eq(realm),
            disabled_providers::provider.eq(provider),
            disabled_providers::disabled_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(written > 0)
}

/// False where it was not switched off.
pub async fn enable(tx: &mut Connection, realm: RealmId, provider: Provider) -> QueryResult<bool> {
    let removed = diesel::delete(disabled_providers::table.find((realm, provider))).execute(tx).await?;
    Ok(removed > 0)
}
