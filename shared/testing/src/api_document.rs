//! Holds a service's OpenAPI document to what somebody who has never seen the service needs.

mod examples;

use serde_json::Value;
use shinkofa_runtime::{Service, openapi};

use crate::Answer;

/// Every operation has a summary, a tag, a description of each answer, a refusal among them, and an example of each parameter, of
/// what is sent and of what comes back: of optional members as well, and of every refusal with a code and a status that fits.
/// What is referred to is there. An object whose every member has an example is one; instants, ids, enumerations, booleans and
/// objects without a shape speak for themselves. What is shown as an example is one that its schema allows.
pub fn assert_document_reads_like_a_product<S: Service>() {
    let document = serde_json::to_value(openapi::<S>()).expect("the document is JSON");
    let wants = wants_of(&document);
    assert!(wants.is_empty(), "the document of {} lacks:\n{}", S::NAME, wants.join("\n"));
}

/// Fails the test unless what an operation answered is what the document promises for that status. Formats count.
#[track_caller]
pub fn assert_answer_fits<S: Service>((method, path): (&str, &str), answer: &Answer) {
    let document = serde_json::to_value(openapi::<S>()).expect("the document is JSON");
    let of = format!("{method} {path}: {}", answer.status);
    let operation = &document["paths"][path][method.to_ascii_lowercase()];
    let schema = &operation["responses"][answer.status.to_string()]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{of}: the document says nothing of it");
    let wrong = examples::misfits(&document, (&of, schema), &answer.body);
    assert!(wrong.is_empty(), "the answer is another one:\n{}", wrong.join("\n"));
}

/// What somebody who reads the document would send or get: the example of a schema, and where it has none those of its members.
pub fn example_of(document: &Value, schema: &Value) -> Option<Value> {
    examples::assembled(document, schema, 0)
}

fn wants_of(document: &Value) -> Vec<String> {
    let mut wants = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let mut complain = |what: String| wants.push(format!("{} {path}: {what}", method.to_uppercase()));
            operation_wants(document, operation, &mut complain);
        }
    }
    let mut references = Vec::new();
    collect_references(document, &mut references);
    references.retain(|reference| document.pointer(reference.trim_start_matches('#')).is_none());
    wants.extend(references.iter().map(|reference| format!("what {reference} refers to")));
    wants.extend(examples::wrong_examples(document));
    wants
}

fn collect_references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

fn members(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().into_iter().flatten()
}

fn is_blank(text: &Value) -> bool {
    text.as_str().is_none_or(|text| text.trim().is_empty())
}

fn operation_wants(document: &Value, operation: &Value, complain: &mut impl FnMut(String)) {
    for member in ["summary", "operationId"] {
        if is_blank(&operation[member]) {
            complain(format!("a {member}"));
        }
    }
    if operation["tags"].as_array().is_none_or(|tags| tags.len() != 1) {
        complain("one tag".to_owned());
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        parameter_wants(document, parameter, complain);
    }
    for (content_type, content) in members(&operation["requestBody"]["content"]) {
        content_wants(document, ("its body", content_type, content), complain);
    }
    let mut refusals = 0;
    for (status, response) in members(&operation["responses"]) {
        if is_blank(&response["description"]) {
            complain(format!("a description of {status}"));
        }
        let is_refusal = status.starts_with(['4', '5']);
        refusals += usize::from(is_refusal);
        for (content_type, content) in members(&response["content"]) {
            // Errors in the words of another protocol show an example by their members.
            if is_refusal && content_type != "application/scim+json" {
                refusal_wants((status, content), complain);
            } else {
                content_wants(document, (status, content_type, content), complain);
            }
        }
    }
    if refusals == 0 && !is_page(operation) {
        complain("a refusal that it can answer".to_owned());
    }
}

fn parameter_wants(document: &Value, parameter: &Value, complain: &mut impl FnMut(String)) {
    let mut lacking = Vec::new();
    if parameter["schema"].is_null() {
        complain(format!("the schema of parameter {}", parameter["name"]));
    } else if parameter["example"].is_null() {
        lacks_example(document, &parameter["schema"], (String::new(), 0), &mut lacking);
    }
    if !lacking.is_empty() {
        complain(format!("an example of parameter {}", parameter["name"]));
    }
}

/// Each example of a refusal is a whole problem of its status.
fn refusal_wants((status, content): (&str, &Value), complain: &mut impl FnMut(String)) {
    let named = members(&content["examples"]).map(|(_, example)| &example["value"]);
    let examples: Vec<&Value> =
        [&content["example"]].into_iter().filter(|one| !one.is_null()).chain(named).collect();
    if examples.is_empty() {
        complain(format!("an example of {status}"));
    }
    for example in examples {
        let texts = ["type", "title", "code", "detail", "requestId"];
        let lacks = texts.iter().any(|member| is_blank(&example[*member]));
        if lacks || example["status"].as_u64() != status.parse().ok() {
            complain(format!("a whole problem as example of {status}, which is {example}"));
        }
    }
}

