//! Where what an operation made can be read, changed and ended: a link (OpenAPI 3.1, Link Object) from every operation that makes
//! something to every operation about one such thing, found by their paths. Clients read it, and so do the tests that walk from
//! answer to answer.

use std::collections::BTreeSet;

use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, OpenApi, Paths, RefOr, Response, Schema};

use super::operations;

/// An operation about one thing of a collection: `/api/classes/{id}`, and what lies beneath it.
struct Target {
    collection: String,
    parameter: String,
    operation: String,
}

pub(super) fn add(document: &mut OpenApi) {
    let OpenApi { paths, components, .. } = document;
    let targets = targets(paths);
    for (path, item) in &mut paths.paths {
        let Some(Operation { operation_id, responses, .. }) = &mut item.post else { continue };
        let Some(RefOr::T(made)) = responses.responses.get_mut("201") else { continue };
        let named = properties_of(made, components.as_ref());
        for target in targets.iter().filter(|target| operation_id.as_ref() != Some(&target.operation)) {
            if let Some(link) = link(path, &named, target) {
                made.links.insert(target.operation.clone(), RefOr::T(link));
            }
        }
    }
}

fn targets(paths: &mut Paths) -> Vec<Target> {
    let mut targets = Vec::new();
    for (path, item) in &mut paths.paths {
        let Some((collection, rest)) = path.rsplit_once("/{") else { continue };
        let Some((parameter, _)) = rest.split_once('}') else { continue };
        targets.extend(operations(item).filter_map(|operation| {
            let operation = operation.operation_id.clone()?;
            Some(Target { collection: collection.to_owned(), parameter: parameter.to_owned(), operation })
        }));
    }
    targets
}

/// From what `path` made, whose answer has members of these names.
///
/// A thing is named in its own collection by its `id`, or by a member that is called like the parameter; further up the path
/// (`/api/booking/create` makes what `/api/booking/{reservationId}` reads) by the latter alone, and never by a mere `id`.
fn link(path: &str, named: &BTreeSet<String>, target: &Target) -> Option<Link> {
    let Target { collection, parameter, operation } = target;
    let is_own = path == collection;
    let is_above = path.strip_prefix(collection.as_str()).is_some_and(|rest| rest.starts_with('/'));
    let member = match parameter.as_str() {
        name if named.contains(name) && (is_own || (is_above && name != "id")) => name,
        _ if is_own && named.contains("id") => "id",
        _ => return None,
    };
    let mut link = LinkBuilder::new()
        .operation_id(operation.as_str())
        .parameter(parameter.as_str(), format!("$response.body#/{member}"));
    // What the collection itself lies in.
    for outer in collection.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')) {
        link = link.parameter(outer, format!("$request.path.{outer}"));
    }
    Some(link.build())
}

const JSON: [&str; 2] = ["application/json", "application/scim+json"];

/// The members of the object that an answer is.
fn properties_of(response: &Response, components: Option<&Components>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let described = JSON.iter().find_map(|kind| response.content.get(*kind));
    let schema = match described {
        Some(RefOr::T(content)) => content.schema.as_ref(),
        _ => None,
    };
    if let (Some(schema), Some(components)) = (schema, components) {
        collect(schema, components, &mut found);
    }
    found
}

fn collect(schema: &RefOr<Schema>, components: &Components, found: &mut BTreeSet<String>) {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = components.schemas.get(name) {
                collect(schema, components, found);
            }
        }
        RefOr::T(Schema::Object(object)) => found.extend(object.properties.keys().cloned()),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|part| collect(part, components, found)),
        RefOr::T(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn operation(id: &str, status: &str, member: &str) -> Value {
        let schema = json!({ "type": "object", "properties": { member: { "type": "string" } } });
        let content = json!({ "application/json": { "schema": schema } });
        json!({
            "operationId": id,
            "responses": { status: { "description": "It is there.", "content": content } },
        })
    }

    /// The links of each operation that makes something, as `operation: parameters`.
    fn links_of(paths: &Value, path: &str) -> Value {
        let document = json!({
            "openapi": "3.1.0",
            "info": { "title": "A service", "version": "1" },
            "paths": paths,
            "components": {},
        });
        let mut document: OpenApi = serde_json::from_value(document).unwrap();
        add(&mut document);
        let document = serde_json::to_value(&document).unwrap();
        let links = &document["paths"][path]["post"]["responses"]["201"]["links"];
        let links = links.as_object().into_iter().flatten();
        links.map(|(name, link)| (name.clone(), link["parameters"].clone())).collect()
    }

    #[test]
    fn what_is_made_leads_to_what_is_about_one_of_its_collection() {
        let paths = json!({
            "/api/things": { "post": operation("create_thing", "201", "id"), "get": operation("list_things", "200", "items") },
            "/api/things/{id}": { "get": operation("read_thing", "200", "id"), "delete": operation("end_thing", "200", "id") },
            "/api/things/{id}/parts": { "post": operation("create_part", "201", "partId") },
            "/api/things/{id}/parts/{partId}": { "delete": operation("end_part", "200", "id") },
            "/api/others/{id}": { "get": operation("read_other", "200", "id") },
        });
        let by_id = json!({ "id": "$response.body#/id" });
        assert_eq!(
            links_of(&paths, "/api/things"),
            json!({ "create_part": by_id, "end_thing": by_id, "read_thing": by_id })
        );
        assert_eq!(
            links_of(&paths, "/api/things/{id}/parts"),
            json!({ "end_part": { "id": "$request.path.id", "partId": "$response.body#/partId" } })
        );
    }

    #[test]
    fn json_of_a_protocol_is_read_as_well() {
        let mut made = operation("create_user", "201", "id");
        let content = made["responses"]["201"]["content"].take();
        made["responses"]["201"]["content"] = json!({ "application/scim+json": content["application/json"] });
        let paths = json!({
            "/Users": { "post": made },
            "/Users/{id}": { "get": operation("read_user", "200", "id") },
        });
        assert_eq!(links_of(&paths, "/Users"), json!({ "read_user": { "id": "$response.body#/id" } }));
    }

    #[test]
    fn above_the_path_only_the_same_name_is_the_same_thing() {
        let paths = |member: &str, parameter: &str| {
            json!({
                "/api/booking/create": { "post": operation("create_booking", "201", member) },
                format!("/api/booking/{{{parameter}}}"): { "get": operation("read_booking", "200", member) },
            })
        };
        assert_eq!(
            links_of(&paths("reservationId", "reservationId"), "/api/booking/create"),
            json!({ "read_booking": { "reservationId": "$response.body#/reservationId" } })
        );
        assert_eq!(links_of(&paths("id", "id"), "/api/booking/create"), json!({}));
        assert_eq!(links_of(&paths("bookingId", "reservationId"), "/api/booking/create"), json!({}));
    }
}
