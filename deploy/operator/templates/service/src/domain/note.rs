//! What a note may be.

use serde::{Deserialize, Deserializer};
use shinkofa_kernel::typed_id;

typed_id! {
    /// A note.
    NoteId
}

/// Text of 1 to 500 characters, without blank ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoteText(String);

impl NoteText {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text.chars().count() {
            1..=500 => Ok(Self(text.to_owned())),
            _ => Err("must have 1 to 500 characters"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for NoteText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_or_endless_note_is_refused() {
        assert!(NoteText::parse(" \n ").is_err());
        assert!(NoteText::parse(&"x".repeat(501)).is_err());
        assert_eq!(NoteText::parse(" hello ").unwrap().as_str(), "hello");
    }
}
