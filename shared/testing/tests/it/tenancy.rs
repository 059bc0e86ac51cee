//! No tenant is left behind on a pooled connection, and no row is seen or written without one.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, Error, Scope, glance, transaction, transaction_after};
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::{TestApp, assert_tenant_tables_are_protected};

use crate::probe::Probe;

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Nullable<Text>)]
    tenant: Option<String>,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

async fn look(mut tx: &Connection) -> Result<Seen, Error> {
    diesel::sql_query(
        "SELECT current_setting('app.tenant_id', true) AS tenant, (SELECT count(*) FROM effects) AS rows",
    )
    .get_result::<Seen>(&mut tx)
    .await
    .map_err(Error::from)
}

async fn seen(app: &TestApp<Probe>, scope: Scope) -> Seen {
    transaction(app.pool(), &scope, "look", async |tx| look(tx).await).await.unwrap()
}

/// By a look that does not wait for its transaction to have begun.
async fn seen_at_once(app: &TestApp<Probe>, scope: Scope) -> Seen {
    transaction_after(app.pool(), &scope, "look", async |tx| look(tx).await, async |_tx, seen| Ok(seen))
        .await
        .unwrap()
}

/// By a look without a transaction.
async fn seen_at_a_glance(app: &TestApp<Probe>, scope: Scope) -> Seen {
    glance(app.pool(), &scope, "look", async |tx| look(tx).await).await.unwrap()
}

async fn fill(app: &TestApp<Probe>, tenant: TenantId) -> Result<(), shinkofa_db::Error> {
    write(app, Scope::tenant(tenant), tenant).await
}

