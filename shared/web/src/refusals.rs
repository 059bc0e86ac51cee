//! What whole groups of endpoints refuse, for their OpenAPI documents: named beside an endpoint's own answers in
//! `responses(...)`, first: what an endpoint says itself replaces what its group says.

use utoipa::IntoResponses;

use crate::ProblemDocument;

/// Endpoints that take a JSON body.
#[derive(IntoResponses)]
pub enum BodyRefusals {
    /// The body is not JSON, or did not arrive whole.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemDocument),
    /// The body is larger than this endpoint accepts.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDocument),
    /// The body is not sent as `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemDocument),
    /// A field is missing, unknown or has a value that it cannot have: `errors` points at it.
    #[response(status = 422, content_type = "application/problem+json")]
    InvalidFields(ProblemDocument),
}

/// Endpoints that ask who calls.
#[derive(IntoResponses)]
pub enum CallerRefusals {
    /// There is no access token, or it is not good any more.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemDocument),
    /// The caller may not do this, or signed in at another studio than this address is of.
    #[response(status = 403, content_type = "application/problem+json")]
    Denied(ProblemDocument),
}

/// Endpoints about one thing. What belongs to somebody else is not there.
#[derive(IntoResponses)]
pub enum NotFoundRefusal {
    /// There is no such thing, or it is not the caller's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
}

/// Endpoints with parameters in their address.
#[derive(IntoResponses)]
pub enum ParameterRefusal {
    /// A parameter is unknown or has a value that it cannot have: `errors` names it.
    #[response(status = 422, content_type = "application/problem+json")]
    InvalidParameter(ProblemDocument),
}

/// Endpoints that somebody could call too often.
#[derive(IntoResponses)]
pub enum RateRefusal {
    /// Too many requests: `Retry-After` says how many seconds to wait.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemDocument),
}

/// Endpoints that need something that may be away for a moment.
#[derive(IntoResponses)]
pub enum Unavailability {
    /// A part of the platform does not answer, or this service has just started and cannot check any sign-in yet
    /// (`revocations_unknown`). Nothing was changed; `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// The same for endpoints that ask auth whether the caller may still do this.
#[derive(IntoResponses)]
pub enum ConfirmedUnavailability {
    /// `database_unavailable`: a part of the platform does not answer; `trust_unavailable`: whether you may still do this cannot be
    /// checked at the moment; `revocations_unknown`: this service has just started and cannot check any sign-in yet. Nothing was
    /// changed; `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// Endpoints that change something of which the caller has to have seen the present version.
#[derive(IntoResponses)]
pub enum VersionRefusals {
    /// It was changed since the version that `If-Match` names.
    #[response(status = 412, content_type = "application/problem+json")]
    ChangedMeanwhile(ProblemDocument),
    /// `If-Match` is missing.
    #[response(status = 428, content_type = "application/problem+json")]
    VersionRequired(ProblemDocument),
}
