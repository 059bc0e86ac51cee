//! What the comments of columns promise: every column says whether it is about people, and a person's copy holds those that are.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use shinkofa_contracts::privacy::PrivacyScope;
use shinkofa_runtime::Service;

use crate::TestApp;

/// Columns that can hold words, and ids but for those of the row itself and of its tenant or realm.
const COLUMNS: &str = "SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, NULL) AS type,
        col_description(c.oid, a.attnum) AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE '\\_\\_%'
      AND (format_type(a.atttypid, NULL) IN ('text', 'text[]', 'character varying', 'json', 'jsonb', 'bytea', 'inet')
        OR (format_type(a.atttypid, NULL) = 'uuid' AND a.attname NOT IN ('id', 'tenant_id', 'for_tenant', 'realm_id')))
    ORDER BY 1";

struct Column {
    name: String,
    kind: String,
    comment: String,
}

impl Column {
    fn is_personal(&self) -> bool {
        self.comment.starts_with("personal: ")
    }
}

async fn columns<S: Service>(app: &TestApp<S>) -> Vec<Column> {
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    let rows = app.sql(COLUMNS).await;
    rows.iter()
        .map(|row| Column { name: text(row, "name"), kind: text(row, "type"), comment: text(row, "comment") })
        .collect()
}

/// Whoever adds a column that can hold words or an id says what for: `personal: purpose; basis; retention` or
/// `technical: why not`. A table with personal ones says whom it is about: `personal: people; category`. The register of the service
/// tells all that are personal.
pub async fn assert_columns_are_annotated<S: Service>(app: &TestApp<S>) {
    let columns = columns(app).await;
    let silent: Vec<_> = columns
        .iter()
        .filter(|column| !column.is_personal() && !column.comment.starts_with("technical: "))
        .map(|column| &column.name)
        .collect();
    assert!(silent.is_empty(), "say in a migration what these are for (COMMENT ON COLUMN): {silent:?}");

    let personal: BTreeSet<_> =
        columns.iter().filter(|column| column.is_personal()).map(|column| column.name.as_str()).collect();
    let call = app.internal::<PrivacyScope>("auth", Method::GET, "/internal/v1/privacy/processing");
    let register = call.send().await.expect(200).body;
    let items = register["items"].as_array().expect("a list");
    let told: BTreeSet<_> = items.iter().filter_map(|item| item["data"].as_str()).collect();
    assert_eq!(told, personal, "an annotation has three parts");
    assert!(items.iter().all(|item| item["service"] == S::NAME), "{items:?}");
    let nobodys = |item: &&Value| item["people"] == serde_json::json!([]) || item["category"] == "";
    let silent: BTreeSet<_> = items.iter().filter(nobodys).filter_map(|item| item["data"].as_str()).collect();
    assert!(silent.is_empty(), "say in a migration whom these are about (COMMENT ON TABLE): {silent:?}");
    assert!(register["recipients"].is_array(), "{register:#}");
    let other_scope =
        app.internal::<shinkofa_contracts::FeedScope>("auth", Method::GET, "/internal/v1/privacy/processing");
    other_scope.send().await.expect(403);
}

/// Every personal column is in `copy`, which is one person's, or is `withheld` with the reason why. `places` says where: the
/// members on the way, `*` for each element of a list. The test has put something into each of them before.
pub async fn assert_copy_holds_personal_columns<S: Service>(
    app: &TestApp<S>,
    copy: &Value,
    places: &[(&str, &str)],
    withheld: &[(&str, &str)],
) {
    let columns = columns(app).await;
    let personal: BTreeSet<_> =
        columns.iter().filter(|column| column.is_personal()).map(|column| column.name.as_str()).collect();
    let handed_out: BTreeSet<_> = places.iter().map(|(name, _)| *name).collect();
    let kept_back: BTreeSet<_> = withheld.iter().map(|(name, _)| *name).collect();
    let both: Vec<_> = handed_out.intersection(&kept_back).collect();
    assert!(both.is_empty(), "handed out and withheld: {both:?}");
    let named: BTreeSet<_> = handed_out.union(&kept_back).copied().collect();
    assert_eq!(named, personal, "say where in a copy a column stands, or why it is not handed out");
    assert!(withheld.iter().all(|(_, reason)| !reason.is_empty()));

    for (name, path) in places {
        let kind = &columns.iter().find(|column| column.name == *name).expect("a column").kind;
        let stored = stored(app, name, kind).await;
        let mut told = Vec::new();
        collect(copy, &path.split('/').collect::<Vec<_>>(), &mut told);
        assert!(!told.is_empty(), "{name} is not at {path} of {copy:#}");
        for value in told {
            assert!(stored.contains(&value), "{path} says {value}, and {name} holds {stored:?}");
        }
    }
}

/// What a column holds, of whomever. Bytes as base64url.
async fn stored<S: Service>(app: &TestApp<S>, name: &str, kind: &str) -> Vec<Value> {
    let (table, column) = name.split_once('.').expect("table and column");
    let value = match kind {
        "bytea" => format!("translate(encode(\"{column}\", 'base64'), E'+/=\\n', '-_')"),
        _ => format!("\"{column}\""),
    };
    let query = format!("SELECT to_jsonb({value}) AS value FROM \"{table}\" WHERE \"{column}\" IS NOT NULL");
    app.sql(&query).await.into_iter().map(|mut row| row["value"].take()).collect()
}

/// What stands at the end of `path`. A list of words is one text with spaces between, as columns hold it.
fn collect(value: &Value, path: &[&str], told: &mut Vec<Value>) {
    match (path.split_first(), value) {
        (_, Value::Null) => {}
        (Some((&"*", rest)), Value::Array(elements)) => {
            elements.iter().for_each(|element| collect(element, rest, told));
        }
        (Some((member, rest)), _) => collect(&value[*member], rest, told),
        (None, Value::Array(words)) if words.iter().all(Value::is_string) => {
            let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
            told.push(Value::String(words.join(" ")));
        }
        (None, _) => told.push(value.clone()),
    }
}
