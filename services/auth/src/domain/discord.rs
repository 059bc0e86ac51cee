//! Temporary accounts for members of a Discord server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// How long one lives.
pub const LIVES: TimeDelta = TimeDelta::hours(24);

/// A snowflake: 15 to 20 digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DiscordId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 15 to 20 digits")]
pub struct NotADiscordId;

impl DiscordId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is typed at sign-in. Nothing can be sent there (RFC 2606).
    pub fn address(&self) -> String {
        format!("discord-{}@temporary.invalid", self.0)
    }
}

impl TryFrom<String> for DiscordId {
    type Error = NotADiscordId;

    fn try_from(text: String) -> Result<Self, NotADiscordId> {
        let fits = (15..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self(text)) } else { Err(NotADiscordId) }
    }
}

/// 144 random bits, as 24 characters that need no quoting.
pub fn password(bytes: [u8; 18]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_and_its_address_reaches_nobody() {
        let id = DiscordId::try_from("123456789012345678".to_owned()).unwrap();
        assert_eq!(id.address(), "discord-123456789012345678@temporary.invalid");
        for refused in ["", "123", "12345678901234567a", "123456789012345678901", "1234567890123456 "] {
            assert!(DiscordId::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
        assert_eq!(password([7; 18]).len(), 24);
    }
}
