//! Passkeys: what somebody calls one, what a challenge is for, and when touching one is not enough.

use chrono::TimeDelta;
use serde::Deserialize;
use shinkofa_kernel::text_enum;

/// Nobody has more devices that they sign in with, and every further one is another way in.
pub const MOST_PASSKEYS: usize = 10;

/// How long an authenticator's answer is waited for.
pub const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(5);

text_enum! {
    /// What a challenge is for. It is part of the key that the challenge is found by: one never works for another purpose.
    ChallengePurpose {
        Registration => "registration",
        SignIn => "sign_in",
        SecondFactor => "second_factor",
        StepUp => "step_up",
    }
}

/// What its owner calls a passkey: 1 to 100 characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PasskeyName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 100 characters and no control characters")]
pub struct NotAPasskeyName;

const LONGEST_NAME: usize = 100;

impl Default for PasskeyName {
    fn default() -> Self {
        Self("Passkey".to_owned())
    }
}

impl PasskeyName {
    pub fn into_text(self) -> String {
        self.0
    }
}

impl TryFrom<String> for PasskeyName {
    type Error = NotAPasskeyName;

    fn try_from(text: String) -> Result<Self, NotAPasskeyName> {
        let text = text.trim();
        let fits = (1..=LONGEST_NAME).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAPasskeyName)
        }
    }
}

/// How a browser reaches an authenticator: hints that are handed back when it is asked for, also those that nobody knows yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Transports(Vec<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 8 words of 1 to 32 lower-case letters, digits and hyphens")]
pub struct NotTransports;

const MOST_TRANSPORTS: usize = 8;
const LONGEST_TRANSPORT: usize = 32;

impl Transports {
    /// Words with a space between.
    pub fn into_text(self) -> String {
        self.0.join(" ")
    }
}

impl TryFrom<Vec<String>> for Transports {
    type Error = NotTransports;

    fn try_from(words: Vec<String>) -> Result<Self, NotTransports> {
        let is_word = |word: &String| {
            (1..=LONGEST_TRANSPORT).contains(&word.len())
                && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if words.len() <= MOST_TRANSPORTS && words.iter().all(is_word) {
            Ok(Self(words))
        } else {
            Err(NotTransports)
        }
    }
}

/// Words of `amr` that a passkey brings: the key, somebody touching it, and the authenticator recognising them.
const OF_A_PASSKEY: [&str; 4] = ["hwk", "swk", "user", "mfa"];

/// Does a passkey that is shown after `methods` have to recognise its user? Where they are all of a passkey, touching it
/// once more shows nothing new.
pub fn has_to_verify(methods: &str) -> bool {
    methods.split(' ').all(|method| OF_A_PASSKEY.contains(&method))
}

/// Does a counter that stood at `before` and is `now` make sense (section 6.1.1 of Web Authentication)? Zero is an
/// authenticator that does not count. One that counts and does not go on was copied.
pub fn counts_on(before: i64, now: u32) -> bool {
    let now = i64::from(now);
    now > before || (now == 0 && before == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_counter_goes_on_or_was_never_there() {
        for (before, now) in [(0, 0), (0, 1), (1, 2), (7, u32::MAX)] {
            assert!(counts_on(before, now), "{before} {now}");
        }
        for (before, now) in [(1, 1), (2, 1), (1, 0), (i64::from(u32::MAX), 0)] {
            assert!(!counts_on(before, now), "{before} {now}");
        }
    }

    #[test]
    fn touching_a_key_is_enough_beside_something_else() {
        for something_else in ["pwd", "email", "fed", "pwd hwk user", "pwd otp", "unknown"] {
            assert!(!has_to_verify(something_else), "{something_else}");
        }
        for key_alone in ["hwk user", "hwk user mfa"] {
            assert!(has_to_verify(key_alone), "{key_alone}");
        }
    }

    #[test]
    fn names_are_trimmed_and_transports_are_few_short_words() {
        let name = |text: &str| PasskeyName::try_from(text.to_owned());
        assert_eq!(name(" Anna's phone ").unwrap().into_text(), "Anna's phone");
        for refused in ["", "  ", "a\nb", &"a".repeat(101)] {
            assert!(name(refused).is_err(), "{refused:?}");
        }
        let transports = |words: &[&str]| {
            Transports::try_from(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(transports(&["internal", "smart-card"]).unwrap().into_text(), "internal smart-card");
        for refused in [&[""][..], &["a b"], &["usb\""], &["Usb"], &["usb"; 9]] {
            assert!(transports(refused).is_err(), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_is_short_and_taken_again_as_it_is(text in "(?s).{0,110}") {
            if let Ok(name) = PasskeyName::try_from(text) {
                let text = name.clone().into_text();
                prop_assert!((1..=LONGEST_NAME).contains(&text.chars().count()));
                prop_assert!(!text.chars().any(char::is_control));
                prop_assert_eq!(PasskeyName::try_from(text), Ok(name));
            }
        }

        #[test]
        fn transports_that_are_taken_are_told_apart_when_they_are_given_back(
            words in prop::collection::vec("[a-z0-9-]{0,34}|.{0,8}", 0..10),
        ) {
            if let Ok(transports) = Transports::try_from(words.clone()) {
                let text = transports.into_text();
                prop_assert_eq!(text.split_whitespace().collect::<Vec<_>>(), words);
            }
        }
    }
}
