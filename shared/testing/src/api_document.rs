//! Holds a service's OpenAPI document to what somebody who has never seen the service needs.

use serde_json::Value;
use shinkofa_runtime::{Service, openapi};

/// Every operation has a summary, a tag, a description of each answer, a refusal among them, and an example of what is sent and of what
/// comes back. An object whose every required member has an example is one; instants, ids, enumerations, booleans, objects
/// without a shape and what may be null speak for themselves.
pub fn assert_document_reads_like_a_product<S: Service>() {
    let document = serde_json::to_value(openapi::<S>()).expect("the document is JSON");
    let mut wants = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let mut complain = |what: String| wants.push(format!("{} {path}: {what}", method.to_uppercase()));
            operation_wants(&document, operation, &mut complain);
        }
    }
    assert!(wants.is_empty(), "the document of {} lacks:\n{}", S::NAME, wants.join("\n"));
}

fn members(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().into_iter().flatten()
}

fn operation_wants(document: &Value, operation: &Value, complain: &mut impl FnMut(String)) {
    for member in ["summary", "operationId"] {
        if operation[member].as_str().is_none_or(|text| text.trim().is_empty()) {
            complain(format!("a {member}"));
        }
    }
    if operation["tags"].as_array().is_none_or(|tags| tags.len() != 1) {
        complain("one tag".to_owned());
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["schema"].is_null() {
            complain(format!("the schema of parameter {}", parameter["name"]));
        }
    }
    for (content_type, content) in members(&operation["requestBody"]["content"]) {
        content_wants(document, ("its body", content_type, content), complain);
    }
    let mut refusals = 0;
    for (status, response) in members(&operation["responses"]) {
        refusals += usize::from(status.starts_with(['4', '5']));
        if !status.starts_with('2') {
            continue;
        }
        for (content_type, content) in members(&response["content"]) {
            content_wants(document, (status, content_type, content), complain);
        }
    }
    if refusals == 0 && !is_page(operation) {
        complain("a refusal that it can answer".to_owned());
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
    let plain = ["uuid", "date-time"].contains(&format) || is("boolean") || is("null");
    if speaks || plain || depth > DEEPEST {
        return;
    }
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#'));
        return lacks_example(document, target.unwrap_or(&Value::Null), (at, depth + 1), lacking);
    }
    for combined in ["allOf", "oneOf", "anyOf"] {
        if let Some(parts) = schema[combined].as_array() {
            let may_be_null = combined != "allOf" && parts.iter().any(|part| part["type"] == "null");
            for part in parts.iter().filter(|_| !may_be_null) {
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
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in properties {
        if required.contains(&name.as_str()) {
            lacks_example(document, property, (format!("{at}/{name}"), depth + 1), lacking);
        }
    }
}

fn kinds(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema["type"].as_str().into_iter();
    one.chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str))
}
