//! Compares a service's `schema.rs` with the catalogue of its migrated database.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use shinkofa_runtime::Service;

use crate::TestApp;

/// The tables of the shared crates, which reach them by SQL of their own.
const SHARED: [&str; 9] = [
    "__diesel_schema_migrations",
    "event_heads",
    "events",
    "feed_cursors",
    "idempotency_keys",
    "jobs",
    "parked_events",
    "tenant_roles",
    "tenants",
];

/// Fails with the text that should stand in the file, when a table differs from the database.
pub async fn assert_schema_file<S: Service>(app: &TestApp<S>, file: &str) {
    let expected = tables(app).await;
    let written = blocks(file);
    for (table, block) in &expected {
        let found = written.get(table).unwrap_or_else(|| panic!("{table} is missing in schema.rs:\n{block}"));
        assert_eq!(words(found), words(block), "{table} differs from the database, which says:\n{block}");
    }
    let unknown: Vec<_> = written.keys().filter(|table| !expected.contains_key(*table)).collect();
    assert!(unknown.is_empty(), "schema.rs describes tables that do not exist: {unknown:?}");
}

async fn tables<S: Service>(app: &TestApp<S>) -> BTreeMap<String, String> {
    let columns = app
        .sql(
            "SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type, a.attnotnull AS required,
                array_position(k.conkey, a.attnum) AS key_place, a.attnum AS place
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname, a.attnum",
        )
        .await;
    let mut by_table: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for column in columns {
        let table = text(&column, "table");
        if !SHARED.contains(&table.as_str()) {
            by_table.entry(table).or_default().push(column);
        }
    }
    by_table.into_iter().map(|(table, columns)| (table.clone(), block(&table, &columns))).collect()
}

fn block(table: &str, columns: &[Value]) -> String {
    let mut key: Vec<_> = columns.iter().filter(|column| column["key_place"].is_i64()).collect();
    key.sort_by_key(|column| column["key_place"].as_i64());
    let key: Vec<_> = key.into_iter().map(|column| text(column, "column")).collect();
    let mut block = format!("{table} ({}) {{\n", key.join(", "));
    for column in columns {
        let kind = diesel_type(&text(column, "type"));
        let kind = if column["required"] == true { kind } else { format!("Nullable<{kind}>") };
        let name = text(column, "column");
        if name == "type" {
            let _ = writeln!(block, "    #[sql_name = \"type\"]\n    type_ -> {kind},");
        } else {
            let _ = writeln!(block, "    {name} -> {kind},");
        }
    }
    block + "}"
}

fn diesel_type(postgres: &str) -> String {
    if let Some(element) = postgres.strip_suffix("[]") {
        return format!("Array<Nullable<{}>>", diesel_type(element));
    }
    let known = match postgres {
        "uuid" => "Uuid",
        "text" => "Text",
        "integer" => "Int4",
        "bigint" => "Int8",
        "smallint" => "Int2",
        "boolean" => "Bool",
        "timestamp with time zone" => "Timestamptz",
        "date" => "Date",
        "jsonb" => "Jsonb",
        "bytea" => "Bytea",
        other => panic!("name the diesel type of {other} here"),
    };
    known.to_owned()
}

/// The inside of each `table!` block of the file, by table.
fn blocks(file: &str) -> BTreeMap<String, String> {
    file.split("table! {")
        .skip(1)
        .map(|rest| {
            let end = rest.find("\n}").unwrap_or(rest.len());
            let block = rest[..end].lines().filter(|line| {
                !line.trim_start().starts_with("//") && !line.trim_start().starts_with("use ")
            });
            let block: String = block.collect::<Vec<_>>().join("\n");
            let table = block.trim_start().split([' ', '(']).next().unwrap_or_default().to_owned();
            (table, block)
        })
        .collect()
}

fn words(block: &str) -> Vec<String> {
    block.split_whitespace().map(ToOwned::to_owned).collect()
}

fn text(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}
