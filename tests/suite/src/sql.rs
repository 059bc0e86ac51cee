//! The databases of the stack, seen whole.

use diesel::QueryableByName;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use serde_json::Value;

use crate::Stack;

const DATABASE: &str = "shinkofa";

/// A connection that row-level security does not bind: for looking at the truth.
pub struct Superuser(AsyncPgConnection);

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    rows: Value,
}

impl Stack {
    /// Into the platform's database. Tables are named with their schema.
    pub async fn superuser(&self) -> Superuser {
        self.superuser_of(DATABASE).await
    }

    pub async fn superuser_of(&self, database: &str) -> Superuser {
        let url = self.database_url("postgres", database);
        let connection = AsyncPgConnection::establish(&url).await;
        Superuser(connection.unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    /// When the PostgreSQL that takes connections was started. None where none does.
    pub async fn postgres_started_at(&self) -> Option<String> {
        let connection = AsyncPgConnection::establish(&self.database_url("postgres", DATABASE)).await;
        let query = "SELECT pg_postmaster_start_time()::text AS at";
        let rows = Superuser(connection.ok()?).try_rows(query).await.ok()?;
        rows.as_slice().first()?["at"].as_str().map(str::to_owned)
    }

    /// The address of a role in a database of the cluster, without its password.
    pub fn database_url(&self, role: &str, database: &str) -> String {
        let socket = self.postgres_socket.replace('/', "%2F");
        format!("postgres://{role}@{socket}:{}/{database}", self.postgres_port)
    }
}

impl Superuser {
    /// The rows of a query, each as a JSON object.
    pub async fn rows(&mut self, query: &str) -> Vec<Value> {
        self.try_rows(query).await.unwrap_or_else(|error| panic!("{error}\n{query}"))
    }

    pub async fn try_rows(&mut self, query: &str) -> diesel::QueryResult<Vec<Value>> {
        let query = format!("SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') AS rows FROM ({query}\n) t");
        let rows: Rows = diesel::sql_query(&query).get_result(&mut self.0).await?;
        match rows.rows {
            Value::Array(rows) => Ok(rows),
            other => panic!("not rows: {other}"),
        }
    }

    /// The one number that a query answers.
    pub async fn number(&mut self, query: &str) -> i64 {
        let rows = self.rows(query).await;
        let number = rows.as_slice().first().and_then(|row| row.as_object()?.values().next()?.as_i64());
        number.unwrap_or_else(|| panic!("not one number: {rows:?}\n{query}"))
    }

    /// Runs statements whose result does not matter.
    pub async fn run(&mut self, statements: &str) {
        self.0.batch_execute(statements).await.unwrap_or_else(|error| panic!("{error}\n{statements}"));
    }
}
