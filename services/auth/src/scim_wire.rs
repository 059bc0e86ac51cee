//! How SCIM travels: its media type, its errors (RFC 7644 section 3.12), its ids and bodies.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shinkofa_web::{Problem, ProblemDocument, ProblemForm, RawBody};
use utoipa::{IntoResponses, ToSchema};

use crate::db::scim_users::ScimUserId;
use crate::domain::scim::ERROR;
use crate::error::Error;

pub const MEDIA_TYPE: &str = "application/scim+json";

/// What bodies may be sent as.
const ACCEPTED: [&str; 2] = [MEDIA_TYPE, "application/json"];

/// A refusal as SCIM has it, beside the platform's own code and request id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimError {
    #[schema(example = json!(["urn:ietf:params:scim:api:messages:2.0:Error"]))]
    schemas: Vec<&'static str>,
    /// The status of the answer, as text.
    #[schema(example = "409")]
    status: String,
    /// Of refusals that the RFC has a word for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "uniqueness")]
    scim_type: Option<&'static str>,
    /// Stable, for programs.
    #[schema(example = "user_name_taken")]
    code: String,
    #[schema(example = "Somebody here has this user name or this address already.")]
    detail: String,
    /// The trace id of the request: quote it when asking for help.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    request_id: String,
}

static FORM: ProblemForm = ProblemForm { content_type: MEDIA_TYPE, body: written };

fn written(problem: &ProblemDocument) -> Value {
    let error = ScimError {
        schemas: vec![ERROR],
        status: problem.status.to_string(),
        scim_type: scim_type(&problem.code),
        code: problem.code.clone(),
        detail: problem.detail.clone(),
        request_id: problem.request_id.clone(),
    };
    serde_json::to_value(error).unwrap_or_default()
}

/// The word of RFC 7644 table 9 for one of our codes.
fn scim_type(code: &str) -> Option<&'static str> {
    Some(match code {
        "user_name_taken" | "external_id_taken" | "already_member" | "already_invited" => "uniqueness",
        "invalid_filter" => "invalidFilter",
        "invalid_path" => "invalidPath",
        "invalid_value" => "invalidValue",
        "malformed_request" => "invalidSyntax",
        "no_target" => "noTarget",
        "read_only_attribute" => "mutability",
        _ => return None,
    })
}

/// Any refusal of a route of SCIM's.
#[derive(Debug)]
pub struct ScimRefusal(Error);

impl ScimRefusal {
    /// A field that cannot be accepted is 400 here.
    fn problem(&self) -> Problem {
        let problem = self.0.problem();
        let told = match problem.errors() {
            [] => problem,
            [first, ..] => {
                let attribute = first.pointer.trim_start_matches('/').replace('/', ".");
                Error::AttributeRefused { attribute, detail: first.detail.clone() }.problem()
            }
        };
        told.written_as(&FORM)
    }
}

impl From<Error> for ScimRefusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Problem> for ScimRefusal {
    fn from(problem: Problem) -> Self {
        Self(problem.into())
    }
}

impl std::fmt::Display for ScimRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl ResponseError for ScimRefusal {
    fn status_code(&self) -> StatusCode {
        self.problem().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.problem().response()
    }
}

/// A body, read once it is settled who asks.
pub struct ScimBody(RawBody);

impl ScimBody {
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.read(&ACCEPTED)?)
    }
}

impl FromRequest for ScimBody {
    type Error = ScimRefusal;
    type Future = LocalBoxFuture<'static, Result<Self, ScimRefusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RawBody::from_request(request, payload);
        Box::pin(async move { Ok(Self(body.await?)) })
    }
}

/// The id of the path. One that cannot be read names nobody, which is said once it is settled who asks.
pub struct ScimId(Option<ScimUserId>);

impl ScimId {
    pub fn known(&self) -> Result<ScimUserId, Error> {
        self.0.ok_or(Error::NotFound)
    }
}

impl FromRequest for ScimId {
    type Error = ScimRefusal;
    type Future = Ready<Result<Self, ScimRefusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.match_info().get("id").and_then(|id| id.parse().ok()))))
    }
}

/// An answer, which nobody keeps.
pub fn respond(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).content_type(MEDIA_TYPE).json(body)
}

/// Something new, and where it is.
pub fn made_at(location: &str, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created()
        .insert_header(("cache-control", "no-store"))
        .insert_header(("location", location))
        .content_type(MEDIA_TYPE)
        .json(body)
}

/// What every route refuses.
#[derive(IntoResponses)]
#[allow(dead_code)] // Described in the document, made nowhere.
pub enum ScimCallerRefusals {
    /// There is neither an access token nor a key of a service account, or it is not good any more.
    #[response(status = 401, content_type = "application/scim+json")]
    Unauthenticated(ScimError),
    /// The caller may not do this, or not to this person, or came to the address of another studio.
    #[response(status = 403, content_type = "application/scim+json")]
    Denied(ScimError),
    /// Too many requests: `Retry-After` says how many seconds to wait.
    #[response(status = 429, content_type = "application/scim+json")]
    TooMany(ScimError),
    /// A part of the platform does not answer. Nothing was changed; `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/scim+json")]
    Unavailable(ScimError),
}

/// What routes with a body refuse.
#[derive(IntoResponses)]
#[allow(dead_code)] // Described in the document, made nowhere.
pub enum ScimBodyRefusals {
    /// The body is not JSON, or an attribute has a value that it cannot have, or is not the provider's to set.
    #[response(status = 400, content_type = "application/scim+json")]
    Refused(ScimError),
    /// The body is larger than this endpoint accepts.
    #[response(status = 413, content_type = "application/scim+json")]
    TooLarge(ScimError),
    /// The body is sent neither as `application/scim+json` nor as `application/json`.
    #[response(status = 415, content_type = "application/scim+json")]
    UnsupportedMediaType(ScimError),
}
