//! What the schema says about its own columns.

use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_db::{Connection, prepared_query};

use crate::domain::processing::{Processing, processing};

prepared_query! {
    struct Annotations { prefix: String as Text }
    " SELECT c.relname || '.' || a.attname AS data, d.description AS comment
    FROM input, pg_description d
    JOIN pg_class c ON c.oid = d.objoid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
    WHERE d.classoid = 'pg_class'::regclass AND n.nspname = current_schema() AND starts_with(d.description, prefix)
    ORDER BY 1"
}

#[derive(QueryableByName)]
struct Annotation {
    #[diesel(sql_type = Text)]
    data: String,
    #[diesel(sql_type = Text)]
    comment: String,
}

/// Every kind of personal data that this service keeps.
pub async fn register(tx: &mut Connection) -> QueryResult<Vec<Processing>> {
    let annotations = Annotations { prefix: "personal:".to_owned() }.load::<Annotation>(tx).await?;
    Ok(annotations.into_iter().filter_map(|row| processing(row.data, &row.comment)).collect())
}
