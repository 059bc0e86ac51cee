//! What somebody agrees to.

use serde::{Deserialize, Serialize};
use shinkofa_kernel::text_enum;
use utoipa::ToSchema;

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

    pub fn into_text(self) -> String {
        self.0
    }
}

impl TryFrom<String> for ConsentVersion {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(NotAVersion) }
    }
}

/// One consent, in the form that makes an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenConsent {
    pub kind: ConsentKind,
    /// Which text was shown.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[!-~]+$", example = "2026-11")]
    pub version: ConsentVersion,
}

/// What somebody agrees to in the form that makes their account: at most one text of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<GivenConsent>")]
pub struct GivenConsents(Vec<GivenConsent>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must name each kind of consent once at most")]
pub struct KindRepeated;

impl TryFrom<Vec<GivenConsent>> for GivenConsents {
    type Error = KindRepeated;

    fn try_from(given: Vec<GivenConsent>) -> Result<Self, KindRepeated> {
        let mut kinds: Vec<_> = given.iter().map(|consent| consent.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() == given.len() { Ok(Self(given)) } else { Err(KindRepeated) }
    }
}

impl GivenConsents {
    pub fn as_slice(&self) -> &[GivenConsent] {
        &self.0
    }

    /// Is exactly this version of the terms among them?
    pub fn accept_terms(&self, version: &str) -> bool {
        self.0.iter().any(|consent| consent.kind == ConsentKind::Terms && consent.version.as_str() == version)
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
    fn each_kind_is_agreed_to_once_and_terms_by_their_very_version() {
        let given = |consents: &[(ConsentKind, &str)]| {
            let consent = |(kind, version): &(ConsentKind, &str)| GivenConsent {
                kind: *kind,
                version: ConsentVersion::try_from((*version).to_owned()).unwrap(),
            };
            GivenConsents::try_from(consents.iter().map(consent).collect::<Vec<_>>())
        };
        let both = given(&[(ConsentKind::Terms, "v2"), (ConsentKind::Marketing, "v1")]).unwrap();
        assert!(both.accept_terms("v2") && !both.accept_terms("v1"));
        assert!(!GivenConsents::default().accept_terms("v2"));
        let twice = given(&[(ConsentKind::Terms, "v1"), (ConsentKind::Terms, "v2")]);
        assert_eq!(twice, Err(KindRepeated));
    }

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
