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
