//! Temporary accounts for members of a Discord server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use data_encoding::BASE32_NOPAD;
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
}

impl TryFrom<String> for DiscordId {
    type Error = NotADiscordId;

    fn try_from(text: String) -> Result<Self, NotADiscordId> {
        let fits = (15..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(Self(text)) } else { Err(NotADiscordId) }
    }
}

/// What is typed at sign-in: 80 random bits. Nothing can be sent there (RFC 2606). Discord's ids are public, and whoever knows
/// what is typed can lock its owner out.
pub fn address(bytes: [u8; 10]) -> String {
    format!("discord-{}@temporary.invalid", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

/// 144 random bits, as 24 characters that need no quoting.
pub fn password(bytes: [u8; 18]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_and_an_address_reaches_nobody() {
        assert!(DiscordId::try_from("123456789012345678".to_owned()).is_ok());
        assert_eq!(address([0xf7; 10]), "discord-6737p57x6737p57x@temporary.invalid");
        for refused in ["", "123", "12345678901234567a", "123456789012345678901", "1234567890123456 "] {
            assert!(DiscordId::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
        assert_eq!(password([7; 18]).len(), 24);
    }
}
