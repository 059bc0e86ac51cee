//! Another tenant with one row of everything: each table's newest row, copied under another tenant, other ids and another
//! person. So an id of another tenant exists for every kind of thing, also for those that come with tables of tomorrow.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use suite::{Stack, Superuser};

/// What services do or tell next: a copy would be done and told, and nobody asks for it by its id.
const ACTED_UPON: [&str; 5] = ["jobs", "events", "event_heads", "feed_cursors", "parked_events"];

/// Which rows were copied where. Remove them before the test ends: nothing else knows of this tenant.
pub struct Shadow {
    tenant: String,
    rows: Vec<Row>,
}

struct Row {
    table: String,
    /// The column and the id by which it is found.
    key: (String, String),
    content: Value,
}

/// One column of a table that has a tenant or a realm.
struct Column {
    name: String,
    kind: String,
    in_key: bool,
}

impl Shadow {
    /// Triggers and foreign keys are off while it writes: a copy need not have grown as the original did.
    pub async fn cast(stack: &Stack, services: &[String]) -> Self {
        let mut superuser = stack.superuser().await;
        superuser.run("SET session_replication_role = replica").await;
        let tenant = stack.clock.new_uuid().to_string();
        let person = stack.clock.new_uuid().to_string();
        let mut rows = Vec::new();
        for service in services {
            for (table, columns) in tables(&mut superuser, service).await {
                let fresh = || stack.clock.new_uuid().to_string();
                if let Some(row) = copy(&mut superuser, &table, &columns, (&tenant, &person), fresh).await {
                    rows.push(row);
                }
            }
        }
        Self { tenant, rows }
    }

    /// Every id by which something of it could be asked for, with the table it stands in.
    pub fn ids(&self) -> Vec<(&str, &str)> {
        let mut seen = BTreeSet::new();
        let ids = self.rows.iter().map(|row| (row.table.as_str(), row.key.1.as_str()));
        ids.filter(|(_, id)| seen.insert(*id)).collect()
    }

    pub fn tables(&self) -> BTreeSet<&str> {
        self.rows.iter().map(|row| row.table.as_str()).collect()
    }

    /// Removes it. Returns what is not any more as it was.
    pub async fn remove(&self, stack: &Stack) -> Vec<String> {
        let mut superuser = stack.superuser().await;
        superuser.run("SET session_replication_role = replica").await;
        let mut changed = Vec::new();
        for Row { table, key: (column, id), content } in &self.rows {
            let found = superuser.rows(&format!("SELECT * FROM {table} WHERE {column} = '{id}'")).await;
            if found != [content.clone()] {
                changed.push(format!("{table}: {content:#} has become {found:#?}"));
            }
        }
        for Row { table, key: (column, id), .. } in &self.rows {
            superuser.run(&format!("DELETE FROM {table} WHERE {column} = '{id}'")).await;
        }
        // The copied entry of the trail may have been sealed meanwhile.
        for table in ["auth.audit_seals", "auth.audit_checkpoints"] {
            superuser.run(&format!("DELETE FROM {table} WHERE tenant_id = '{}'", self.tenant)).await;
        }
        changed
    }
}

/// The tables of a service that belong to tenants or realms and have an id of their own, with the columns that can be written.
async fn tables(superuser: &mut Superuser, service: &str) -> Vec<(String, Vec<Column>)> {
    let query = format!(
        "SELECT format('%I.%I', '{service}', c.relname) AS name, (
             SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'kind', format_type(a.atttypid, NULL), 'inKey',
                 EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))))
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND a.attgenerated = '' AND a.attidentity = '') AS columns
         FROM pg_class c WHERE c.relnamespace = '{service}'::regnamespace AND c.relkind = 'r'
             AND c.relname <> ALL ('{{{}}}') ORDER BY 1",
        ACTED_UPON.join(",")
    );
    let mut tables = Vec::new();
    for row in superuser.rows(&query).await {
        let columns: Vec<Column> =
            row["columns"].as_array().into_iter().flatten().map(Column::read).collect();
        let belongs = columns.iter().any(|column| matches!(column.name.as_str(), "tenant_id" | "realm_id"));
        if belongs && columns.iter().any(Column::is_id) {
            tables.push((row["name"].as_str().unwrap_or_default().to_owned(), columns));
        }
    }
    tables
}

impl Column {
    fn read(description: &Value) -> Self {
        let text = |name: &str| description[name].as_str().unwrap_or_default().to_owned();
        Self { name: text("name"), kind: text("kind"), in_key: description["inKey"] == true }
    }

    fn is_person(&self) -> bool {
        matches!(self.name.as_str(), "user_id" | "customer_id" | "for_user")
    }

    fn is_id(&self) -> bool {
        self.in_key && self.kind == "uuid" && !matches!(self.name.as_str(), "tenant_id" | "realm_id")
    }
}

/// Copies the newest row. None where there is none, or where a copy would stand in its way.
async fn copy(
    superuser: &mut Superuser,
    table: &str,
    columns: &[Column],
    (tenant, person): (&str, &str),
    fresh: impl Fn() -> String,
) -> Option<Row> {
    // A guest without a session would be purged.
    let wanted = if table == "auth.users" { "WHERE t.kind = 'member'" } else { "" };
    let newest = format!("SELECT * FROM {table} t {wanted} ORDER BY t.ctid DESC LIMIT 1");
    let original = superuser.rows(&newest).await.pop()?;
    let mut copy = original.clone();
    let mut key = None;
    for column in columns {
        let value = match column.name.as_str() {
            "tenant_id" | "for_tenant" => tenant.to_owned(),
            "email" | "email_canonical" => format!("{person}@shadow.test"),
            "id" if table == "auth.users" => person.to_owned(),
            _ if column.is_person() => person.to_owned(),
            _ if column.is_id() => fresh(),
            _ => continue,
        };
        if column.is_id() && (key.is_none() || !column.is_person()) {
            key = Some((column.name.clone(), value.clone()));
        }
        copy[&column.name] = json!(value);
    }
    let (column, id) = key?;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let names = names.join(", ");
    let content = copy.to_string().replace('\'', "''");
    let insert = format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, '{content}')
         ON CONFLICT DO NOTHING"
    );
    superuser.run(&insert).await;
    let content = superuser.rows(&format!("SELECT * FROM {table} WHERE {column} = '{id}'")).await.pop()?;
    Some(Row { table: table.to_owned(), key: (column, id), content })
}
