//! Another tenant with one row of everything: each table's newest row, copied under another tenant, other ids and another
//! person. So an id of another tenant exists for every kind of thing, also for those that come with tables of tomorrow.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use suite::{Stack, Superuser};

use super::everything::is_named_by_people;

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
    /// In an index that no two rows may be alike in.
    is_unique: bool,
    /// The name by which people ask for the row.
    is_name: bool,
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

    /// The id of its row of a table.
    pub fn id_of(&self, table: &str) -> Option<&str> {
        self.rows.iter().find(|row| row.table == table).map(|row| row.key.1.as_str())
    }

    /// Every id by which something of it could be asked for, with the table it stands in.
    pub fn ids(&self) -> Vec<(&str, &str)> {
        let mut seen = BTreeSet::new();
        let ids = self.rows.iter().map(|row| (row.table.as_str(), row.key.1.as_str()));
        ids.filter(|(_, id)| seen.insert(*id)).collect()
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
                 EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
                 'isUnique',
                 EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))))
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                 AND a.attgenerated = '' AND a.attidentity = '') AS columns
         FROM pg_class c WHERE c.relnamespace = '{service}'::regnamespace AND c.relkind = 'r'
             AND c.relname <> ALL ('{{{}}}') ORDER BY 1",
        ACTED_UPON.join(",")
    );
    let mut tables = Vec::new();
    for row in superuser.rows(&query).await {
        let name = row["name"].as_str().unwrap_or_default();
        let read = |column: &Value| Column::read(name, column);
        let columns: Vec<Column> = row["columns"].as_array().into_iter().flatten().map(read).collect();
        let belongs = columns.iter().any(|column| matches!(column.name.as_str(), "tenant_id" | "realm_id"));
        if belongs && columns.iter().any(Column::is_id) {
            tables.push((name.to_owned(), columns));
        }
    }
    tables
}

impl Column {
    fn read(table: &str, description: &Value) -> Self {
        let text = |name: &str| description[name].as_str().unwrap_or_default().to_owned();
        let (name, kind) = (text("name"), text("kind"));
        Self {
            is_name: is_named_by_people(table) && name == "name",
            in_key: description["inKey"] == true,
            is_unique: description["isUnique"] == true,
            name,
            kind,
        }
    }

    fn is_person(&self) -> bool {
        matches!(self.name.as_str(), "user_id" | "customer_id" | "for_user")
    }

    fn is_id(&self) -> bool {
        let is_uuid = self.in_key && self.kind == "uuid";
        self.is_name || (is_uuid && !matches!(self.name.as_str(), "tenant_id" | "realm_id"))
    }
}

/// Which rows can be copied: a guest without a session would be purged, an erasure that has begun would be gone on with, and the
/// roles of the system are everybody's.
fn wanted(table: &str) -> &'static str {
    match table {
        "auth.users" => "WHERE t.kind = 'member'",
        "auth.erasures" => "WHERE t.state = 'scheduled'",
        "auth.roles" => "WHERE NOT t.system",
        _ => "",
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
    let newest = format!("SELECT * FROM {table} t {} ORDER BY t.ctid DESC LIMIT 1", wanted(table));
    let original = superuser.rows(&newest).await.pop()?;
    let mut copy = original.clone();
    let mut key = None;
    for column in columns {
        let value = match column.name.as_str() {
            "tenant_id" | "for_tenant" => tenant.to_owned(),
            name if original[name].is_null() && !column.is_person() => continue,
            "email" | "email_canonical" => format!("{person}@shadow.test"),
            "id" if table == "auth.users" => person.to_owned(),
            _ if column.is_person() => person.to_owned(),
            _ if column.is_name => format!("r-{}", fresh()),
            _ if column.is_id() => fresh(),
            // Digests and the like: no two are alike.
            _ if column.is_unique && column.kind == "bytea" => {
                format!("\\x{}{}", fresh(), fresh()).replace('-', "")
            }
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
