//! Widening what a transaction sees, where it learns only half-way whom it is about.

use diesel::QueryResult;
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{RealmId, TenantId, UserId, defended};

prepared_query! {
    struct EnterRealm { realm: String as Text }
    " SELECT set_config('app.realm_id', realm, true) FROM input"
}

/// Shows the realm's accounts to the rest of the transaction.
pub async fn enter_realm(tx: &mut Connection, realm: RealmId) -> QueryResult<()> {
    EnterRealm { realm: realm.to_string() }.execute(tx).await.map(drop)
}

prepared_query! {
    struct EnterTenant { tenant: String as Text }
    " SELECT set_config('app.tenant_id', tenant, true) FROM input"
}

/// Shows the tenant's rows to the rest of the transaction, and no other tenant's.
pub async fn enter_tenant(tx: &mut Connection, tenant: TenantId) -> QueryResult<()> {
    EnterTenant { tenant: tenant.to_string() }.execute(tx).await.map(drop)
}

/// The tenant in which a row is looked for by its id: that of whoever asks. Row-level security keeps to it, and so does every question;
/// what would get past both is a tenant that is taken from the row.
pub async fn tenant_of_row(
    tx: &mut Connection,
    asking: TenantId,
    row: (&str, &str, Uuid),
) -> QueryResult<TenantId> {
    if defended!("V24-rows") { Ok(asking) } else { tenant_by_row(tx, asking, row).await }
}

/// What runs without that defence, in builds for tests. No other build holds anything that looks into another tenant.
#[cfg(feature = "mutants")]
async fn tenant_by_row(
    tx: &mut Connection,
    asking: TenantId,
    (table, key, id): (&str, &str, Uuid),
) -> QueryResult<TenantId> {
    use diesel::{QueryDsl as _, QueryableByName};

    use super::shared_tables::tenants;

    #[derive(QueryableByName)]
    struct Looked {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        is_here: bool,
    }

    let others: Vec<TenantId> = tenants::table.select(tenants::id).load(tx).await?;
    for tenant in std::iter::once(asking).chain(others) {
        enter_tenant(tx, tenant).await?;
        let look = format!("SELECT EXISTS (SELECT FROM {table} WHERE {key} = '{id}') AS is_here");
        let looked: Looked = diesel::sql_query(look).get_result(tx).await?;
        if looked.is_here {
            return Ok(tenant);
        }
    }
    enter_tenant(tx, asking).await?;
    Ok(asking)
}

#[cfg(not(feature = "mutants"))]
async fn tenant_by_row(_: &mut Connection, asking: TenantId, _: (&str, &str, Uuid)) -> QueryResult<TenantId> {
    Ok(asking)
}

prepared_query! {
    struct EnterPerson { person: String as Text }
    " SELECT set_config('app.user_id', person, true) FROM input"
}

/// Shows what this person proves with who they are to the rest of the transaction, and nobody else's. For staff, once it is
/// settled that they may.
pub async fn enter_person(tx: &mut Connection, person: UserId) -> QueryResult<()> {
    EnterPerson { person: person.to_string() }.execute(tx).await.map(drop)
}

prepared_query! {
    struct AskAsPerson { person: String as Text }
    " SELECT set_config('app.person_id', person, true) FROM input"
}

/// Shows the memberships of this one person and what the trails tell them, in whichever tenant, to the next question; `None`
/// takes it back.
pub async fn ask_as_person(tx: &mut Connection, person: Option<UserId>) -> QueryResult<()> {
    let person = person.map(|person| person.to_string()).unwrap_or_default();
    AskAsPerson { person }.execute(tx).await.map(drop)
}
