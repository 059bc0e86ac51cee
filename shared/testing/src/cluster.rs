//! A database per test, copied from a template that holds the service's migrated schema.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::UNIX_EPOCH;

use diesel::QueryableByName;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use shinkofa_runtime::{Service, migrations};

/// The PostgreSQL for tests, which trusts whoever can enter its socket folder.
pub(crate) struct Cluster {
    socket: String,
    port: String,
}

impl Cluster {
    pub(crate) fn of_environment() -> Self {
        let variable = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: run eval \"$(./deploy/ctl test-env)\" first"))
        };
        let socket = variable("SHINKOFA_TEST_POSTGRES_SOCKET").replace('/', "%2F");
        Self { socket, port: variable("SHINKOFA_TEST_POSTGRES_PORT") }
    }

    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@{}:{}/{database}", self.socket, self.port)
    }

    pub(crate) async fn superuser(&self, database: &str) -> Superuser {
        let url = self.url("postgres", database);
        Superuser(AsyncPgConnection::establish(&url).await.unwrap_or_else(|error| panic!("{url}: {error}")))
    }
}

/// A connection that row-level security does not bind: for looking at the truth.
pub struct Superuser(AsyncPgConnection);

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    rows: Value,
}

impl Superuser {
    /// The rows of a query, each as a JSON object.
    pub async fn rows(&mut self, query: &str) -> Vec<Value> {
        let query = format!("SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') AS rows FROM ({query}) t");
        let rows: Rows = diesel::sql_query(&query)
            .get_result(&mut self.0)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{query}"));
        match rows.rows {
            Value::Array(rows) => rows,
            other => panic!("not rows: {other}"),
        }
    }

    /// Runs statements whose result does not matter.
    pub async fn run(&mut self, statements: &str) {
        self.0.batch_execute(statements).await.unwrap_or_else(|error| panic!("{error}\n{statements}"));
    }
}

/// A database for one test. It goes with the test; that of a failed one stays to be looked at.
pub struct TestDatabase {
    cluster: Cluster,
    pub name: String,
    service: &'static str,
}

/// Templates are made one at a time.
const TEMPLATE_LOCK: i64 = 0x7465_6d70;

impl TestDatabase {
    /// Copies the template of `S`, making it first when this build of the tests has none.
    pub async fn create<S: Service>() -> Self {
        let cluster = Cluster::of_environment();
        let template = template::<S>(&cluster).await;
        let name = format!("test_{}_{}", S::NAME.replace('-', "_"), random_suffix());
        let mut admin = cluster.superuser("postgres").await;
        admin.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        // Rights on the database itself are not copied with it.
        let service = S::NAME;
        admin
            .run(&format!(
                "REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO {service}_rt, {service}_migrator"
            ))
            .await;
        Self { cluster, name, service }
    }

    /// The URL of the role that the service itself connects as.
    pub fn runtime_url(&self) -> String {
        self.cluster.url(&format!("{}_rt", self.service), &self.name)
    }

    /// The URL of any role of the cluster in this database.
    pub fn url_of(&self, role: &str) -> String {
        self.cluster.url(role, &self.name)
    }

    /// Sees everything, with the service's tables in reach by their plain names.
    pub async fn superuser(&self) -> Superuser {
        let mut superuser = self.cluster.superuser(&self.name).await;
        superuser.run(&format!("SET search_path = {}", self.service)).await;
        superuser
    }
}

impl Drop for TestDatabase {
    /// Whoever is still connected is disconnected.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let url = self.cluster.url("postgres", "postgres");
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread of its own: the test's runtime, which is being left, must not be waited for from within.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut admin = AsyncPgConnection::establish(&url).await?;
                admin
                    .batch_execute(&statement)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)
            })
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("{} stays: {error}", self.name),
            Err(_) => eprintln!("{} stays: dropping it panicked", self.name),
        }
    }
}

async fn template<S: Service>(cluster: &Cluster) -> String {
    let name = format!("template_{}_{:016x}", S::NAME.replace('-', "_"), build_of_these_tests());
    let mut admin = cluster.superuser("postgres").await;
    admin.run(&format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if admin.rows(&format!("SELECT 1 AS one FROM pg_database WHERE datname = '{name}'")).await.is_empty() {
        let unfinished = format!("unfinished_{name}");
        admin.run(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        admin.run(&format!("CREATE DATABASE {unfinished}")).await;
        let provision = include_str!("../../db/provision.sql")
            .replace("{service}", S::NAME)
            .replace("{database}", &unfinished);
        cluster.superuser(&unfinished).await.run(&provision).await;
        let url = cluster.url(&format!("{}_migrator", S::NAME), &unfinished);
        migrate::<S>(url).await;
        admin.run(&format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    admin.run(&format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

/// diesel's harness blocks its thread, which only a multi-thread runtime allows.
async fn migrate<S: Service>(url: String) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let owner = format!("{}_owner", S::NAME);
        runtime.expect("a runtime").block_on(shinkofa_db::migrate(&url, &owner, &migrations::<S>()))
    };
    tokio::task::spawn_blocking(run).await.expect("the migration thread").expect("the migrations run");
}

/// A new build of the tests may hold new migrations, so it gets a new template.
fn build_of_these_tests() -> u64 {
    let program = std::env::current_exe().expect("a program");
    let modified = program.metadata().and_then(|metadata| metadata.modified()).expect("its time");
    let mut hasher = DefaultHasher::new();
    (program, modified.duration_since(UNIX_EPOCH).ok()).hash(&mut hasher);
    hasher.finish()
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests running at the same moment must not meet in one database"
)]
fn random_suffix() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
