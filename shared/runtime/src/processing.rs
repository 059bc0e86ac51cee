//! The register of processing, as the schema itself tells it: each personal column says in its comment what it is for, and its table
//! whom it is about.

use actix_web::{get, web};
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::RunQueryDsl as _;
use shinkofa_contracts::privacy::{People, PrivacyScope, Processing, ProcessingRegister, Recipient};
use shinkofa_db::{Connection, Database, Scope, prepared_query, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, Fault, Problem, Unavailability};

use crate::Platform;

prepared_query! {
    struct Annotations { prefix: String as Text }
    " SELECT c.relname || '.' || a.attname AS data, d.description AS comment,
        obj_description(c.oid, 'pg_class') AS about
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
    #[diesel(sql_type = Nullable<Text>)]
    about: Option<String>,
}

/// Whom the running service, as it is configured, tells something of people.
#[derive(Clone)]
pub(crate) struct Recipients(pub(crate) Vec<Recipient>);

/// Every kind of personal data that `service` keeps, whose schema the transaction sees.
pub async fn processing_register(tx: &mut Connection, service: &str) -> QueryResult<Vec<Processing>> {
    let annotations = Annotations { prefix: "personal:".to_owned() }.load::<Annotation>(tx).await?;
    let told = |row: Annotation| processing(service, row.data, (&row.comment, row.about.as_deref()));
    Ok(annotations.into_iter().filter_map(told).collect())
}

/// Reads `personal: purpose; basis; retention`, the comment of a column, beside that of its table.
fn processing(service: &str, data: String, (comment, of_table): (&str, Option<&str>)) -> Option<Processing> {
    let mut parts = comment.strip_prefix("personal:")?.split(';').map(str::trim);
    let (purpose, basis, retention) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && [purpose, basis, retention].iter().all(|part| !part.is_empty());
    let (people, category) = of_table.and_then(about).unwrap_or_default();
    whole.then(|| Processing {
        service: service.to_owned(),
        data,
        category,
        people,
        purpose: purpose.to_owned(),
        basis: basis.to_owned(),
        retention: retention.to_owned(),
    })
}

/// Reads `personal: people; category`.
fn about(comment: &str) -> Option<(Vec<People>, String)> {
    let (people, category) = comment.strip_prefix("personal:")?.split_once(';')?;
    let people: Option<Vec<People>> = people.split(',').map(|word| word.trim().parse().ok()).collect();
    let category = category.trim();
    let is_one = !category.is_empty() && !category.contains(';');
    people.filter(|_| is_one).map(|people| (people, category.to_owned()))
}

/// What this service keeps about people and why, and whom it tells
#[utoipa::path(
    tag = "privacy",
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = ProcessingRegister),
    ),
)]
#[get("/internal/v1/privacy/processing")]
pub(crate) async fn read_processing_register(
    _caller: RequireScope<PrivacyScope>,
    database: web::Data<Database>,
    platform: web::Data<Platform>,
    recipients: web::Data<Recipients>,
) -> Result<web::Json<ProcessingRegister>, Problem> {
    let items = transaction(&database, &Scope::infrastructure(), "processing_register", async |tx| {
        processing_register(tx, platform.settings.service).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .map_err(|error| Fault::from(error).problem())?;
    Ok(web::Json(ProcessingRegister { items, recipients: recipients.0.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_of_three_parts_is_read_and_any_other_is_not() {
        let read = |comment: &str| processing("auth", "users.email".to_owned(), (comment, None));
        assert_eq!(read("personal: signing in; contract; one day").unwrap().retention, "one day");
        for other in
            ["personal: signing in; contract", "personal: a; b; c; d", "technical: a", "personal: ; b; c"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_table_says_whom_it_is_about_in_words_that_are_known() {
        let (people, category) = about("personal: members, staff; contact details").unwrap();
        assert_eq!(
            (people.as_slice(), category.as_str()),
            (&[People::Members, People::Staff][..], "contact details")
        );
        for other in ["personal: members", "personal: pets; names", "personal: members; a; b", "members; a"] {
            assert_eq!(about(other), None, "{other}");
        }
    }
}
