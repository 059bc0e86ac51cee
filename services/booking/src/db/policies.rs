//! The studio's rules of cancellation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_db::Connection;
use shinkofa_kernel::TenantId;

use super::schema::policies;
use crate::domain::DEFAULT_CANCEL_BEFORE_MINUTES;

/// Gives the tenant its first policy, unless it has one. Whatever can be booked was put on the calendar after this.
pub async fn ensure_default(tx: &mut Connection, tenant: TenantId, now: DateTime<Utc>) -> QueryResult<()> {
    diesel::insert_into(policies::table)
        .values((
            policies::tenant_id.eq(tenant),
            policies::version.eq(1),
            policies::cancel_before_minutes.eq(DEFAULT_CANCEL_BEFORE_MINUTES),
            policies::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
}
