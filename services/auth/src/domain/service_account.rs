//! Accounts of programs.

use serde::Deserialize;

/// So many may a tenant have.
pub const MOST_SERVICE_ACCOUNTS: i64 = 100;

/// What a program does, for those who find it years later. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Description(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most 500 characters, none of them a control character")]
pub struct NotADescription;

const LONGEST: usize = 500;

impl Description {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Description {
    type Error = NotADescription;

    fn try_from(text: String) -> Result<Self, NotADescription> {
        let text = text.trim();
        let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotADescription) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_one_line() {
        assert_eq!(
            Description::try_from(" Fills the calendar ".to_owned()).unwrap().as_str(),
            "Fills the calendar"
        );
        assert!(Description::try_from(String::new()).is_ok());
        assert!(Description::try_from("a\nb".to_owned()).is_err());
        assert!(Description::try_from("a".repeat(501)).is_err());
    }
}
