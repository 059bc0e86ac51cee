//! Passwords: long rather than complicated, and not one that everybody tries first.

use std::fmt;

use serde::Deserialize;

use crate::domain::common_passwords;

/// A password somebody chooses: at least 12 characters, at most 1024 bytes, not a common one. No composition rules (NIST
/// SP 800-63B section 3.1.1.2, ASVS 5.0 chapter 6.2).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NewPassword(String);

/// A password as somebody presents it: whatever was chosen under any rule, but no longer than one may be.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PresentedPassword(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    #[error("must have at least 12 characters")]
    TooShort,
    #[error("must have at most 1024 bytes")]
    TooLong,
    #[error("is one of the passwords that are tried first: choose another")]
    Common,
    #[error("says little more than your name, your address or ours: choose another")]
    Personal,
    #[error("was in a leak of passwords elsewhere: choose another")]
    Leaked,
    #[error("is the present one: choose another")]
    Present,
}

pub const SHORTEST_CHARACTERS: usize = 12;
/// Hashing reads all of it: longer ones would be a way to keep the processor busy.
const LONGEST_BYTES: usize = 1024;

impl NewPassword {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses what is mostly made of words that whoever guesses knows (ASVS 5.0, 6.2.11): the name and the address of
    /// the person, and [`CONTEXT`].
    pub fn says_more_than<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Result<(), UnfitPassword> {
        let mut left = self.0.to_lowercase();
        let mut words: Vec<String> = known.into_iter().chain(CONTEXT).flat_map(words).collect();
        // Longer ones first: a short word must not break a longer one that holds it.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for word in &words {
            left = left.replace(word.as_str(), "");
        }
        let says_more = left.len() == self.0.to_lowercase().len() || left.chars().count() >= ENOUGH_BESIDE;
        if says_more { Ok(()) } else { Err(UnfitPassword::Personal) }
    }
}

/// What everybody knows of this place: its name, its roles, what it is about, and what they type into the field.
pub const CONTEXT: [&str; 12] = [
    "shinkofa",
    "administrateur",
    "administrator",
    "admin",
    "manager",
    "moderator",
    "coach",
    "member",
    "studio",
    "motdepasse",
    "password",
    "passwort",
];
/// Shorter words stand in every sentence.
const SHORTEST_WORD: usize = 3;
/// So many characters beside the known words are a password of their own.
const ENOUGH_BESIDE: usize = 8;

/// The words of a name or an address, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>();
    parts.into_iter().filter(|word| word.chars().count() >= SHORTEST_WORD)
}

impl PresentedPassword {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NewPassword {
    type Error = UnfitPassword;

    fn try_from(text: String) -> Result<Self, UnfitPassword> {
        if text.chars().count() < SHORTEST_CHARACTERS {
            return Err(UnfitPassword::TooShort);
        }
        if text.len() > LONGEST_BYTES {
            return Err(UnfitPassword::TooLong);
        }
        if is_common(&text) {
            return Err(UnfitPassword::Common);
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for PresentedPassword {
    type Error = UnfitPassword;

    fn try_from(text: String) -> Result<Self, UnfitPassword> {
        if text.len() > LONGEST_BYTES { Err(UnfitPassword::TooLong) } else { Ok(Self(text)) }
    }
}

/// Listed, or a short piece over and over: "abcabcabcabc".
fn is_common(text: &str) -> bool {
    let lower = text.to_lowercase();
    let characters: Vec<char> = lower.chars().collect();
    let repeats = |period: usize| characters.iter().zip(&characters[period..]).all(|(a, b)| a == b);
    common_passwords::is_listed(&lower) || (1..=4).any(repeats)
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<UnfitPassword> {
        NewPassword::try_from(text.to_owned()).err()
    }

    #[test]
    fn length_decides_and_composition_does_not() {
        assert_eq!(refusal("twelve chars"), None);
        assert_eq!(refusal("eleven char"), Some(UnfitPassword::TooShort));
        assert_eq!(
            refusal("ééééééééééé"),
            Some(UnfitPassword::TooShort),
            "characters are counted, not bytes"
        );
        assert_eq!(refusal(&"correct horse battery ".repeat(46)), None);
        assert_eq!(refusal(&"correct horse battery ".repeat(47)), Some(UnfitPassword::TooLong));
    }

    #[test]
    fn what_is_tried_first_is_refused_in_any_case() {
        for common in
            ["Password1234", "123456789012", "QWERTYUIOPAS", "aaaaaaaaaaaa", "abcabcabcabc", "motdepasse123"]
        {
            assert_eq!(refusal(common), Some(UnfitPassword::Common), "{common}");
        }
    }

    #[test]
    fn a_password_says_more_than_what_everybody_knows_of_somebody() {
        let known = ["Anna Martin", "anna.martin@studio-nord.example"];
        let says_more =
            |text: &str| NewPassword::try_from(text.to_owned()).unwrap().says_more_than(known).is_ok();
        for refused in [
            "AnnaMartin2026",
            "martin-anna-1984",
            "shinkofa-anna",
            "studio-nord-2026!",
            "Anna.Martin@2026",
            "Admin-Password1!",
            "studio-coach-26",
            "MotDePasse-Anna!",
        ] {
            assert!(!says_more(refused), "{refused}");
        }
        for fine in
            ["a long and private sentence", "annabelle rides a grey horse", "martin and nine other words"]
        {
            assert!(says_more(fine), "{fine}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        assert!(
            !format!("{:?}", NewPassword::try_from("a fine password".to_owned()).unwrap()).contains("fine")
        );
    }
}
