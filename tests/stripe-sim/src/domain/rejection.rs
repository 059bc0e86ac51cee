//! What Stripe says when it refuses a call: the content of its error envelope.

use serde_json::{Value, json};

/// A refused call. `status` is the HTTP status that Stripe answers with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    pub status: u16,
    pub kind: ErrorKind,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    Api,
    Idempotency,
    InvalidRequest,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api_error",
            Self::Idempotency => "idempotency_error",
            Self::InvalidRequest => "invalid_request_error",
        }
    }
}

impl Rejection {
    /// A 400 that blames no parameter and carries no code.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: ErrorKind::InvalidRequest,
            code: None,
            message: message.into(),
            param: None,
        }
    }

    pub fn about(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).about(param).coded("parameter_missing")
    }

    /// The object of a path: 404. `object` is the name of the type, as in `checkout.session`.
    pub fn no_such(object: &str, id: &str, param: &str) -> Self {
        Self { status: 404, ..Self::no_such_reference(object, id, param) }
    }

    /// An object that a parameter names: 400.
    pub fn no_such_reference(object: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {object}: '{id}'")).about(param).coded("resource_missing")
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { status: 401, ..Self::invalid(message) }
    }

    pub fn unknown_url(method: &str, path: &str) -> Self {
        Self { status: 404, ..Self::invalid(format!("Unrecognized request URL ({method}: {path}).")) }
    }

    pub fn key_reused(key: &str) -> Self {
        Self {
            kind: ErrorKind::Idempotency,
            ..Self::invalid(format!(
                "The idempotency key '{key}' was first used with other parameters; a key can only be used again with the same ones."
            ))
        }
    }

    pub fn key_in_use(key: &str) -> Self {
        Self {
            status: 409,
            ..Self::invalid(format!("Another request with the idempotency key '{key}' is still in progress."))
                .coded("idempotency_key_in_use")
        }
    }

    /// A fault on the server's side.
    pub fn server_fault(status: u16, message: impl Into<String>) -> Self {
        Self { status, kind: ErrorKind::Api, ..Self::invalid(message) }
    }

    /// A fault that a test has set.
    pub fn injected(status: u16) -> Self {
        let message = "A test has set this fault.";
        match status {
            429 => Self { status, ..Self::invalid(message).coded("rate_limit") },
            _ => Self::server_fault(status, message),
        }
    }

    /// Stripe's envelope `{"error": {...}}`; absent members are left out, as Stripe does.
    pub fn envelope(&self) -> Value {
        let mut error = json!({ "type": self.kind.as_str(), "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] =
                json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({ "error": error })
    }
}
