//! Who does something: a person, a service, or nobody we know.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{UserId, text_enum};

text_enum! {
    /// What a person is in a tenant.
    Role {
        Admin => "admin",
        Manager => "manager",
        Coach => "coach",
        Moderator => "moderator",
        Member => "member",
    }
}

text_enum! {
    /// What a person pays for. Never a role.
    Tier {
        Free => "free",
        Premium => "premium",
    }
}

/// Who caused an event or a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Actor {
    #[serde(rename_all = "camelCase")]
    User {
        user_id: UserId,
    },
    #[serde(rename_all = "camelCase")]
    Service {
        #[schema(example = "booking")]
        name: String,
    },
    /// A service account, by one of its keys.
    #[serde(rename_all = "camelCase")]
    ApiKey {
        #[schema(example = "shk_abcdefghjkmn")]
        prefix: String,
        user_id: UserId,
    },
    Anonymous,
}

impl Actor {
    pub fn user(user_id: UserId) -> Self {
        Self::User { user_id }
    }

    pub fn api_key(prefix: &str, account: UserId) -> Self {
        Self::ApiKey { prefix: prefix.to_owned(), user_id: account }
    }

    pub fn service(name: &str) -> Self {
        Self::Service { name: name.to_owned() }
    }
}
