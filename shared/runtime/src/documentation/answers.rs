//! What every document says of answers and parameters, so that no handler has to: what an answer is, how each refusal looks, and
//! what a parameter of all lists is like.

use actix_web::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, OpenApi, RefOr, Response, Schema};

use super::operations;

const PROBLEM: &str = "application/problem+json";

pub(super) fn complete(document: &mut OpenApi) {
    let OpenApi { paths, components, .. } = document;
    for operation in paths.paths.values_mut().flat_map(operations) {
        exemplify_parameters(operation);
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                describe(status, response, components.as_ref());
                exemplify(status, response);
            }
        }
    }
}

/// Where a handler says nothing of an answer, what its body is says it, or else its status.
fn describe(status: &str, response: &mut Response, components: Option<&Components>) {
    if response.description.is_empty() {
        let of_body = if is_refusal(status) { None } else { description_of_body(response, components) };
        response.description = of_body.unwrap_or_else(|| description_of(status));
    }
}

fn is_refusal(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn description_of_body(response: &Response, components: Option<&Components>) -> Option<String> {
    let Some(RefOr::T(content)) = response.content.values().next() else { return None };
    let Some(RefOr::Ref(reference)) = &content.schema else { return None };
    match components?.schemas.get(reference.ref_location.rsplit('/').next()?)? {
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::OneOf(one)) => one.description.clone(),
        RefOr::T(Schema::AllOf(all)) => all.description.clone(),
        _ => None,
    }
}

fn description_of(status: &str) -> String {
    match status {
        "200" => "What was asked for.",
        "201" => "It is made.",
        "202" => "It is taken on, and the rest follows.",
        "204" => "It is done, and there is nothing more to say.",
        "413" => "The body is larger than this endpoint accepts.",
        "415" => "The body is not sent as `application/json`.",
        _ => return format!("{}.", reason(status)),
    }
    .to_owned()
}

fn reason(status: &str) -> &'static str {
    let status = status.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok());
    status.and_then(|status| status.canonical_reason()).unwrap_or("Answer")
}

/// Shows a problem of each code that the description of the refusal names.
fn exemplify(status: &str, response: &mut Response) {
    let codes = codes_of(status, &response.description);
    let Some(RefOr::T(content)) = response.content.get_mut(PROBLEM) else { return };
    if !is_refusal(status) || content.example.is_some() || !content.examples.is_empty() {
        return;
    }
    if let [(code, detail)] = codes.as_slice() {
        content.example = Some(problem(status, code, detail));
        return;
    }
    for (code, detail) in codes {
        let example = ExampleBuilder::new().value(Some(problem(status, &code, &detail))).build();
        content.examples.insert(code, RefOr::T(example));
    }
}

/// Codes and what they mean. A description names them as `session_full`, and may say behind a colon what is the matter.
fn codes_of(status: &str, description: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = description.split('`').collect();
    let named = parts.iter().enumerate().skip(1).step_by(2).filter(|(_, word)| is_code(word));
    let mut codes: Vec<(String, String)> = named
        .map(|(place, code)| {
            let behind = parts.get(place + 1).and_then(|text| text.strip_prefix(": "));
            let said =
                behind.and_then(|text| text.split(';').next()).filter(|text| text.trim().contains(' '));
            ((*code).to_owned(), sentence(said.unwrap_or(&code.replace('_', " "))))
        })
        .collect();
    if codes.is_empty() || description.contains("among others") {
        let (code, detail) = usual(status);
        codes.push((code.to_owned(), detail.to_owned()));
    }
    codes
}

/// Codes are lower-case words; `errors` and `detail` are members of a problem.
fn is_code(word: &str) -> bool {
    let is_lower = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_lower && !["errors", "detail"].contains(&word)
}

fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// What every service says with a status, where nothing more particular is the matter.
fn usual(status: &str) -> (&'static str, &'static str) {
    match status {
        "400" => ("malformed_request", "The body is not JSON, or did not arrive whole."),
        "401" => ("unauthenticated", "Sign in and send a valid access token."),
        "403" => ("permission_denied", "You may not do this here."),
        "404" => ("not_found", "There is nothing here, or it is not yours to see."),
        "412" => ("changed_meanwhile", "Somebody changed this meanwhile: read it again."),
        "413" => ("body_too_large", "The body is larger than this endpoint accepts."),
        "415" => ("unsupported_media_type", "Send the body as application/json."),
        "422" => ("invalid_fields", "Some fields cannot be accepted: see `errors`."),
        "428" => ("if_match_required", "Send If-Match with the version that you have seen."),
        "429" => ("too_many_requests", "Too many requests: wait a moment."),
        "503" => (
            "database_unavailable",
            "A part of the platform is not answering. Nothing was changed; please try again shortly.",
        ),
        _ => ("internal_error", "Something went wrong on our side. Quote the request id when you tell us."),
    }
}

fn problem(status: &str, code: &str, detail: &str) -> Value {
    let mut problem = json!({
        "type": "about:blank",
        "title": reason(status),
        "status": status.parse::<u16>().unwrap_or_default(),
        "code": code,
        "detail": detail,
        "requestId": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    if code == "invalid_fields" {
        problem["errors"] = json!([{ "pointer": "/name", "detail": "must not be empty" }]);
    }
    problem
}

/// The parameters that mean the same everywhere.
fn exemplify_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let example = match parameter.name.as_str() {
            "limit" => json!(50),
            // Of a list by ids.
            "cursor" => json!("WyIwMTkyMDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwYWEiXQ"),
            "Idempotency-Key" => json!("01920000-0000-7000-8000-0000000000aa"),
            _ => continue,
        };
        if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema {
            object.example.get_or_insert(example);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(status: &str, description: &str) -> Value {
        let answer = json!({ "description": description, "content": { PROBLEM: {} } });
        let document = json!({
            "openapi": "3.1.0",
            "info": { "title": "A service", "version": "1" },
            "paths": { "/api/things": { "get": { "responses": { status: answer } } } },
        });
        let mut document: OpenApi = serde_json::from_value(document).unwrap();
        complete(&mut document);
        let document = serde_json::to_value(&document).unwrap();
        document["paths"]["/api/things"]["get"]["responses"][status].clone()
    }

    #[test]
    fn a_refusal_shows_the_codes_that_it_names() {
        let one = completed("409", "`slug_taken`: another studio has it");
        let example = &one["content"][PROBLEM]["example"];
        assert_eq!((&example["code"], &example["status"]), (&json!("slug_taken"), &json!(409)));
        assert_eq!(
            (&example["title"], &example["detail"]),
            (&json!("Conflict"), &json!("Another studio has it."))
        );

        let several = completed("403", "`banned` or `not_a_member`; see `www-authenticate`");
        let examples = several["content"][PROBLEM]["examples"].as_object().unwrap();
        assert_eq!(examples.keys().collect::<Vec<_>>(), ["banned", "not_a_member"]);
        assert_eq!(examples["banned"]["value"]["detail"], "Banned.");
    }

    #[test]
    fn a_refusal_that_names_no_code_shows_the_usual_one_of_its_status() {
        let fields = completed("422", "A field is wrong: `errors` points at it.");
        let example = &fields["content"][PROBLEM]["example"];
        assert_eq!(
            (&example["code"], &example["errors"][0]["pointer"]),
            (&json!("invalid_fields"), &json!("/name"))
        );
        let among = completed("400", "`pkce_required` among others");
        let examples = among["content"][PROBLEM]["examples"].as_object().unwrap();
        assert_eq!(examples.keys().collect::<Vec<_>>(), ["malformed_request", "pkce_required"]);
    }

    #[test]
    fn an_answer_of_which_nothing_is_said_is_described_by_its_status() {
        assert_eq!(completed("413", "")["description"], "The body is larger than this endpoint accepts.");
        assert_eq!(completed("409", "")["description"], "Conflict.");
        assert_eq!(completed("204", "")["description"], "It is done, and there is nothing more to say.");
    }
}
