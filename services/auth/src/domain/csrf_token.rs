//! CSRF tokens: a signed double submit whose other half is the refresh cookie.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shinkofa_kernel::SessionId;

use super::refresh_token::SessionKey;

/// base64url of random bytes and an HMAC-SHA256 over session and random bytes under the session's own key.
///
/// A page gets it in a body and sends it in a header; the browser sends the cookie, which names the session. Only together
/// are they good, so neither a page that makes a browser send its cookies nor a token of another session is. It is good as
/// long as its session, whatever was rotated since: tabs do not wait for one another.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken {
    random: [u8; RANDOM],
    code: [u8; CODE],
}

pub const RANDOM: usize = 16;
const CODE: usize = 32;
const WHOLE: usize = RANDOM + CODE;

impl CsrfToken {
    pub fn issue(session: SessionId, key: &SessionKey, random: [u8; RANDOM]) -> Self {
        let mut code = [0; CODE];
        code.copy_from_slice(hmac::sign(&key.hmac(), &signed(session, &random)).as_ref());
        Self { random, code }
    }

    /// Was it written for this session? Compared in constant time.
    pub fn is_of(&self, session: SessionId, key: &SessionKey) -> bool {
        hmac::verify(&key.hmac(), &signed(session, &self.random), &self.code).is_ok()
    }

    /// `None` where the text is no such token.
    pub fn read(text: &str) -> Option<Self> {
        let bytes: [u8; WHOLE] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let random = std::array::from_fn(|n| bytes[n]);
        Some(Self { random, code: std::array::from_fn(|n| bytes[RANDOM + n]) })
    }

    pub fn encode(&self) -> String {
        let (random, code) = (self.random.as_slice(), self.code.as_slice());
        URL_SAFE_NO_PAD.encode([random, code].concat())
    }
}

/// Each part behind its length. The first byte is none that a refresh token, under the same key, begins with.
fn signed(session: SessionId, random: &[u8; RANDOM]) -> Vec<u8> {
    let session = session.as_uuid();
    let parts: [&[u8]; 3] = [b"csrf", session.as_bytes(), random];
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shinkofa_kernel::macros::uuid::Uuid;

    use super::*;

    fn session(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_token_is_good_for_its_session_under_its_key_and_for_nothing_else() {
        let key = SessionKey::new([7; 32]);
        let token = CsrfToken::issue(session(1), &key, [3; RANDOM]);
        let read = CsrfToken::read(&token.encode()).unwrap();
        assert!(read.is_of(session(1), &key));
        assert!(!read.is_of(session(2), &key) && !read.is_of(session(1), &SessionKey::new([8; 32])));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let key = SessionKey::new([7; 32]);
        let bytes = URL_SAFE_NO_PAD.decode(CsrfToken::issue(session(1), &key, [3; RANDOM]).encode()).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let read = CsrfToken::read(&URL_SAFE_NO_PAD.encode(changed)).unwrap();
            assert!(!read.is_of(session(1), &key), "byte {place}");
        }
    }

    proptest! {
        #[test]
        fn any_other_text_is_refused_without_a_fault(text in "\\PC{0,120}") {
            prop_assert!(CsrfToken::read(&text).is_none());
        }

        #[test]
        fn whatever_is_read_would_be_written_the_same(text in "[A-Za-z0-9_-]{64}") {
            prop_assert_eq!(CsrfToken::read(&text).map(|read| read.encode()), Some(text));
        }

        #[test]
        fn no_changed_missing_or_further_character_goes_unnoticed(
            number in any::<u128>(),
            bytes in any::<[u8; 32]>(),
            random in any::<[u8; RANDOM]>(),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let key = SessionKey::new(bytes);
            let text = CsrfToken::issue(session(number), &key, random).encode();
            let place = place.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(place..=place, &other);
            let longer = text.clone() + &other;
            for shown in [text.clone(), changed, text[..place].to_owned(), longer] {
                let is_good = CsrfToken::read(&shown).is_some_and(|read| read.is_of(session(number), &key));
                prop_assert_eq!(is_good, shown == text);
            }
        }
    }
}
