//! Refresh tokens: a session, a generation, and a proof that auth wrote both.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use shinkofa_kernel::SessionId;
use shinkofa_kernel::macros::uuid::Uuid;

use crate::domain::session::SessionMode;

/// base64url of version, session, generation and an HMAC-SHA256 over the three under the session's own key.
///
/// Nothing that works is stored anywhere: the current token can be written again for a second tab that raced the first.
/// Read from a request it is only a claim until [`RefreshToken::is_authentic`].
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RefreshToken {
    pub session: SessionId,
    pub generation: i32,
    code: [u8; CODE],
}

/// The key of one session, and how its tokens are kept: sealed as one, so that no row can be made to say otherwise.
#[derive(Clone)]
pub struct SessionKey {
    bytes: [u8; KEY],
    mode: SessionMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a refresh token")]
pub struct NotARefreshToken;

const VERSION: u8 = 1;
const KEY: usize = 32;
/// Behind the key; nothing stands there for what the client keeps itself.
const KEPT_IN_A_COOKIE: u8 = 1;
const CODE: usize = 32;
const SIGNED: usize = 1 + 16 + 4;
const WHOLE: usize = SIGNED + CODE;

impl SessionKey {
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self { bytes, mode: SessionMode::Bearer }
    }

    #[must_use]
    pub fn in_mode(self, mode: SessionMode) -> Self {
        Self { mode, ..self }
    }

    pub fn mode(&self) -> SessionMode {
        self.mode
    }

    /// As [`SessionKey::to_vec`] writes it.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let (key, mode) = match bytes {
            [key @ .., KEPT_IN_A_COOKIE] if key.len() == KEY => (key, SessionMode::Cookie),
            key => (key, SessionMode::Bearer),
        };
        Some(Self::new(key.try_into().ok()?).in_mode(mode))
    }

    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        if self.mode == SessionMode::Cookie {
            bytes.push(KEPT_IN_A_COOKIE);
        }
        bytes
    }

    pub(super) fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }
}

impl RefreshToken {
    /// The token of a generation.
    pub fn issue(session: SessionId, generation: i32, key: &SessionKey) -> Self {
        let mut code = [0; CODE];
        code.copy_from_slice(hmac::sign(&key.hmac(), &signed(session, generation)).as_ref());
        Self { session, generation, code }
    }

    /// Did auth write it? Compared in constant time.
    pub fn is_authentic(&self, key: &SessionKey) -> bool {
        hmac::verify(&key.hmac(), &signed(self.session, self.generation), &self.code).is_ok()
    }

    pub fn encode(&self) -> String {
        let mut bytes = signed(self.session, self.generation).to_vec();
        bytes.extend_from_slice(&self.code);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn signed(session: SessionId, generation: i32) -> [u8; SIGNED] {
    let mut bytes = [0; SIGNED];
    bytes[0] = VERSION;
    bytes[1..17].copy_from_slice(session.as_uuid().as_bytes());
    bytes[17..].copy_from_slice(&generation.to_be_bytes());
    bytes
}

impl TryFrom<String> for RefreshToken {
    type Error = NotARefreshToken;

    fn try_from(text: String) -> Result<Self, NotARefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotARefreshToken)?;
        let bytes: [u8; WHOLE] = bytes.try_into().map_err(|_| NotARefreshToken)?;
        if bytes[0] != VERSION {
            return Err(NotARefreshToken);
        }
        let session = SessionId::from_uuid(Uuid::from_bytes(std::array::from_fn(|n| bytes[1 + n])));
        let generation = i32::from_be_bytes(std::array::from_fn(|n| bytes[17 + n]));
        Ok(Self { session, generation, code: std::array::from_fn(|n| bytes[SIGNED + n]) })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, {})", self.session, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(generation: i32) -> (RefreshToken, SessionKey) {
        let key = SessionKey::new([7; 32]);
        (RefreshToken::issue(SessionId::from_uuid(Uuid::from_u128(1)), generation, &key), key)
    }

    #[test]
    fn a_token_survives_its_encoding_and_its_key_knows_it() {
        let (token, key) = token(3);
        let read = RefreshToken::try_from(token.encode()).unwrap();
        assert_eq!(read, token);
        assert!(read.is_authentic(&key));
        assert!(!read.is_authentic(&SessionKey::new([8; 32])));
    }

    #[test]
    fn a_key_comes_back_with_its_mode() {
        for mode in SessionMode::ALL {
            let key = SessionKey::new([7; KEY]).in_mode(*mode);
            let read = SessionKey::from_slice(&key.to_vec()).unwrap();
            assert_eq!((read.bytes, read.mode()), (key.bytes, *mode));
        }
        for length in [0, 31, 34] {
            assert!(SessionKey::from_slice(&vec![KEPT_IN_A_COOKIE; length]).is_none());
        }
        assert!(SessionKey::from_slice(&[2; KEY + 1]).is_none());
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let (token, key) = token(3);
        let bytes = URL_SAFE_NO_PAD.decode(token.encode()).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let read = RefreshToken::try_from(URL_SAFE_NO_PAD.encode(changed));
            assert!(read.is_err() || !read.unwrap().is_authentic(&key), "byte {place}");
        }
    }

    proptest! {
        #[test]
        fn any_other_text_is_refused_without_a_fault(text in "\\PC{0,120}") {
            prop_assert!(RefreshToken::try_from(text).is_err());
        }

        #[test]
        fn any_token_survives_its_encoding(
            session in any::<u128>(),
            generation in any::<i32>(),
            bytes in any::<[u8; KEY]>(),
        ) {
            let key = SessionKey::new(bytes);
            let token = RefreshToken::issue(SessionId::from_uuid(Uuid::from_u128(session)), generation, &key);
            let read = RefreshToken::try_from(token.encode()).unwrap();
            prop_assert!(read.is_authentic(&key));
            prop_assert_eq!(read, token);
        }

        #[test]
        fn whatever_is_read_would_be_written_the_same(text in "A[Q-Za-f][A-Za-z0-9_-]{69}") {
            if let Ok(read) = RefreshToken::try_from(text.clone()) {
                prop_assert_eq!(read.encode(), text);
            }
        }

        #[test]
        fn no_changed_missing_or_further_character_goes_unnoticed(
            generation in any::<i32>(),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let (token, key) = token(generation);
            let text = token.encode();
            let place = place.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(place..=place, &other);
            let longer = text.clone() + &other;
            for spoilt in [changed, text[..place].to_owned(), longer] {
                let is_believed =
                    RefreshToken::try_from(spoilt.clone()).is_ok_and(|read| read.is_authentic(&key));
                prop_assert_eq!(is_believed, spoilt == text);
            }
        }

        #[test]
        fn a_key_is_read_of_what_was_written_and_of_nothing_else(
            bytes in prop::collection::vec(prop_oneof![Just(KEPT_IN_A_COOKIE), any::<u8>()], 30..36),
        ) {
            if let Some(key) = SessionKey::from_slice(&bytes) {
                prop_assert_eq!(key.to_vec(), bytes);
            }
        }
    }
}
