//! Migrations: run by the `migrate` command alone, checked by every start.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

/// What a service's schema is made of: the shared crates' tables first, then its own.
#[derive(Clone)]
pub struct Migrations {
    sources: Arc<[EmbeddedMigrations]>,
}

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("cannot connect: {0}")]
    Connect(#[from] diesel::ConnectionError),
    #[error("migration failed, and nothing after it was run: {0}")]
    Migration(String),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

/// How the schema in the database compares with the one this binary was built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// These are still to be run.
    Behind(Vec<String>),
    /// These were run by a newer binary.
    Ahead(Vec<String>),
}

impl Migrations {
    pub fn new(sources: impl IntoIterator<Item = EmbeddedMigrations>) -> Self {
        Self { sources: sources.into_iter().collect() }
    }

    fn versions(&self) -> Result<BTreeSet<String>, MigrationError> {
        let mut versions = BTreeSet::new();
        for source in self.sources.iter() {
            let migrations = MigrationSource::<Pg>::migrations(source)
                .map_err(|error| MigrationError::Migration(error.to_string()))?;
            versions.extend(migrations.iter().map(|migration| migration.name().version().to_string()));
        }
        Ok(versions)
    }
}

/// The harness takes its source by value; ours are kept.
struct Borrowed<'a>(&'a EmbeddedMigrations);

impl MigrationSource<Pg> for Borrowed<'_> {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        self.0.migrations()
    }
}

/// Two `migrate` commands at once take turns on this advisory lock.
const MIGRATION_LOCK: i64 = 0x5348_494e_4b4f;

/// Runs what is missing as `owner`, and returns the versions that were run.
///
/// Needs a multi-thread Tokio runtime (diesel's harness blocks its thread).
pub async fn migrate(url: &str, owner: &str, migrations: &Migrations) -> Result<Vec<String>, MigrationError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    let owner = owner.replace('"', "\"\"");
    connection
        .batch_execute(&format!(
            "SET ROLE \"{owner}\"; SET lock_timeout = '10s'; SELECT pg_advisory_lock({MIGRATION_LOCK})"
        ))
        .await?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let mut run = Vec::new();
    for source in migrations.sources.iter() {
        let versions = harness
            .run_pending_migrations(Borrowed(source))
            .map_err(|error| MigrationError::Migration(error.to_string()))?;
        run.extend(versions.iter().map(ToString::to_string));
    }
    Ok(run)
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

/// Compares what was run with what this binary knows.
pub async fn schema_state(
    connection: &mut AsyncPgConnection,
    migrations: &Migrations,
) -> Result<SchemaState, MigrationError> {
    let known = migrations.versions()?;
    let applied: BTreeSet<String> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
        .load::<Applied>(connection)
        .await
        .map(|rows| rows.into_iter().map(|row| row.version).collect())
        .or_else(|error| {
            if error.to_string().contains("does not exist") { Ok(BTreeSet::new()) } else { Err(error) }
        })?;
    let missing: Vec<_> = known.difference(&applied).cloned().collect();
    let unknown: Vec<_> = applied.difference(&known).cloned().collect();
    Ok(match (missing.is_empty(), unknown.is_empty()) {
        (true, true) => SchemaState::Current,
        (false, _) => SchemaState::Behind(missing),
        (true, false) => SchemaState::Ahead(unknown),
    })
}
