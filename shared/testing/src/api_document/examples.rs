//! Whether the examples of a document are what its schemas allow.

use jsonschema::Draft;
use serde_json::{Map, Value, json};

use super::{DEEPEST, kinds, members};

/// A value, and what it is to be an example of.
struct Example<'a> {
    of: String,
    schema: &'a Value,
    value: Value,
}

/// What does not fit its schema, and where: every example and default that stands in the document, and what a reader puts together
/// from those of the members where a parameter, a body or an answer has none of its own. Formats count.
pub fn wrong_examples(document: &Value) -> Vec<String> {
    let mut examples = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let name = format!("{} {path}", method.to_uppercase());
            collect_shown(document, (&name, operation), &mut examples);
        }
    }
    for (name, schema) in members(&document["components"]["schemas"]) {
        collect_within(name, schema, &mut examples);
    }
    faults(document, &examples)
}

/// What of this value does not fit the schema, and where.
pub fn misfits(document: &Value, (of, schema): (&str, &Value), value: &Value) -> Vec<String> {
    faults(document, &[Example { of: of.to_owned(), schema, value: value.clone() }])
}

/// All of them are looked at as the items of one list: so the references lead into the components, which stand where the document
/// has them.
fn faults(document: &Value, examples: &[Example<'_>]) -> Vec<String> {
    let schemas: Vec<&Value> = examples.iter().map(|example| example.schema).collect();
    let whole = json!({ "prefixItems": schemas, "components": document["components"] });
    let values = Value::Array(examples.iter().map(|example| example.value.clone()).collect());
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    let validator = match options.build(&whole) {
        Ok(validator) => validator,
        Err(error) => return vec![format!("schemas that can be read: {error}")],
    };
    let faults = validator.iter_errors(&values).map(|error| {
        let path = error.instance_path().to_string();
        let mut parts = path.splitn(3, '/').skip(1);
        let item = parts.next().and_then(|item| item.parse::<usize>().ok());
        let of = item.and_then(|item| examples.get(item)).map_or("?", |example| example.of.as_str());
        format!("{of}: an example that fits at /{}: {error}", parts.next().unwrap_or_default())
    });
    faults.collect()
}

/// What an operation shows of its parameters, of its body and of its answers.
fn collect_shown<'a>(
    document: &'a Value,
    (name, operation): (&str, &'a Value),
    found: &mut Vec<Example<'a>>,
) {
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let of = format!("{name}: parameter {}", parameter["name"]);
        collect_of(document, (&of, parameter), found);
    }
    for (_, content) in members(&operation["requestBody"]["content"]) {
        collect_of(document, (&format!("{name}: its body"), content), found);
    }
    for (status, response) in members(&operation["responses"]) {
        for (_, content) in members(&response["content"]) {
            collect_of(document, (&format!("{name}: {status}"), content), found);
        }
    }
}

/// What stands beside a schema, or else what is put together from within it, and whatever stands within it.
fn collect_of<'a>(document: &'a Value, (of, shown): (&str, &'a Value), found: &mut Vec<Example<'a>>) {
    let schema = &shown["schema"];
    if schema.is_null() {
        return;
    }
    let named = members(&shown["examples"]).map(|(_, example)| &example["value"]);
    let mut values: Vec<Value> =
        [&shown["example"]].into_iter().chain(named).filter(|value| !value.is_null()).cloned().collect();
    if values.is_empty() {
        values.extend(assembled(document, schema, 0));
    }
    found.extend(values.into_iter().map(|value| Example { of: of.to_owned(), schema, value }));
    collect_within(of, schema, found);
}

fn collect_within<'a>(of: &str, schema: &'a Value, found: &mut Vec<Example<'a>>) {
    if !schema.is_object() {
        return;
    }
    let more = schema["examples"].as_array().into_iter().flatten();
    let given = [&schema["example"], &schema["default"]].into_iter().chain(more);
    let given = given.filter(|value| !value.is_null()).cloned();
    found.extend(given.map(|value| Example { of: of.to_owned(), schema, value }));
    for (name, property) in members(&schema["properties"]) {
        collect_within(&format!("{of}/{name}"), property, found);
    }
    for beneath in ["items", "additionalProperties"] {
        collect_within(&format!("{of}/*"), &schema[beneath], found);
    }
    for combined in ["allOf", "oneOf", "anyOf", "prefixItems"] {
        for part in schema[combined].as_array().into_iter().flatten() {
            collect_within(of, part, found);
        }
    }
}