async fn write(app: &TestApp<Probe>, scope: Scope, tenant: TenantId) -> Result<(), shinkofa_db::Error> {
    transaction(app.pool(), &scope, "write", async |tx| {
        let insert = format!(
            "INSERT INTO effects (tenant_id, event_id, aggregate_id, aggregate_seq)
             VALUES ('{tenant}', '{tenant}', '{tenant}', 1)"
        );
        diesel::sql_query(insert).execute(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .map(drop)
}

#[actix_web::test]
async fn a_request_cancelled_in_its_transaction_leaves_no_tenant_on_a_pooled_connection() {
    let app = TestApp::<Probe>::builder()
        .env("SHINKOFA_DATABASE_CONNECTIONS", "1")
        .env("SHINKOFA_WORKERS", "1")
        .start::<Probe>()
        .await;
    fill(&app, TenantId::DEFAULT).await.unwrap();
    let anna = app.user(Role::Member);
    for _ in 0..5 {
        app.post("/api/probe/hang").bearer(&anna).send().await.expect_problem(503, "cancelled");
    }
    // The same on this thread's own pool, which has one connection.
    for _ in 0..5 {
        let scope = Scope::tenant(TenantId::DEFAULT);
        let work = transaction(app.pool(), &scope, "hang", async |_tx| {
            std::future::pending::<Result<(), shinkofa_db::Error>>().await
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), work).await.is_err());
        let after = seen(&app, Scope::infrastructure()).await;
        assert_eq!((after.tenant.as_deref(), after.rows), (Some(""), 0));
    }
    app.stop().await;
}

#[actix_web::test]
async fn a_look_that_waits_for_no_begin_sees_its_tenant_and_leaves_none_on_a_pooled_connection() {
    let app = TestApp::<Probe>::builder()
        .env("SHINKOFA_DATABASE_CONNECTIONS", "1")
        .env("SHINKOFA_WORKERS", "1")
        .start::<Probe>()
        .await;
    let tenant = TenantId::DEFAULT;
    fill(&app, tenant).await.unwrap();
    let (nobodys, scope) = (Scope::infrastructure(), Scope::tenant(tenant));
    for _ in 0..5 {
        let ours = seen_at_once(&app, scope).await;
        assert_eq!((ours.tenant, ours.rows), (Some(tenant.to_string()), 1));
        assert_eq!(seen_at_once(&app, nobodys).await.rows, 0);
    }
    let patience = std::time::Duration::from_millis(20);
    for _ in 0..5 {
        let looking = transaction_after(
            app.pool(),
            &scope,
            "hang",
            async |_tx| std::future::pending::<Result<(), Error>>().await,
            async |_tx, ()| Ok(()),
        );
        assert!(tokio::time::timeout(patience, looking).await.is_err());
        assert_eq!(seen(&app, nobodys).await.rows, 0);
        let working = transaction_after(
            app.pool(),
            &scope,
            "hang",
            async |tx| look(tx).await,
            async |_tx, _seen| std::future::pending::<Result<(), Error>>().await,
        );
        assert!(tokio::time::timeout(patience, working).await.is_err());
        assert_eq!(seen(&app, nobodys).await.rows, 0);
    }
    app.stop().await;
}

#[actix_web::test]
async fn a_glance_sees_its_tenant_and_whoever_has_the_connection_next_does_not() {
    let app = TestApp::<Probe>::builder()
        .env("SHINKOFA_DATABASE_CONNECTIONS", "1")
        .env("SHINKOFA_WORKERS", "1")
        .start::<Probe>()
        .await;
    let tenant = TenantId::DEFAULT;
    fill(&app, tenant).await.unwrap();
    let (nobodys, scope) = (Scope::infrastructure(), Scope::tenant(tenant));
    for _ in 0..5 {
        let ours = seen_at_a_glance(&app, scope).await;
        assert_eq!((ours.tenant, ours.rows), (Some(tenant.to_string()), 1));
        assert_eq!(seen(&app, nobodys).await.rows, 0);
        assert_eq!(seen_at_once(&app, nobodys).await.rows, 0);
        assert_eq!(seen_at_a_glance(&app, nobodys).await.rows, 0);
        let (first, second) =
            glance(app.pool(), &scope, "look", async |tx| Ok::<_, Error>((look(tx).await?, look(tx).await?)))
                .await
                .unwrap();
        assert_eq!((first.rows, second.rows), (1, 1));
        assert_eq!(seen_at_a_glance(&app, nobodys).await.rows, 0);
        // What is rolled back falls back to what stood before it.
        let failed = transaction(app.pool(), &nobodys, "fail", async |tx| {
            diesel::sql_query("SELECT 1 / 0").execute(tx).await.map_err(Error::from)
        })
        .await;
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!(seen(&app, nobodys).await.rows, 0);
    }
    app.stop().await;
}

#[actix_web::test]
async fn after_a_glance_that_fails_or_is_cancelled_others_see_what_is_theirs() {
    let app = TestApp::<Probe>::builder()
        .env("SHINKOFA_DATABASE_CONNECTIONS", "1")
        .env("SHINKOFA_WORKERS", "1")
        .start::<Probe>()
        .await;
    let tenant = TenantId::DEFAULT;
    fill(&app, tenant).await.unwrap();
    let (nobodys, scope) = (Scope::infrastructure(), Scope::tenant(tenant));
    for _ in 0..5 {
        let failed = glance(app.pool(), &scope, "fail", async |mut tx: &Connection| {
            diesel::sql_query("SELECT 1 / 0").execute(&mut tx).await.map_err(Error::from)
        })
        .await;
        assert!(failed.is_err(), "{failed:?}");
        assert_eq!(seen_at_a_glance(&app, nobodys).await.rows, 0);
        let looking = glance(app.pool(), &scope, "hang", async |tx| {
            look(tx).await?;
            std::future::pending::<Result<(), Error>>().await
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), looking).await.is_err());
        assert_eq!(seen_at_a_glance(&app, nobodys).await.rows, 0);
        assert_eq!(seen_at_a_glance(&app, scope).await.rows, 1);
    }
    app.stop().await;
}

#[actix_web::test]
async fn a_query_without_tenant_sees_nothing_and_writes_nothing() {
    let app = TestApp::<Probe>::start().await;
    let (ours, theirs) = (TenantId::DEFAULT, TenantId::new(&app.clock));
    fill(&app, ours).await.unwrap();
    fill(&app, theirs).await.unwrap();
    assert_eq!(seen(&app, Scope::tenant(ours)).await.rows, 1);
    assert_eq!(seen(&app, Scope::infrastructure()).await.rows, 0);
    assert!(write(&app, Scope::infrastructure(), ours).await.is_err());
    assert!(write(&app, Scope::tenant(theirs), ours).await.is_err(), "a row for another tenant");
    assert_tenant_tables_are_protected(&app).await;
    app.stop().await;
}

#[actix_web::test]
async fn a_transaction_begun_by_hand_would_leave_its_tenant_behind() {
    use diesel_async::pooled_connection::deadpool::Pool;
    use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
    use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

    let app = TestApp::<Probe>::start().await;
    fill(&app, TenantId::DEFAULT).await.unwrap();
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(
        app.database.runtime_url(),
        config,
    );
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    let begin = format!("BEGIN; SELECT set_config('app.tenant_id', '{}', true)", TenantId::DEFAULT);
    pool.get().await.unwrap().batch_execute(&begin).await.unwrap();

    let mut next = pool.get().await.unwrap();
    let query =
        "SELECT current_setting('app.tenant_id', true) AS tenant, (SELECT count(*) FROM effects) AS rows";
    let seen: Seen = diesel::sql_query(query).get_result(&mut next).await.unwrap();
    assert_eq!(seen.rows, 1, "the danger that our transactions avoid is gone: simplify them");
    drop(next);
    pool.close();
    app.stop().await;
}
