//! Purchases, and what Stripe was asked about them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use shinkofa_contracts::{LotId, PackageId, PaymentId};
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{Currency, Money, TenantId, UserId, text_enum};

use crate::db::schema::{payments, stripe_calls};
use crate::domain::payment::PaymentStatus;

#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = payments)]
pub(crate) struct Payment {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: PaymentId,
    pub(crate) user_id: UserId,
    pub(crate) package_id: PackageId,
    pub(crate) package_name: String,
    pub(crate) credits: i32,
    pub(crate) validity_days: Option<i32>,
    pub(crate) amount_minor: i64,
    pub(crate) currency: Currency,
    pub(crate) status: PaymentStatus,
    pub(crate) request_key: String,
    pub(crate) checkout_session_id: Option<String>,
    pub(crate) checkout_url: Option<String>,
    pub(crate) lot_id: Option<LotId>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) paid_at: Option<DateTime<Utc>>,
}

impl Payment {
    pub(crate) fn price(&self) -> Money {
        Money { minor: self.amount_minor, currency: self.currency }
    }

    /// Under which of Stripe's idempotency keys the session is asked for, every time.
    pub(crate) fn stripe_key(&self) -> String {
        format!("checkout-{}", self.id)
    }
}

pub(crate) async fn insert(tx: &mut Connection, payment: &Payment) -> QueryResult<()> {
    diesel::insert_into(payments::table).values(payment).execute(tx).await.map(drop)
}

pub(crate) async fn find(
    tx: &mut Connection,
    tenant: TenantId,
    id: PaymentId,
) -> QueryResult<Option<Payment>> {
    payments::table.find((tenant, id)).select(Payment::as_select()).first(tx).await.optional()
}

/// Reads a payment and keeps everybody else from changing it.
pub(crate) async fn lock(
    tx: &mut Connection,
    tenant: TenantId,
    id: PaymentId,
) -> QueryResult<Option<Payment>> {
    payments::table.find((tenant, id)).select(Payment::as_select()).for_update().first(tx).await.optional()
}

/// The payment that the buyer's request of this key began.
pub(crate) async fn of_request(
    tx: &mut Connection,
    (tenant, user): (TenantId, UserId),
    request_key: &str,
) -> QueryResult<Option<Payment>> {
    payments::table
        .filter(payments::tenant_id.eq(tenant).and(payments::user_id.eq(user)))
        .filter(payments::request_key.eq(request_key))
        .order(payments::created_at.desc())
        .select(Payment::as_select())
        .first(tx)
        .await
        .optional()
}

/// Payments begun before `before` whose end nobody knows, oldest first.
pub(crate) async fn unsettled(
    tx: &mut Connection,
    tenant: TenantId,
    before: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<Payment>> {
    let waiting = [PaymentStatus::Created, PaymentStatus::Open, PaymentStatus::Processing];
    payments::table
        .filter(payments::tenant_id.eq(tenant).and(payments::created_at.le(before)))
        .filter(payments::status.eq_any(waiting))
        .order(payments::created_at)
        .limit(most)
        .select(Payment::as_select())
        .load(tx)
        .await
}

/// The payer's way to Stripe, once known, stays.
pub(crate) async fn attach_session(
    tx: &mut Connection,
    payment: &Payment,
    session_id: &str,
    url: Option<&str>,
) -> QueryResult<()> {
    diesel::update(payments::table.find((payment.tenant_id, payment.id)))
        .set((
            payments::checkout_session_id.eq(payment.checkout_session_id.as_deref().unwrap_or(session_id)),
            payments::checkout_url.eq(payment.checkout_url.as_deref().or(url)),
        ))
        .execute(tx)
        .await
        .map(drop)
}

pub(crate) async fn set_status(
    tx: &mut Connection,
    payment: &Payment,
    status: PaymentStatus,
) -> QueryResult<()> {
    diesel::update(payments::table.find((payment.tenant_id, payment.id)))
        .set(payments::status.eq(status))
        .execute(tx)
        .await
        .map(drop)
}

pub(crate) async fn set_paid(
    tx: &mut Connection,
    payment: &Payment,
    lot: LotId,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(payments::table.find((payment.tenant_id, payment.id)))
        .set((payments::status.eq(PaymentStatus::Paid), payments::lot_id.eq(lot), payments::paid_at.eq(at)))
        .execute(tx)
        .await
        .map(drop)
}

text_enum! {
    /// How a call to Stripe ended.
    CallOutcome {
        Done => "done",
        /// Stripe will not do it.
        Refused => "refused",
    }
}

/// Writes down that Stripe is about to be asked for the payment's session.
pub(crate) async fn record_call(
    tx: &mut Connection,
    payment: &Payment,
    request_hash: &[u8],
) -> QueryResult<()> {
    diesel::insert_into(stripe_calls::table)
        .values((
            stripe_calls::tenant_id.eq(payment.tenant_id),
            stripe_calls::idem_key.eq(payment.stripe_key()),
            stripe_calls::payment_id.eq(payment.id),
            stripe_calls::request_hash.eq(request_hash),
            stripe_calls::created_at.eq(payment.created_at),
        ))
        .execute(tx)
        .await
        .map(drop)
}

/// Writes down how it ended; the first end stays.
pub(crate) async fn finish_call(
    tx: &mut Connection,
    payment: &Payment,
    outcome: CallOutcome,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(stripe_calls::table.find((payment.tenant_id, payment.stripe_key())))
        .filter(stripe_calls::outcome.is_null())
        .set((stripe_calls::outcome.eq(outcome), stripe_calls::finished_at.eq(at)))
        .execute(tx)
        .await
        .map(drop)
}

prepared_query! {
    struct ForgetCalls { tenant: TenantId as Uuid, older_than: DateTime<Utc> as Timestamptz }
    " DELETE FROM stripe_calls USING input WHERE tenant_id = input.tenant AND finished_at < input.older_than"
}

/// Removes what nobody repeats any more.
pub(crate) async fn forget_calls(
    tx: &mut Connection,
    tenant: TenantId,
    older_than: DateTime<Utc>,
) -> QueryResult<usize> {
    ForgetCalls { tenant, older_than }.execute(tx).await
}
