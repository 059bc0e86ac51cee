//! RFC 9457 problem details, the one shape of every refusal.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Locale, Message};

/// A refusal before it is written: the language is chosen when the answer leaves.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    // Boxed: a problem is the error half of most results, and results are passed by value.
    detail: Box<Message>,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u64>,
    headers: Vec<(&'static str, String)>,
    form: Option<&'static ProblemForm>,
}

/// How a protocol that has errors of its own writes a problem.
#[derive(Debug)]
pub struct ProblemForm {
    pub content_type: &'static str,
    pub body: fn(&ProblemDocument) -> serde_json::Value,
}

/// One field that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request body, or the name of a query parameter.
    #[schema(example = "/seats")]
    pub pointer: String,
    #[schema(example = "must be between 1 and 8")]
    pub detail: String,
}

/// `application/problem+json` as it is sent (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDocument {
    #[schema(example = "about:blank")]
    pub r#type: String,
    #[schema(example = "Conflict")]
    pub title: String,
    #[schema(example = 409)]
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "session_full")]
    pub code: String,
    /// What happened and what to do, for people, in the language of `Accept-Language`.
    pub detail: String,
    /// The trace id of the request: quote it when asking for help.
    pub request_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: Box::new(Message::new(en, fr)),
            errors: Vec::new(),
            retry_after_seconds: None,
            headers: Vec::new(),
            form: None,
        }
    }

    /// The one body for what is not there, is another tenant's, or is another person's.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing here, or it is not yours to see.",
            "Il n'y a rien ici, ou vous n'y avez pas accès.",
        )
    }

    pub fn malformed(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", en, fr)
    }

    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_fields",
            "Some fields cannot be accepted: see `errors`.",
            "Certains champs ne peuvent pas être acceptés : voir `errors`.",
        );
        problem.errors = errors;
        problem
    }

    pub fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side. Quote the request id when you tell us.",
            "Une erreur s'est produite de notre côté. Indiquez l'identifiant de requête en nous contactant.",
        )
    }

    pub fn unavailable(code: &'static str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "A part of the platform is not answering. Nothing was changed; please try again shortly.",
            "Une partie de la plateforme ne répond pas. Rien n'a été modifié ; réessayez dans un instant.",
        )
        .retry_after(5)
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The same, with the field that is the matter.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same in the words of another protocol.
    #[must_use]
    pub fn written_as(mut self, form: &'static ProblemForm) -> Self {
        self.form = Some(form);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The fields that cannot be accepted, where that is what is the matter.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn document(&self, locale: Locale, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            r#type: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.in_locale(locale).to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }

    /// The body of the answer.
    pub(crate) fn body(&self, locale: Locale, request_id: &str) -> Vec<u8> {
        let document = self.document(locale, request_id);
        let body = match self.form {
            Some(form) => serde_json::to_vec(&(form.body)(&document)),
            None => serde_json::to_vec(&document),
        };
        body.unwrap_or_default()
    }

    /// The answer without its body, which [`observe`](crate::observe) writes once language and request id are known.
    pub fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        let content_type = self.form.map_or("application/problem+json", |form| form.content_type);
        response.insert_header((CONTENT_TYPE, content_type));
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        for (name, value) in &self.headers {
            response.insert_header((*name, value.as_str()));
        }
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail.en)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}
