//! Symmetric keys by `kid`: one signs, all verify.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, EncodingKey};

/// HS256 keys (RFC 7518 section 3.2). Clones share what [`Keyring::replace`] brings, so that keys are rotated while everything
/// runs: the next key is put last for every service, then first for those that sign, and the old one is removed after the longest
/// token life.
#[derive(Clone)]
pub struct Keyring(Arc<RwLock<Keys>>);

/// The keys of one moment.
#[derive(Clone)]
pub(crate) struct Keys(Arc<[Key]>);

struct Key {
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("the keyring holds no key")]
    Empty,
    #[error("line {0} of the keyring is not `kid:base64`")]
    Malformed(usize),
    #[error("key {0:?} is shorter than the 32 bytes that HS256 needs")]
    TooShort(String),
    #[error("key {0:?} is a known default or trivially guessable")]
    KnownDefault(String),
    #[error("key id {0:?} stands twice in the keyring")]
    Duplicate(String),
}

impl Keyring {
    /// Reads `kid:base64` lines; the first key signs. Empty lines and `#` comments are skipped.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<Key> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || KeyringError::Malformed(number + 1);
            let (kid, secret) = line.split_once(':').ok_or_else(malformed)?;
            let secret = STANDARD.decode(secret).map_err(|_| malformed())?;
            check_strength(kid, &secret)?;
            if keys.iter().any(|key| key.kid == kid) {
                return Err(KeyringError::Duplicate(kid.to_owned()));
            }
            keys.push(Key {
                kid: kid.to_owned(),
                signing: EncodingKey::from_secret(&secret),
                verifying: DecodingKey::from_secret(&secret),
            });
        }
        if keys.is_empty() {
            Err(KeyringError::Empty)
        } else {
            Ok(Self(Arc::new(RwLock::new(Keys(keys.into())))))
        }
    }

    /// Takes the keys of `other` in the place of its own, here and in every clone.
    pub fn replace(&self, other: &Self) {
        let keys = other.keys();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What its keys are called: the one that signs, then the others that are accepted.
    pub fn ids(&self) -> Vec<String> {
        self.keys().0.iter().map(|key| key.kid.clone()).collect()
    }

    pub(crate) fn keys(&self) -> Keys {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Keys {
    pub(crate) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.0[0].kid, &self.0[0].signing)
    }

    pub(crate) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.iter().find(|key| key.kid == kid).map(|key| &key.verifying)
    }

    /// Tokens without a `kid` come from clients older than key rotation: only the two newest keys may have signed them.
    pub(crate) fn newest_two(&self) -> impl Iterator<Item = &DecodingKey> {
        self.0.iter().take(2).map(|key| &key.verifying)
    }
}

/// A secret a person typed has few distinct bytes or says so itself.
fn check_strength(kid: &str, secret: &[u8]) -> Result<(), KeyringError> {
    if secret.len() < 32 {
        return Err(KeyringError::TooShort(kid.to_owned()));
    }
    let distinct = secret.iter().collect::<std::collections::BTreeSet<_>>().len();
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    let known = ["secret", "changeme", "change-me", "password", "default", "example"];
    if distinct < 10 || known.iter().any(|word| text.contains(word)) {
        return Err(KeyringError::KnownDefault(kid.to_owned()));
    }
    Ok(())
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(kid: &str, secret: &[u8]) -> String {
        format!("{kid}:{}\n", STANDARD.encode(secret))
    }

    #[test]
    fn a_ring_tells_what_its_keys_are_called_and_nothing_else() {
        let random: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
        let ring = Keyring::parse(&(line("next", &random) + &line("old", &random))).unwrap();
        assert_eq!(ring.ids(), ["next", "old"]);
        assert_eq!(format!("{ring:?}"), r#"["next", "old"]"#);
    }

    #[test]
    fn short_guessable_and_repeated_keys_are_refused() {
        let random: Vec<u8> = (0..32).map(|n| n * 7 + 3).collect();
        assert!(Keyring::parse(&line("a", &random)).is_ok());
        assert_eq!(Keyring::parse("").unwrap_err(), KeyringError::Empty);
        assert_eq!(Keyring::parse("nonsense").unwrap_err(), KeyringError::Malformed(1));
        assert!(matches!(Keyring::parse(&line("a", &random[..31])), Err(KeyringError::TooShort(_))));
        assert!(matches!(Keyring::parse(&line("a", &[7; 40])), Err(KeyringError::KnownDefault(_))));
        let default = b"my-super-secret-jwt-key-0123456789";
        assert!(matches!(Keyring::parse(&line("a", default)), Err(KeyringError::KnownDefault(_))));
        let twice = line("a", &random) + &line("a", &random);
        assert!(matches!(Keyring::parse(&twice), Err(KeyringError::Duplicate(_))));
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_a_keyring_is_no_fault_and_one_that_is_taken_signs(
            text in "(#?[a-c]{0,2}:?[A-Za-z0-9+/]{43}=?\n){0,3}|(?s).{0,60}",
        ) {
            if let Ok(keyring) = Keyring::parse(&text) {
                let keys = keyring.keys();
                let (kid, _) = keys.signing();
                prop_assert!(keys.verifying(kid).is_some() && keys.newest_two().count() <= 2);
            }
        }
    }
}
