//! The privacy contract: every service can tell what it knows about a person, and whether it has forgotten them.

use serde::{Deserialize, Serialize};
use shinkofa_identity::Scope;
use utoipa::ToSchema;

/// Collecting a person's data for a copy they asked for, and seeing to it that they are forgotten.
#[derive(Clone, Copy, Debug)]
pub struct PrivacyScope;

impl Scope for PrivacyScope {
    const NAME: &'static str = "privacy";
}

/// `GET /internal/v1/privacy/exports/{userId}`: everything one service knows about one person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalExport {
    pub service: String,
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// `GET /internal/v1/privacy/erasures/{userId}?after=`: has this service applied what auth's feed said up to there?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasureProgress {
    pub service: String,
    /// Every subscription of the service to auth's feed is past that position, and nothing about the person waits aside.
    pub done: bool,
}

/// One kind of personal data that a service keeps, as the comment of its column says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Processing {
    #[schema(example = "auth")]
    pub service: String,
    /// Table and column.
    #[schema(example = "users.email")]
    pub data: String,
    #[schema(example = "signing in, and letters about the account")]
    pub purpose: String,
    /// Article 6(1) of the GDPR.
    #[schema(example = "contract")]
    pub basis: String,
    #[schema(example = "until the account is erased")]
    pub retention: String,
}

/// `GET /internal/v1/privacy/processing`: what one service keeps about people, and why; auth hands out those of all services.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingRegister {
    pub items: Vec<Processing>,
}