/// A page that is the same for everybody has nothing to refuse.
fn is_page(operation: &Value) -> bool {
    members(&operation["responses"]["200"]["content"])
        .any(|(content_type, _)| content_type.starts_with("text/html"))
}

fn content_wants(
    document: &Value,
    (of, content_type, content): (&str, &str, &Value),
    complain: &mut impl FnMut(String),
) {
    if !content_type.ends_with("json") || !content["example"].is_null() || !content["examples"].is_null() {
        return;
    }
    let mut lacking = Vec::new();
    lacks_example(document, &content["schema"], (String::new(), 0), &mut lacking);
    if !lacking.is_empty() {
        complain(format!("an example of {of}: {}", lacking.join(", ")));
    }
}

/// A schema may speak of itself; deeper than this nobody reads.
const DEEPEST: u8 = 12;

fn lacks_example(document: &Value, schema: &Value, (at, depth): (String, u8), lacking: &mut Vec<String>) {
    let has = |member: &str| !schema[member].is_null();
    let speaks = has("example") || has("examples") || has("enum") || has("const") || has("default");
    let format = schema["format"].as_str().unwrap_or_default();
    let is = |kind: &str| kinds(schema).any(|of| of == kind);
    let plain = ["uuid", "date-time"].contains(&format) || is("boolean") || schema["type"] == "null";
    if speaks || plain || depth > DEEPEST {
        return;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#'));
        return lacks_example(document, target.unwrap_or(&Value::Null), (at, depth + 1), lacking);
    }
    for combined in ["allOf", "oneOf", "anyOf"] {
        if let Some(parts) = schema[combined].as_array() {
            for part in parts {
                lacks_example(document, part, (at.clone(), depth + 1), lacking);
            }
            return;
        }
    }
    if is("array") {
        return lacks_example(document, &schema["items"], (format!("{at}/*"), depth + 1), lacking);
    }
    let properties = schema["properties"].as_object().filter(|properties| !properties.is_empty());
    let Some(properties) = properties else {
        if is("object") {
            // It belongs to whoever put it there: nothing is promised of what is in it.
            return;
        }
        return lacking.push(if at.is_empty() { "/".to_owned() } else { at });
    };
    for (name, property) in properties {
        lacks_example(document, property, (format!("{at}/{name}"), depth + 1), lacking);
    }
}

fn kinds(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema["type"].as_str().into_iter();
    one.chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document with one operation that wants nothing.
    fn complete() -> Value {
        let problem = json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found", "detail": "It is not there.",
            "requestId": "4bf92f3577b34da6a3ce929d0e0e4736",
        });
        json!({
            "paths": { "/api/things/{id}": { "get": {
                "summary": "One thing", "operationId": "read_thing", "tags": ["things"],
                "parameters": [{ "name": "id", "in": "path", "schema": { "type": "string", "format": "uuid" } }],
                "responses": {
                    "200": {
                        "description": "The thing.",
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } },
                    },
                    "404": {
                        "description": "There is none.",
                        "content": { "application/problem+json": { "example": problem } },
                    },
                },
            } } },
            "components": { "schemas": { "Thing": { "type": "object", "required": ["name"], "properties": {
                "name": { "type": "string", "example": "A thing" },
                "note": { "type": ["string", "null"], "example": "Handle with care" },
            } } } },
        })
    }

    #[test]
    fn a_whole_document_wants_nothing() {
        assert_eq!(wants_of(&complete()), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_taken_away_is_missed() {
        for pointer in [
            "/paths/~1api~1things~1{id}/get/summary",
            "/paths/~1api~1things~1{id}/get/tags",
            "/paths/~1api~1things~1{id}/get/parameters/0/schema/format",
            "/paths/~1api~1things~1{id}/get/responses/200/description",
            "/paths/~1api~1things~1{id}/get/responses/404/description",
            "/paths/~1api~1things~1{id}/get/responses/404/content/application~1problem+json/example",
            "/paths/~1api~1things~1{id}/get/responses/404/content/application~1problem+json/example/code",
            "/components/schemas/Thing/properties/note/example",
            "/components/schemas/Thing",
        ] {
            let mut document = complete();
            *document.pointer_mut(pointer).expect("it was there") = Value::Null;
            assert_ne!(wants_of(&document), Vec::<String>::new(), "{pointer}");
        }
        let mut document = complete();
        let refusal = "/paths/~1api~1things~1{id}/get/responses/404/content/application~1problem+json";
        document.pointer_mut(refusal).expect("it is there")["example"]["status"] = json!(409);
        assert_eq!(wants_of(&document).len(), 1, "a status of another answer");
    }
}
