//! The events that Stripe told, each once.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::PaymentId;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;

prepared_query! {
    /// Notes an event; no row is written when it was told before.
    pub(crate) struct RecordEvent {
        told_account: String as Text,
        told_id: String as Text,
        told_type: String as Text,
        told_object: String as Text,
        tenant: Option<TenantId> as Nullable<Uuid>,
        payment: Option<PaymentId> as Nullable<Uuid>,
        told_at: DateTime<Utc> as Timestamptz,
        now: DateTime<Utc> as Timestamptz,
    }
    " INSERT INTO stripe_events (account, event_id, type, object_id, for_tenant, payment_id, created_at, received_at)
    SELECT told_account, told_id, told_type, told_object, tenant, payment, told_at, now FROM input
    ON CONFLICT DO NOTHING"
}

impl RecordEvent {
    /// True the first time.
    pub(crate) async fn record(self, tx: &mut Connection) -> QueryResult<bool> {
        self.execute(tx).await.map(|rows| rows == 1)
    }
}

prepared_query! {
    struct Forget { older_than: DateTime<Utc> as Timestamptz }
    " DELETE FROM stripe_events USING input WHERE received_at < input.older_than"
}

/// Removes events so old that Stripe repeats them no more.
pub(crate) async fn forget(tx: &mut Connection, older_than: DateTime<Utc>) -> QueryResult<usize> {
    Forget { older_than }.execute(tx).await
}