/// What somebody who reads the document would send: the example of a schema, and where it has none those of its members. None where
/// nothing is promised.
pub fn assembled(document: &Value, schema: &Value, depth: u8) -> Option<Value> {
    let given = ["example", "const", "default"].map(|member| &schema[member]);
    let mut given = given.into_iter().chain([&schema["examples"][0], &schema["enum"][0]]);
    if let Some(given) = given.find(|value| !value.is_null()) {
        return Some(given.clone());
    }
    if depth > DEEPEST {
        return None;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return assembled(document, document.pointer(reference.trim_start_matches('#'))?, depth + 1);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            match assembled(document, part, depth + 1)? {
                Value::Object(more) => whole.extend(more),
                other => return Some(other),
            }
        }
        return Some(Value::Object(whole));
    }
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|combined| schema[combined].as_array());
    if let Some(choice) = choices.flatten().find(|choice| choice["type"] != "null") {
        return assembled(document, choice, depth + 1);
    }
    let kind = kinds(schema).find(|kind| *kind != "null");
    match (kind, schema["format"].as_str()) {
        (Some("object"), _) => {
            let properties = members(&schema["properties"]);
            let whole = properties.filter_map(|(name, property)| {
                Some((name.clone(), assembled(document, property, depth + 1)?))
            });
            Some(Value::Object(whole.collect()))
        }
        (Some("array"), _) => Some(assembled(document, &schema["items"], depth + 1).into_iter().collect()),
        (Some("string"), Some("uuid")) => Some(json!("01920000-0000-7000-8000-00000000ffff")),
        (Some("string"), Some("date-time")) => Some(json!("2026-12-01T09:00:00Z")),
        (Some("boolean"), _) => Some(json!(true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One operation, whose body has this property, and whose answer has this example.
    fn document(property: &Value, answer: &Value) -> Value {
        let thing = json!({ "$ref": "#/components/schemas/Thing" });
        json!({
            "paths": { "/api/things": { "post": {
                "requestBody": { "content": { "application/json": { "schema": thing } } },
                "responses": { "201": { "content": { "application/json": { "schema": thing, "example": answer } } } },
            } } },
            "components": { "schemas": { "Thing": {
                "type": "object", "required": ["name"], "additionalProperties": false, "properties": { "name": property },
            } } },
        })
    }

    #[test]
    fn examples_that_fit_are_right() {
        let name = json!({ "type": ["string", "null"], "maxLength": 9, "example": "A thing" });
        assert_eq!(wrong_examples(&document(&name, &json!({ "name": "Another" }))), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_example_is_found_wherever_it_stands() {
        let right = json!({ "type": "string", "example": "A thing" });
        for answer in
            [json!({}), json!({ "name": 7 }), json!({ "name": "A thing", "colour": "red" }), json!("A thing")]
        {
            let wrong = wrong_examples(&document(&right, &answer));
            assert!(
                wrong.len() == 1 && wrong[0].starts_with("POST /api/things: 201:"),
                "{answer}: {wrong:?}"
            );
        }
        let answer = json!({ "name": "anna@example.org" });
        for property in [
            json!({ "type": "string", "maxLength": 3, "example": "A thing", "default": "x" }),
            json!({ "type": "integer", "example": "7" }),
            json!({ "type": "string", "enum": ["a", "b"], "example": "c" }),
            json!({ "type": "string", "format": "email", "example": "A thing" }),
            json!({ "type": "string", "pattern": "^[a-z@.]+$", "example": "A thing" }),
            json!({ "type": "string", "default": 7 }),
            json!({ "oneOf": [{ "type": "null" }, { "type": "string", "example": 7 }] }),
        ] {
            let wrong = wrong_examples(&document(&property, &answer));
            assert!(wrong.iter().any(|wrong| wrong.starts_with("Thing/name:")), "{property}: {wrong:?}");
            // And so is the body that a reader would send.
            let sent = wrong.iter().any(|wrong| wrong.starts_with("POST /api/things: its body:"));
            assert!(sent, "{property}: {wrong:?}");
        }
    }

    #[test]
    fn a_value_that_is_no_example_is_held_against_its_schema_alike() {
        let document = document(&json!({ "type": "string", "format": "date-time" }), &json!(null));
        let thing = ("an answer", &json!({ "$ref": "#/components/schemas/Thing" }));
        assert_eq!(
            misfits(&document, thing, &json!({ "name": "2026-12-01T09:00:00Z" })),
            Vec::<String>::new()
        );
        for wrong in [json!({ "name": "today" }), json!({}), json!([])] {
            assert_eq!(misfits(&document, thing, &wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_body_is_put_together_from_its_members() {
        let document =
            json!({ "components": { "schemas": { "Kind": { "type": "string", "enum": ["a", "b"] } } } });
        let schema = json!({ "type": "object", "properties": {
            "kind": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Kind" }] },
            "ids": { "type": "array", "items": { "type": "string", "format": "uuid" } },
            "free": { "type": "object" },
            "unsaid": { "type": "string" },
        } });
        let sent = json!({ "kind": "a", "ids": ["01920000-0000-7000-8000-00000000ffff"], "free": {} });
        assert_eq!(assembled(&document, &schema, 0), Some(sent));
    }
}
