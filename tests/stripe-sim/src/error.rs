//! How refusals are answered: Stripe's envelope under `/v1`, problem+json under `/sim`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::rejection::Rejection;
use crate::store::JournalFault;

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .content_type("application/json")
            .body(format!("{:#}", self.envelope()))
    }
}

impl From<JournalFault> for Rejection {
    fn from(fault: JournalFault) -> Self {
        tracing::error!(fault = format!("{:#}", anyhow::Error::new(fault)), "a change was not kept");
        Self::server_fault(500, "The stand-in could not keep this change.")
    }
}

/// A refused control or page.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("No such {what}."))
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn card_declined() -> Self {
        Self::new(
            StatusCode::PAYMENT_REQUIRED,
            "card_declined",
            "The card was declined; the session stays open.",
        )
    }

    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }
}

impl From<JournalFault> for Problem {
    fn from(fault: JournalFault) -> Self {
        tracing::error!(fault = format!("{:#}", anyhow::Error::new(fault)), "a change was not kept");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The stand-in could not keep this change.")
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        HttpResponse::build(self.status).content_type("application/problem+json").body(body.to_string())
    }
}
