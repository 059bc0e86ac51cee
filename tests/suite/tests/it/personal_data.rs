//! What the platform knows about people: the copy that they take with them, the register of what is kept and why, and what is left
//! of whoever was erased. All of it across the services, and held against the database itself.

mod copy;
mod erasure;
mod register;

use serde_json::Value;
use suite::{Stack, Superuser};

/// Schemas of the platform, as a list for SQL.
const SCHEMAS: &str = "'auth', 'credits', 'booking', 'notify'";

/// A column that the catalogue says is about people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PersonalColumn {
    service: String,
    table: String,
    column: String,
    /// `purpose; basis; retention`
    annotation: String,
}

impl PersonalColumn {
    fn data(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    fn place(&self) -> String {
        format!("{}.{}", self.service, self.data())
    }

    /// Purpose, basis and retention.
    fn parts(&self) -> [&str; 3] {
        let parts: Vec<&str> = self.annotation.split(';').map(str::trim).collect();
        parts.try_into().unwrap_or_else(|parts| panic!("{}: {parts:?}", self.place()))
    }

    /// Is it to be empty of whoever was erased? What a studio's books need stays, by ids that nobody resolves.
    fn is_emptied(&self) -> bool {
        !self.parts()[2].starts_with("kept")
    }
}

async fn personal_columns(superuser: &mut Superuser) -> Vec<PersonalColumn> {
    let query = format!(
        "SELECT n.nspname AS service, c.relname AS table, a.attname AS column, col_description(c.oid, a.attnum) AS comment
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE n.nspname IN ({SCHEMAS}) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
           AND col_description(c.oid, a.attnum) LIKE 'personal:%' ORDER BY 1, 2, 3"
    );
    let text = |row: &Value, member: &str| row[member].as_str().expect("a text").to_owned();
    let column = |row: &Value| PersonalColumn {
        service: text(row, "service"),
        table: text(row, "table"),
        column: text(row, "column"),
        annotation: text(row, "comment").trim_start_matches("personal:").trim().to_owned(),
    };
    superuser.rows(&query).await.iter().map(column).collect()
}

/// The tables of all services, each with its schema.
async fn tables(stack: &Stack) -> Vec<String> {
    let query = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ({SCHEMAS}) AND c.relkind = 'r' ORDER BY 1"
    );
    let rows = stack.superuser().await.rows(&query).await;
    rows.iter().filter_map(|row| row["name"].as_str()).map(str::to_owned).collect()
}
