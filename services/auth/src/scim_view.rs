//! A person as SCIM shows them (RFC 7643 section 4.1).

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shinkofa_kernel::UserId;
use utoipa::ToSchema;

use crate::db::scim_users::{Person, ScimUserId};
use crate::domain::scim::{LIST, USER};

/// Where the routes of SCIM are.
pub const BASE: &str = "/api/tenants/scim/v2";

/// Somebody whom an identity provider may see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimUser {
    #[schema(example = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]))]
    schemas: Vec<&'static str>,
    id: ScimUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "00u1ab2cd3EF4gh5i6j7")]
    external_id: Option<String>,
    #[schema(example = "lea.martin@example.org")]
    user_name: String,
    name: ScimName,
    /// What the provider said, and else what the account is called. Empty of whoever was invited without a name.
    #[schema(example = "Léa Martin")]
    display_name: String,
    emails: Vec<ScimEmail>,
    /// False of whoever has not accepted their invitation, and of a suspended member.
    active: bool,
    /// To be read alone: the studio's staff gives them.
    roles: Vec<ScimRole>,
    meta: ScimMeta,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimName {
    #[schema(example = "Léa Martin")]
    formatted: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Léa")]
    given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Martin")]
    family_name: Option<String>,
}

/// The account's own address, or the invited one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimEmail {
    #[schema(example = "lea.martin@example.org")]
    value: String,
    primary: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimRole {
    #[schema(example = "member")]
    value: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimMeta {
    #[schema(example = "User")]
    resource_type: &'static str,
    created: DateTime<Utc>,
    last_modified: DateTime<Utc>,
    /// Relative to the host that was asked.
    #[schema(example = "/api/tenants/scim/v2/Users/01920000-0000-7000-8000-0000000000aa")]
    location: String,
}

impl ScimUser {
    /// `roles` holds those of all members of a list.
    pub fn new(person: Person, roles: &[(UserId, String)]) -> Self {
        let location = location(person.id);
        let theirs = roles.iter().filter(|(user, _)| Some(*user) == person.user_id);
        let roles = theirs.map(|(_, role)| ScimRole { value: role.clone() }).collect();
        let display_name = person.display_name.unwrap_or(person.account_name);
        let parts: Vec<&str> =
            [&person.given_name, &person.family_name].into_iter().filter_map(Option::as_deref).collect();
        let formatted = if parts.is_empty() { display_name.clone() } else { parts.join(" ") };
        Self {
            schemas: vec![USER],
            id: person.id,
            external_id: person.external_id,
            user_name: person.user_name,
            name: ScimName { formatted, given_name: person.given_name, family_name: person.family_name },
            display_name,
            emails: vec![ScimEmail { value: person.email, primary: true }],
            active: person.active,
            roles,
            meta: ScimMeta {
                resource_type: "User",
                created: person.created_at,
                last_modified: person.updated_at,
                location,
            },
        }
    }

    pub fn location(&self) -> &str {
        &self.meta.location
    }
}

fn location(id: ScimUserId) -> String {
    format!("{BASE}/Users/{id}")
}

/// What a client reads to learn what is spoken here, in the shape of RFC 7643 sections 5 to 7.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct ScimDescription(pub Value);

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScimUsers {
    #[schema(example = json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]))]
    schemas: Vec<&'static str>,
    /// How many there are in all.
    #[schema(example = 1)]
    total_results: i64,
    /// The place of the first of these, counted from 1.
    #[schema(example = 1)]
    start_index: i64,
    #[schema(example = 1)]
    items_per_page: usize,
    #[serde(rename = "Resources")]
    resources: Vec<ScimUser>,
}

impl ScimUsers {
    pub fn new(total: i64, start_index: i64, resources: Vec<ScimUser>) -> Self {
        let items_per_page = resources.len();
        Self { schemas: vec![LIST], total_results: total, start_index, items_per_page, resources }
    }
}
