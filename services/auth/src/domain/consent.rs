//! What somebody agrees to.

use serde::{Deserialize, Serialize};
use shinkofa_kernel::text_enum;

text_enum! {
    /// What a consent is about.
    ConsentKind {
        Terms => "terms",
        PrivacyPolicy => "privacy_policy",
        Marketing => "marketing",
        Analytics => "analytics",
    }
}

/// Which text was shown: 1 to 64 visible ASCII characters, as the studio numbers its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ConsentVersion(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 visible ASCII characters")]
pub struct NotAVersion;

impl ConsentVersion {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConsentVersion {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(NotAVersion) }
    }
}

/// Does a decision change anything? `last` is the version that was decided on last, and whether it was granted.
pub fn is_news(last: Option<(&str, bool)>, version: &ConsentVersion, granted: bool) -> bool {
    match last {
        None => granted,
        Some((_, false)) => granted,
        Some((known, true)) => !granted || known != version.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_something_is_a_decision() {
        let version = ConsentVersion::try_from("2026-11".to_owned()).unwrap();
        assert!(is_news(None, &version, true));
        assert!(!is_news(None, &version, false), "nothing was granted");
        assert!(!is_news(Some(("2026-11", true)), &version, true));
        assert!(is_news(Some(("2025-01", true)), &version, true), "another text");
        assert!(is_news(Some(("2026-11", true)), &version, false));
        assert!(!is_news(Some(("2026-11", false)), &version, false));
        assert!(is_news(Some(("2026-11", false)), &version, true), "again");
        assert!(ConsentVersion::try_from("a b".to_owned()).is_err());
    }
}
