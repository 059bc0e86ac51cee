//! Who else vouches for people, and what they say.

use serde::{Deserialize, Serialize};
use shinkofa_kernel::{defended, text_enum};

use crate::domain::email::{EmailAddress, ReachableAddress};
use crate::domain::person_name::PersonName;

text_enum! {
    /// One that people sign in with elsewhere.
    Provider {
        Google => "google",
        GitHub => "github",
        Discord => "discord",
    }
}

impl Provider {
    /// As people know it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::GitHub => "GitHub",
            Self::Discord => "Discord",
        }
    }
}

/// Somebody as a provider knows them. `issuer` and `subject` together are who they are; everything else may change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalIdentity {
    pub provider: Provider,
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    /// Only what the provider itself says in so many words.
    pub email_verified: bool,
    pub name: Option<String>,
}

const LONGEST_SUBJECT: usize = 255;

impl ExternalIdentity {
    /// OpenID Connect Core, section 2: at most 255 ASCII characters.
    pub fn is_subject(text: &str) -> bool {
        (1..=LONGEST_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// The address, if the provider has seen that it is theirs. Any other is as good as none.
    pub fn proven_email(&self) -> Option<EmailAddress> {
        let verified = self.email_verified || !defended!("V07");
        let email: EmailAddress = self.email.as_deref().filter(|_| verified)?.parse().ok()?;
        ReachableAddress::try_from(email).ok().map(EmailAddress::from)
    }

    /// What to call them, where the provider says something that can be a name here.
    pub fn person_name(&self) -> String {
        let name = self.name.clone().and_then(|name| PersonName::try_from(name).ok());
        name.map(|name| name.as_str().to_owned()).unwrap_or_default()
    }
}

impl std::fmt::Debug for ExternalIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExternalIdentity({}, ..)", self.provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v07_an_address_that_the_provider_has_not_verified_is_none() {
        let identity = |email: Option<&str>, email_verified| ExternalIdentity {
            provider: Provider::Discord,
            issuer: "https://discord.com".to_owned(),
            subject: "1".to_owned(),
            email: email.map(str::to_owned),
            email_verified,
            name: None,
        };
        assert!(identity(Some("anna@example.org"), true).proven_email().is_some());
        assert!(identity(Some("anna@example.org"), false).proven_email().is_none());
        assert!(identity(None, true).proven_email().is_none());
        assert!(identity(Some("anna\u{ff20}example.org"), true).proven_email().is_none());
        assert!(identity(Some("anna@temporary.invalid"), true).proven_email().is_none());
    }
}
