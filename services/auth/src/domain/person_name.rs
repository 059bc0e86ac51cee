//! What somebody is called.

use serde::Deserialize;

/// 1 to 100 characters in any script. It goes into messages to an address that is not confirmed yet, so it cannot carry a
/// link or markup to somebody who never signed up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PersonName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    #[error("must have 1 to 100 characters")]
    Length,
    #[error("must not contain control characters, angle brackets or links")]
    Content,
}

const LONGEST: usize = 100;

impl PersonName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(NotAName::Length);
        }
        let lower = text.to_lowercase();
        let is_link = lower.contains("://") || lower.contains("www.");
        if is_link || text.chars().any(|c| c.is_control() || matches!(c, '<' | '>')) {
            return Err(NotAName::Content);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_trimmed_and_carries_no_link_or_line_break() {
        assert_eq!(PersonName::try_from(" Åsa O'Neil ".to_owned()).unwrap().as_str(), "Åsa O'Neil");
        for refused in ["", "   ", "a\r\nb", "<b>a</b>", "see https://example.org", "WWW.example.org", "a\0"]
        {
            assert!(PersonName::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
        assert!(PersonName::try_from("a".repeat(101)).is_err());
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_is_harmless_and_taken_again_as_it_is(text in "[A-Za-z<>:/. ]{0,20}|(?s).{0,110}") {
            if let Ok(name) = PersonName::try_from(text) {
                let text = name.as_str().to_owned();
                prop_assert!((1..=LONGEST).contains(&text.chars().count()));
                prop_assert!(!text.contains(['<', '>', '\r', '\n', '\0']) && !text.contains("://"));
                prop_assert_eq!(PersonName::try_from(text), Ok(name));
            }
        }
    }
}
