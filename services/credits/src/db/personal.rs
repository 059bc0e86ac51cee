//! The privacy contract: everything about one person in one tenant, and what is left after erasure.

use diesel::QueryableByName;
use diesel::sql_types::Jsonb;
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::UserId;

// Row-level security keeps it within the transaction's tenant.
prepared_query! {
    struct Export { person: UserId as Uuid }
    " SELECT jsonb_build_object(
        'userId', (SELECT input.person FROM input),
        'wallet', (SELECT jsonb_build_object('available', available, 'held', held)
            FROM wallets, input WHERE user_id = input.person),
        'lots', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'source', source_type,
            'sourceId', source_id, 'units', units, 'remaining', remaining, 'held', held, 'booked', booked, 'consumed', consumed, 'expired', expired,
            'expiresAt', expires_at, 'createdAt', created_at) ORDER BY created_at, id), '[]')
            FROM lots, input WHERE user_id = input.person),
        'transactions', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'type', cause, 'amount', amount,
            'reference', reference, 'createdAt', created_at) ORDER BY created_at, id), '[]')
            FROM journals, input WHERE user_id = input.person),
        'holds', (SELECT coalesce(jsonb_agg(jsonb_build_object('reservationId', reservation_id, 'amount', amount,
            'state', state, 'expiresAt', expires_at, 'createdAt', created_at, 'changedAt', changed_at)
            ORDER BY created_at, reservation_id), '[]')
            FROM holds, input WHERE user_id = input.person),
        'payments', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'packageId', package_id,
            'package', package_name, 'credits', credits, 'amountMinor', amount_minor, 'currency', currency, 'status', status,
            'requestKey', request_key, 'stripeSession', checkout_session_id, 'checkoutUrl', checkout_url,
            'createdAt', created_at, 'paidAt', paid_at) ORDER BY created_at, id), '[]')
            FROM payments, input WHERE user_id = input.person)
    ) AS export"
}

#[derive(QueryableByName)]
struct Exported {
    #[diesel(sql_type = Jsonb)]
    export: serde_json::Value,
}

pub(crate) async fn export(tx: &mut Connection, person: UserId) -> diesel::QueryResult<serde_json::Value> {
    let exported: Exported = Export { person }.get_result(tx).await?;
    Ok(exported.export)
}

// The ledger and the payments stay: the law wants them kept, and they name nobody but by an id that auth no longer
// resolves. What goes is what the person wrote, and the ways into their Checkout pages.
prepared_query! {
    struct EraseRequests { person: UserId as Uuid }
    " UPDATE payments SET request_key = '', checkout_url = NULL FROM input WHERE user_id = input.person"
}

// Kept answers hold ids and Checkout addresses. The table has no row-level security: the tenant is named.
prepared_query! {
    struct EraseAnswers { person: UserId as Uuid }
    " DELETE FROM idempotency_keys USING input
    WHERE for_tenant = nullif(current_setting('app.tenant_id', true), '')::uuid AND caller = input.person::text"
}

pub(crate) async fn erase(tx: &mut Connection, person: UserId) -> diesel::QueryResult<()> {
    EraseRequests { person }.execute(tx).await?;
    EraseAnswers { person }.execute(tx).await.map(drop)
}
