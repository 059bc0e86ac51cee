//! The tables, and the functions that read and write them inside a caller's transaction.

pub mod contacts;
pub mod deliveries;
pub mod mailbox;
pub mod preferences;
pub mod schema;

use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::TenantId;

#[derive(QueryableByName)]
struct CurrentTenant {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    tenant: TenantId,
}

prepared_query! {
    struct ReadTenant { setting: String as Text }
    " SELECT current_setting(setting)::uuid AS tenant FROM input"
}

/// The tenant that the transaction runs for. An error where it runs for none.
pub async fn tenant(tx: &mut Connection) -> QueryResult<TenantId> {
    let current: CurrentTenant = ReadTenant { setting: "app.tenant_id".to_owned() }.get_result(tx).await?;
    Ok(current.tenant)
}
