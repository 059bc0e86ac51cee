//! Forgetting a person.

use diesel::sql_types::{Nullable, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::{TenantId, UserId};

prepared_query! {
    struct Pseudonymise { person: UserId as Uuid, pseudonym: UserId as Uuid }
    ", renamed AS (
        UPDATE reservations SET customer_id = input.pseudonym, idempotency_key = ''
        FROM input WHERE customer_id = input.person
    ), unnamed AS (
        UPDATE sessions SET coach_id = NULL FROM input WHERE coach_id = input.person
    )
    DELETE FROM idempotency_keys USING input
    WHERE caller = input.person::text
      AND for_tenant = nullif(current_setting('app.tenant_id', true), '')::uuid"
}

/// Puts `pseudonym` in the place of `person` in the transaction's tenant. Numbers of seats and credits stay: the
/// studio's books need them.
pub async fn pseudonymise(tx: &mut Connection, person: UserId, pseudonym: UserId) -> QueryResult<()> {
    Pseudonymise { person, pseudonym }.execute(tx).await.map(drop)
}

prepared_query! {
    struct CurrentTenant { setting: String as Text }
    " SELECT nullif(current_setting(input.setting, true), '')::uuid AS tenant FROM input"
}

#[derive(QueryableByName)]
struct TenantRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    tenant: Option<TenantId>,
}

/// The tenant whose transaction this is: the privacy hooks are told only the person.
pub async fn current_tenant(tx: &mut Connection) -> QueryResult<Option<TenantId>> {
    Ok(CurrentTenant { setting: "app.tenant_id".to_owned() }.get_result::<TenantRow>(tx).await?.tenant)
}
