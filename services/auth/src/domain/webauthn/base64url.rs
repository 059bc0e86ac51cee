//! Bytes in JSON, as browsers write those of credentials.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// 1 to `MOST` bytes, written as base64url without padding.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Base64Url<const MOST: usize>(Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {most} bytes as base64url without padding")]
pub struct NotBase64Url {
    most: usize,
}

impl<const MOST: usize> Base64Url<MOST> {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<const MOST: usize> TryFrom<String> for Base64Url<MOST> {
    type Error = NotBase64Url;

    fn try_from(text: String) -> Result<Self, NotBase64Url> {
        let refused = NotBase64Url { most: MOST };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused)?;
        if (1..=MOST).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(refused) }
    }
}

impl<const MOST: usize> fmt::Debug for Base64Url<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Url({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_written_in_one_way_alone() {
        let read = |text: &str| Base64Url::<4>::try_from(text.to_owned());
        assert_eq!(read("-_8").unwrap().as_bytes(), [0xfb, 0xff]);
        for refused in ["", "-_8=", "+/8", "-_9", "AAAAAAA", "é", " AA"] {
            assert!(read(refused).is_err(), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_read_as_they_were_written_unless_they_are_too_many(
            bytes in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            let read = Base64Url::<8>::try_from(URL_SAFE_NO_PAD.encode(&bytes)).ok();
            let fitting = (1..=8).contains(&bytes.len()).then_some(bytes);
            prop_assert_eq!(read.map(|read| read.0), fitting);
        }

        #[test]
        fn whatever_is_read_would_be_written_the_same(text in "[A-Za-z0-9_+/= -]{0,12}|.{0,12}") {
            if let Ok(read) = Base64Url::<16>::try_from(text.clone()) {
                prop_assert_eq!(URL_SAFE_NO_PAD.encode(read.as_bytes()), text);
            }
        }
    }
}
