//! V24: an id of another tenant is answered as one that does not exist, to the letter, by every operation that takes an id.

use std::collections::BTreeMap;
use std::rc::Rc;

use reqwest::Method;
use serde_json::{Map, Value, json};
use suite::{Answer, Stack, invariants};
use tokio::task::LocalSet;

use super::cast::{Cast, Role};
use super::done::document_of;
use super::everything::{Everything, is_named_by_people, named_by};
use super::expectation::Who;
use super::shadow::Shadow;
use super::{matrix, pages};
use crate::api_documents::{Operation, document};

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

/// The same with every member that its document gives an example of, asked for or not.
fn whole_example(schema: &Value, document: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/")) {
        let target = name.split('/').fold(document, |value, member| &value[member]);
        return whole_example(target, document);
    }
    let mut whole = example(schema, document);
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties.filter(|(_, property)| !property["example"].is_null()) {
        whole[name] = property["example"].clone();
    }
    whole
}

/// What is sent beside the id.
pub struct Sent {
    pub body: Value,
    pub query: Vec<(String, String)>,
}

impl Sent {
    pub fn with_every_example(operation: &Operation, document: &Value) -> Self {
        Self { body: whole_example(operation.body_schema(), document), ..Self::of(operation, document) }
    }

    fn of(operation: &Operation, document: &Value) -> Self {
        let parameters = operation.description["parameters"].as_array().into_iter().flatten();
        let wanted = parameters.filter(|one| one["in"] == "query" && one["required"] == true);
        let query = wanted.map(|one| {
            let value = match example(&one["schema"], document) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            (one["name"].as_str().unwrap_or_default().to_owned(), value)
        });
        Self { body: example(operation.body_schema(), document), query: query.collect() }
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
    ids: &[&str],
    sent: &Sent,
) -> Answer {
    let query: Vec<_> = sent.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let role = match who {
        Who::Anyone => Role::Nobody,
        Who::SignedIn | Who::AsOneself | Who::SignedInOrEnrolling => Role::Member,
        Who::Holder(_) => Role::Admin,
    };
    for _ in 0..2 {
        let call = operation.call_about_each(stack, ids, &sent.body).query(&query);
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

/// What was asked, and where the answers were not alike.
#[derive(Default)]
struct Comparison {
    asked: usize,
    wrong: Vec<String>,
}

/// Who asks, and about what.
struct Questions<'a> {
    stack: &'a Stack,
    cast: Cast<'a>,
    everything: &'a Everything,
    shadow: &'a Shadow,
    compared: Comparison,
}

impl Questions<'_> {
    /// Asks about nothing first, and then about each of these, which are to be answered like it. Each stands among `others` at
    /// its place, where the path has several ids.
    async fn compare(
        &mut self,
        asked: (&Operation, Who),
        sent: &Sent,
        (others, place): (&[&str], usize),
        foreign: &[(&str, &str)],
    ) {
        let (operation, who) = asked;
        let name = operation.name();
        let is_named = foreign.iter().any(|(table, _)| is_named_by_people(table));
        let nothing = self.stack.clock.new_uuid();
        let nothing = if is_named { format!("r-{nothing}") } else { nothing.to_string() };
        let missing = self.ask(asked, sent, (others, place), &nothing).await;
        // Pages for browsers are the same for every id: what they show they ask for.
        let is_page = who == Who::Anyone && operation.method == Method::GET && missing.status == 200;
        if missing.status != 404 && !is_page {
            self.compared
                .wrong
                .push(format!("{name}: what does not exist is {} {:#}", missing.status, missing.body));
        }
        let missing = said(&missing, &nothing);
        for (table, id) in foreign {
            let answer = self.ask(asked, sent, (others, place), id).await;
            let answer = said(&answer, id);
            self.compared.asked += 1;
            if answer != missing {
                self.compared
                    .wrong
                    .push(format!("{name} about a row of {table}: {answer:?}, not {missing:?}"));
            }
        }
    }

    async fn ask(
        &mut self,
        asked: (&Operation, Who),
        sent: &Sent,
        (others, place): (&[&str], usize),
        id: &str,
    ) -> Answer {
        let mut ids = others.to_vec();
        match ids.get_mut(place) {
            Some(at_its_place) => *at_its_place = id,
            None => ids.push(id),
        }
        ask(self.stack, &mut self.cast, asked, &ids, sent).await
    }

    /// Everything of the other tenant wherever the path wants an id, and what each id is to name beside ids of our own.
    async fn about(&mut self, operation: &Operation, who: Who, sent: &Sent) {
        let (named, everything, shadow) = (named_by(operation), self.everything, self.shadow);
        let (by_name, by_id): (Vec<_>, Vec<_>) =
            shadow.ids().into_iter().partition(|(table, _)| is_named_by_people(table));
        self.compare((operation, who), sent, (&[], 0), &by_id).await;
        if named.iter().any(|table| is_named_by_people(table)) {
            self.compare((operation, who), sent, (&[], 0), &by_name).await;
        }
        for table in &named {
            if shadow.id_of(table).is_none() {
                let name = operation.name();
                self.compared.wrong.push(format!("{name}: the other tenant has no row of {table}"));
            }
        }
        if named == ["auth.service_accounts", "auth.api_keys"] {
            let own = [everything.account.as_str(), everything.key.as_str()];
            for (place, table) in named.iter().enumerate() {
                let foreign: Vec<_> = shadow.id_of(table).map(|id| (*table, id)).into_iter().collect();
                self.compare((operation, who), sent, (&own, place), &foreign).await;
            }
        } else {
            assert!(named.len() == 1, "{}: which ids of our own go with the foreign one?", operation.name());
        }
    }
}

/// Asks every operation that takes an id.
async fn compare(
    stack: &Stack,
    documents: &Map<String, Value>,
    (everything, shadow): (&Everything, &Shadow),
) -> Comparison {
    let cast = Cast::gather(stack).await;
    let mut questions = Questions { stack, cast, everything, shadow, compared: Comparison::default() };
    for (operation, who) in &matrix(stack).await {
        if named_by(operation).is_empty() {
            continue;
        }
        let sent = Sent::of(operation, document_of(operation, documents));
        questions.about(operation, *who, &sent).await;
    }
    questions.compared
}

#[tokio::test]
async fn v24_every_id_of_another_tenant_is_answered_like_one_that_does_not_exist() {
    let stack = Stack::attach().await;
    let everything = Rc::new(Everything::make(&stack).await);
    let services: Vec<String> = pages(&stack).into_keys().collect();
    let mut documents = Map::new();
    for service in &services {
        documents.insert(service.clone(), document(&stack, service).await);
    }
    let shadow = Rc::new(Shadow::cast(&stack, &services).await);
    // The copies are removed whatever becomes of the questions: the tests that follow are to find their rows alone.
    let (asking, own, about) = (stack.clone(), everything.clone(), shadow.clone());
    let local = LocalSet::new();
    let compared = local.spawn_local(async move { compare(&asking, &documents, (&own, &about)).await });
    let compared = local.run_until(compared).await;
    let changed = shadow.remove(&stack).await;
    let Comparison { asked, wrong } = compared.expect("every question is asked");
    eprintln!("{asked} questions about {} rows", shadow.ids().len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    let live =
        format!("SELECT count(*) FROM auth.api_keys WHERE id = '{}' AND revoked_at IS NULL", everything.key);
    assert_eq!(stack.superuser().await.number(&live).await, 1, "our own key is as it was");
    everything.remove(&stack).await;
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
    let mut schema = schema;
    schema["properties"]["left_out"]["example"] = json!(true);
    let whole = json!({ "name": "xxx", "count": 5, "kind": "a", "left_out": true });
    assert_eq!(whole_example(&schema, &document), whole);
}
