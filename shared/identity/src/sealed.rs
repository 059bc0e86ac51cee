//! Secrets that travel through logs and tables: sealed by whoever made them, opened only by whoever holds the key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// AES-256-GCM keys by `kid`: the first seals, all open.
///
/// The context goes into the authentication: what was sealed for one purpose, or for one row, opens for no other.
#[derive(Clone)]
pub struct SealingKey(Arc<[Key]>);

struct Key {
    kid: String,
    key: RandomizedNonceKey,
    /// For digests; of another kind than the key that seals, and made from it.
    digests: hmac::Key,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    #[error("the sealing key is missing")]
    Empty,
    #[error("line {0} is not `kid:base64` with 32 bytes")]
    Malformed(usize),
    #[error("key id {0:?} stands twice")]
    Duplicate(String),
    #[error("key {0:?} is no random one")]
    KnownDefault(String),
    #[error("the text cannot be sealed")]
    Seal,
    #[error("the sealed text was not sealed by one of these keys for this context")]
    Open,
}

/// Zeros, or a byte that somebody typed 32 times, are what an example has.
fn looks_random(secret: &[u8]) -> bool {
    secret.iter().collect::<std::collections::BTreeSet<_>>().len() >= 10
}

impl SealingKey {
    /// Reads `kid:base64(32 bytes)` lines. Empty lines and `#` comments are skipped.
    pub fn parse(text: &str) -> Result<Self, SealingError> {
        let mut keys: Vec<Key> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || SealingError::Malformed(number + 1);
            let (kid, secret) = line.split_once(':').ok_or_else(malformed)?;
            let secret = STANDARD.decode(secret).map_err(|_| malformed())?;
            let key = RandomizedNonceKey::new(&AES_256_GCM, &secret).map_err(|_| malformed())?;
            if kid.is_empty() || kid.contains('.') {
                return Err(malformed());
            }
            if keys.iter().any(|known| known.kid == kid) {
                return Err(SealingError::Duplicate(kid.to_owned()));
            }
            if !looks_random(&secret) {
                return Err(SealingError::KnownDefault(kid.to_owned()));
            }
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let digests = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, b"digests/1").as_ref());
            keys.push(Key { kid: kid.to_owned(), key, digests });
        }
        if keys.is_empty() { Err(SealingError::Empty) } else { Ok(Self(keys.into())) }
    }

    /// `kid.base64url(nonce, ciphertext, tag)`.
    pub fn seal(&self, context: &str, plaintext: &[u8]) -> Result<String, SealingError> {
        let Key { kid, key, .. } = &self.0[0];
        let mut sealed = plaintext.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| SealingError::Seal)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{kid}.{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The key that seals now. What begins with another one has to be sealed again before that one is taken away.
    pub fn current_kid(&self) -> &str {
        &self.0[0].kid
    }

    /// Keyed digests (HMAC-SHA256) of `value` for `context`, the first by the key that seals: it is the one to keep. What was
    /// kept under an older key is found by the others.
    pub fn digests(&self, context: &str, value: &[u8]) -> Vec<Vec<u8>> {
        let digest = |key: &Key| {
            let mut message = (context.len() as u64).to_be_bytes().to_vec();
            message.extend_from_slice(context.as_bytes());
            message.extend_from_slice(value);
            hmac::sign(&key.digests, &message).as_ref().to_vec()
        };
        self.0.iter().map(digest).collect()
    }

    /// What was sealed for `context`.
    pub fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>, SealingError> {
        let (kid, text) = sealed.split_once('.').ok_or(SealingError::Open)?;
        let key = self.0.iter().find(|key| key.kid == kid).ok_or(SealingError::Open)?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealingError::Open)?;
        if bytes.len() < NONCE_LEN {
            return Err(SealingError::Open);
        }
        let mut ciphertext = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| SealingError::Open)?;
        let plaintext = key.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut ciphertext);
        plaintext.map(|plaintext| plaintext.to_vec()).map_err(|_| SealingError::Open)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.kid)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(kid: &str, start: u8) -> String {
        let secret: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(31).wrapping_add(start)).collect();
        format!("{kid}:{}\n", STANDARD.encode(secret))
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_context_only() {
        let key = SealingKey::parse(&line("a", 1)).unwrap();
        let sealed = key.seal("mail", b"token").unwrap();
        assert_eq!(key.open("mail", &sealed).unwrap(), b"token");
        assert_eq!(key.open("other", &sealed), Err(SealingError::Open));
        let stranger = SealingKey::parse(&line("a", 2)).unwrap();
        assert_eq!(stranger.open("mail", &sealed), Err(SealingError::Open));
        assert_ne!(key.seal("mail", b"token").unwrap(), sealed, "a nonce is never used twice");
    }

    #[test]
    fn the_next_key_seals_and_the_previous_one_still_opens() {
        let before = SealingKey::parse(&line("a", 1)).unwrap();
        let after = SealingKey::parse(&(line("b", 2) + &line("a", 1))).unwrap();
        let sealed = before.seal("mail", b"token").unwrap();
        assert_eq!(after.open("mail", &sealed).unwrap(), b"token");
        assert!(after.seal("mail", b"token").unwrap().starts_with("b."));
        assert_eq!((before.current_kid(), after.current_kid()), ("a", "b"));
    }

    #[test]
    fn a_digest_belongs_to_its_key_and_context_and_outlives_the_next_key() {
        let before = SealingKey::parse(&line("a", 1)).unwrap();
        let after = SealingKey::parse(&(line("b", 2) + &line("a", 1))).unwrap();
        let kept = &before.digests("ban", b"phone")[0];
        assert!(after.digests("ban", b"phone").contains(kept));
        assert_ne!(&after.digests("ban", b"phone")[0], kept);
        assert_ne!(&before.digests("other", b"phone")[0], kept);
        assert_ne!(&before.digests("ban", b"laptop")[0], kept);
    }

    #[test]
    fn what_is_no_key_and_what_was_tampered_with_is_refused() {
        assert_eq!(SealingKey::parse("").unwrap_err(), SealingError::Empty);
        assert_eq!(SealingKey::parse("a:QUJD").unwrap_err(), SealingError::Malformed(1));
        assert!(matches!(
            SealingKey::parse(&(line("a", 1) + &line("a", 2))),
            Err(SealingError::Duplicate(_))
        ));
        let zeros = format!("a:{}", STANDARD.encode([0; 32]));
        assert_eq!(SealingKey::parse(&zeros).unwrap_err(), SealingError::KnownDefault("a".to_owned()));
        let key = SealingKey::parse(&line("a", 1)).unwrap();
        for hostile in ["", "a", "a.", "a.AAAA", "b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "a.*"] {
            assert_eq!(key.open("mail", hostile), Err(SealingError::Open), "{hostile}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_missing_or_further_character_is_opened(
            context in ".{0,12}",
            plaintext in prop::collection::vec(any::<u8>(), 0..40),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_.=-]|.",
        ) {
            let key = SealingKey::parse(&line("a", 1)).unwrap();
            let sealed = key.seal(&context, &plaintext).unwrap();
            let place = place.index(sealed.len());
            let mut changed = sealed.clone();
            changed.replace_range(place..=place, &other);
            let longer = sealed.clone() + &other;
            for shown in [sealed.clone(), changed, sealed[..place].to_owned(), longer] {
                let opened = key.open(&context, &shown).ok();
                prop_assert_eq!(opened, (shown == sealed).then(|| plaintext.clone()));
            }
            prop_assert!(key.open(&(context + "x"), &sealed).is_err());
        }

        #[test]
        fn whatever_is_opened_or_read_as_keys_is_no_fault(
            sealed in "a\\.[A-Za-z0-9_-]{0,80}|.{0,40}",
            keys in "(#?[a-c.]{0,2}:?[A-Za-z0-9+/]{0,43}=?\n){0,3}|(?s).{0,40}",
        ) {
            let key = SealingKey::parse(&line("a", 1)).unwrap();
            prop_assert_eq!(key.open("mail", &sealed), Err(SealingError::Open));
            if let Ok(keys) = SealingKey::parse(&keys) {
                prop_assert!(!keys.current_kid().is_empty() && !keys.current_kid().contains('.'));
            }
        }
    }
}
