//! V24: an id of another tenant is answered as one that does not exist, to the letter, by every operation that takes an id.

use std::collections::BTreeMap;
use std::rc::Rc;

use reqwest::Method;
use serde_json::{Map, Value, json};
use suite::{Answer, Stack, invariants};
use tokio::task::LocalSet;

use super::cast::{Cast, Role};
use super::expectation::Who;
use super::shadow::Shadow;
use super::{matrix, pages};
use crate::api_documents::{Operation, document, what_exists};

/// What nobody asks for by an id of ours: providers have names.
const NO_IDS: &[&str] = &["{provider}"];
/// So that the search for other tenants' rows is known to find what there is.
const AT_LEAST: [&str; 8] = [
    "auth.users",
    "auth.sessions",
    "auth.audit_events",
    "auth.memberships",
    "booking.classes",
    "booking.sessions",
    "booking.reservations",
    "credits.payments",
];

fn takes_an_id(operation: &Operation) -> bool {
    let parameters = operation.path.split('/').filter(|part| part.starts_with('{'));
    parameters.into_iter().any(|parameter| !NO_IDS.contains(&parameter))
}

/// A body that the operation takes: what its document gives as an example, and the least where it gives none.
fn example(schema: &Value, document: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/")) {
        let target = name.split('/').fold(document, |value, member| &value[member]);
        return example(target, document);
    }
    let given = [&schema["example"], &schema["examples"][0], &schema["default"], &schema["enum"][0]];
    if let Some(given) = given.into_iter().find(|value| !value.is_null()) {
        return given.clone();
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|name| schema[name].as_array());
    if let Some(choice) = choices.flatten().find(|choice| choice["type"] != "null") {
        return example(choice, document);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match (kind, schema["format"].as_str()) {
        (Some("object"), _) => {
            let names = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let members = names.map(|name| (name.to_owned(), example(&schema["properties"][name], document)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        (Some("string"), Some("uuid")) => json!("01920000-0000-7000-8000-0000000000aa"),
        (Some("string"), Some("date-time")) => json!("2030-01-01T00:00:00Z"),
        (Some("string"), _) => {
            json!("x".repeat(usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).unwrap_or(1)))
        }
        (Some("integer" | "number"), _) => schema["minimum"].as_i64().map_or(json!(1), |least| json!(least)),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => json!([example(&schema["items"], document)]),
        _ => json!({}),
    }
}

/// What is sent beside the id.
struct Sent {
    body: Value,
    query: Vec<(String, String)>,
}

impl Sent {
    fn of(operation: &Operation, document: &Value) -> Self {
        let schema = &operation.description["requestBody"]["content"]["application/json"]["schema"];
        let parameters = operation.description["parameters"].as_array().into_iter().flatten();
        let wanted = parameters.filter(|one| one["in"] == "query" && one["required"] == true);
        let query = wanted.map(|one| {
            let value = match example(&one["schema"], document) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            (one["name"].as_str().unwrap_or_default().to_owned(), value)
        });
        Self { body: example(schema, document), query: query.collect() }
    }
}

/// What an answer says, without what no two have in common and with the id that it was asked about made the same.
fn said(answer: &Answer, id: &str) -> (u16, String, BTreeMap<String, String>) {
    let mut body = answer.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("requestId");
    }
    let policy = answer.headers.get("content-security-policy").and_then(|policy| policy.to_str().ok());
    let nonce = policy.and_then(|policy| policy.split("'nonce-").nth(1)?.split('\'').next());
    let alike = |text: String| match nonce {
        Some(nonce) => text.replace(id, "ID").replace(nonce, "NONCE"),
        None => text.replace(id, "ID"),
    };
    let headers = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let headers = headers.map(|(name, value)| (name.to_string(), alike(format!("{value:?}"))));
    (answer.status, alike(body.to_string()), headers.collect())
}

/// Asks as somebody who may, and as somebody new where attempts are limited for each person.
async fn ask(
    stack: &Stack,
    cast: &mut Cast<'_>,
    (operation, who): (&Operation, Who),
    id: &str,
    sent: &Sent,
) -> Answer {
    let query: Vec<_> = sent.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let role = match who {
        Who::Anyone => Role::Nobody,
        Who::SignedIn | Who::AsOneself | Who::SignedInOrEnrolling => Role::Member,
        Who::Holder(_) => Role::Admin,
    };
    for _ in 0..2 {
        let call = operation.call_about(stack, id, &sent.body).query(&query);
        let mut call = call.idempotency_key(&stack.fresh("stranger"));
        if let Some(token) = cast.token(role).await {
            call = call.bearer(token);
        }
        let answer = call.send().await;
        if answer.status != 429 {
            return answer;
        }
        cast.leaves(role);
    }
    panic!("{}: somebody who never asked before is limited", operation.name());
}

/// What the answers were, as far as they are not alike, and how many were asked for.
async fn compare(stack: &Stack, documents: &Map<String, Value>, shadow: &Shadow) -> (usize, Vec<String>) {
    let mut cast = Cast::gather(stack).await;
    let (mut asked, mut wrong) = (0, Vec::new());
    for (operation, who) in matrix(stack).await.iter().filter(|(operation, _)| takes_an_id(operation)) {
        let name = operation.name();
        let document = documents.values().find(|document| {
            let method = operation.method.as_str().to_ascii_lowercase();
            document["paths"][&operation.path][method].is_object()
        });
        let sent = Sent::of(operation, document.expect("a document has the operation"));
        let nothing = stack.clock.new_uuid().to_string();
        let missing = ask(stack, &mut cast, (operation, *who), &nothing, &sent).await;
        // Pages for browsers are the same for every id: what they show they ask for.
        let is_page = *who == Who::Anyone && operation.method == Method::GET && missing.status == 200;
        if missing.status != 404 && !is_page {
            wrong.push(format!("{name}: what does not exist is {} {:#}", missing.status, missing.body));
        }
        let missing = said(&missing, &nothing);
        for (table, id) in shadow.ids() {
            let answer = ask(stack, &mut cast, (operation, *who), id, &sent).await;
            let foreign = said(&answer, id);
            asked += 1;
            if foreign != missing {
                wrong.push(format!("{name} about a row of {table}: {foreign:?}, not {missing:?}"));
            }
        }
    }
    (asked, wrong)
}

#[tokio::test]
async fn v24_every_id_of_another_tenant_is_answered_like_one_that_does_not_exist() {
    let stack = Stack::attach().await;
    what_exists(&stack).await;
    let services: Vec<String> = pages(&stack).into_keys().collect();
    let mut documents = Map::new();
    for service in &services {
        documents.insert(service.clone(), document(&stack, service).await);
    }
    let shadow = Rc::new(Shadow::cast(&stack, &services).await);
    // The copies are removed whatever becomes of the questions: the tests that follow are to find their rows alone.
    let (asking, about) = (stack.clone(), shadow.clone());
    let local = LocalSet::new();
    let compared = local.spawn_local(async move { compare(&asking, &documents, &about).await });
    let compared = local.run_until(compared).await;
    let changed = shadow.remove(&stack).await;
    let (asked, wrong) = compared.expect("every question is asked");
    let tables = shadow.tables();
    eprintln!("{asked} questions about rows of {tables:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    for table in AT_LEAST {
        assert!(tables.contains(table), "{table} is not among {tables:?}");
    }
    invariants::check(&stack).await;
}

#[test]
fn an_example_is_what_a_document_asks_for() {
    let document = json!({ "components": { "schemas": { "Name": { "type": "string", "minLength": 3 } } } });
    let schema = json!({
        "type": "object",
        "required": ["name", "count", "kind"],
        "properties": {
            "name": { "$ref": "#/components/schemas/Name" },
            "count": { "type": "integer", "minimum": 5 },
            "kind": { "oneOf": [{ "type": "null" }, { "enum": ["a", "b"] }] },
            "left_out": { "type": "boolean" },
        },
    });
    assert_eq!(example(&schema, &document), json!({ "name": "xxx", "count": 5, "kind": "a" }));
}
