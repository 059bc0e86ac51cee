//! The journal: what happened to a member's credits, and the money side of a purchase.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{Money, TenantId, UserId, text_enum};
use uuid::Uuid;

use crate::db::schema::entries;

text_enum! {
    /// What a transaction was.
    TransactionType {
        Purchase => "purchase",
        /// Set aside for a reservation that is not settled yet.
        Hold => "hold",
        /// A hold that came to nothing.
        Release => "release",
        /// Spent on a reservation. Takes the place of its hold.
        Deduction => "deduction",
        Refund => "refund",
        Expiry => "expiry",
        /// Given by the studio.
        Adjustment => "adjustment",
    }
}

#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct Transaction {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = Text)]
    pub(crate) cause: TransactionType,
    #[diesel(sql_type = Integer)]
    pub(crate) amount: i32,
    #[diesel(sql_type = Text)]
    pub(crate) reference: String,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
}

// A captured hold is told by its deduction alone, and a consumption moves nothing the member has: so the amounts of the
// whole list add up to what is available.
prepared_query! {
    struct ListTransactions {
        tenant: TenantId as Uuid,
        member: UserId as Uuid,
        before: Option<DateTime<Utc>> as Nullable<Timestamptz>,
        before_id: Option<Uuid> as Nullable<Uuid>,
        most: i64 as BigInt,
    }
    " SELECT journals.id, cause, journals.amount, reference, journals.created_at
    FROM input JOIN journals ON journals.tenant_id = input.tenant AND journals.user_id = input.member
    WHERE cause <> 'consumption'
      AND NOT (cause = 'hold' AND EXISTS (
          SELECT FROM journals spent
          WHERE spent.tenant_id = journals.tenant_id AND spent.idem_key = 'capture:' || journals.reference))
      AND (input.before IS NULL OR (journals.created_at, journals.id) < (input.before, input.before_id))
    ORDER BY journals.created_at DESC, journals.id DESC
    LIMIT (SELECT most FROM input)"
}

/// Up to `most` transactions of a member before `before`, newest first.
pub(crate) async fn transactions(
    tx: &mut Connection,
    (tenant, member): (TenantId, UserId),
    before: Option<(DateTime<Utc>, Uuid)>,
    most: i64,
) -> QueryResult<Vec<Transaction>> {
    let (before, before_id) = before.unzip();
    ListTransactions { tenant, member, before, before_id, most }.load(tx).await
}

/// Books the money of a purchase into the journal that granted its credits: what Stripe owes us, and what we owe the
/// member until they have used it.
pub(crate) async fn book_payment(
    tx: &mut Connection,
    tenant: TenantId,
    journal: Uuid,
    price: Money,
) -> QueryResult<()> {
    let side = |number: i16, account: &'static str, amount: i64| {
        (
            entries::tenant_id.eq(tenant),
            entries::journal_id.eq(journal),
            entries::number.eq(number),
            entries::asset.eq(price.currency.code()),
            entries::account.eq(account),
            entries::amount.eq(amount),
        )
    };
    // The credits are entries 1 and 2.
    let sides = [side(3, "stripe_clearing", price.minor), side(4, "customer_prepaid", -price.minor)];
    diesel::insert_into(entries::table).values(&sides).execute(tx).await.map(drop)
}
