//! Proof key for code exchange (RFC 7636), by S256 alone: who finishes is who began.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shinkofa_kernel::defended;

/// The SHA-256 of a verifier, as base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// What only who began knows.
#[derive(Clone)]
pub struct CodeVerifier(String);

/// A challenge or a verifier is missing, malformed, or not by S256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code challenge by S256 and its verifier are required")]
pub struct PkceMissing;

const METHOD: &str = "S256";
const CHALLENGE_BYTES: usize = 32;
const SHORTEST_VERIFIER: usize = 43;
const LONGEST_VERIFIER: usize = 128;

impl CodeChallenge {
    /// Reads what a client sent. No method means S256: there is no other.
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Self, PkceMissing> {
        let challenge = challenge.ok_or(PkceMissing)?;
        let bytes = URL_SAFE_NO_PAD.decode(challenge).map_err(|_| PkceMissing)?;
        let by_method = method.is_none_or(|method| method == METHOD) || !defended!("V21-plain");
        let fits = bytes.len() == CHALLENGE_BYTES && by_method;
        if fits { Ok(Self(challenge.to_owned())) } else { Err(PkceMissing) }
    }

    /// One that was kept.
    pub fn kept(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn of(verifier: &CodeVerifier) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.0.as_bytes())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), Self::of(verifier).0.as_bytes()).is_ok()
            || !defended!("V21-verifier")
    }

    /// Was the challenge itself sent in place of its verifier, as the method `plain` would have it?
    pub fn is_repeated_by(&self, verifier: &CodeVerifier) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), verifier.0.as_bytes()).is_ok()
    }
}

impl CodeVerifier {
    pub fn read(verifier: Option<&str>) -> Result<Self, PkceMissing> {
        let verifier = verifier.ok_or(PkceMissing)?;
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let fits = (SHORTEST_VERIFIER..=LONGEST_VERIFIER).contains(&verifier.len());
        if fits && verifier.bytes().all(unreserved) {
            Ok(Self(verifier.to_owned()))
        } else {
            Err(PkceMissing)
        }
    }

    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_verifier_meets_its_challenge_as_in_the_standard() {
        let challenge = CodeChallenge::read(Some(CHALLENGE), Some("S256")).unwrap();
        assert!(challenge.is_met_by(&CodeVerifier::read(Some(VERIFIER)).unwrap()));
        let other = VERIFIER.replace('d', "e");
        assert!(!challenge.is_met_by(&CodeVerifier::read(Some(&other)).unwrap()));
    }

    #[test]
    fn v21_nothing_plain_passes() {
        for (challenge, method) in [
            (None, Some("S256")),
            (Some(""), Some("S256")),
            (Some(CHALLENGE), Some("plain")),
            (Some(CHALLENGE), Some("")),
            (Some(CHALLENGE), Some("s256")),
            (Some("short"), Some("S256")),
            (Some(&CHALLENGE[1..]), None),
        ] {
            assert_eq!(CodeChallenge::read(challenge, method), Err(PkceMissing), "{challenge:?} {method:?}");
        }
        let long = "a".repeat(129);
        for verifier in [
            None,
            Some(""),
            Some("short"),
            Some(&*long),
            Some("with space in it, forty-three bytes long...."),
        ] {
            assert!(CodeVerifier::read(verifier).is_err(), "{verifier:?}");
        }
        let challenge = CodeChallenge::read(Some(CHALLENGE), None).unwrap();
        let repeated = CodeVerifier::read(Some(CHALLENGE)).unwrap();
        assert!(challenge.is_repeated_by(&repeated) && !challenge.is_met_by(&repeated));
    }

    proptest! {
        #[test]
        fn a_verifier_meets_its_own_challenge_alone(
            text in "[A-Za-z0-9._~-]{43,128}",
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9._~-]",
        ) {
            let challenge = CodeChallenge::of(&CodeVerifier::read(Some(&text)).unwrap());
            prop_assert_eq!(CodeChallenge::read(Some(challenge.as_str()), None), Ok(challenge.clone()));
            let place = place.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(place..=place, &other);
            let longer = text.clone() + &other;
            for shown in [text.clone(), changed, text[..place].to_owned(), longer] {
                let is_met = CodeVerifier::read(Some(&shown)).is_ok_and(|shown| challenge.is_met_by(&shown));
                prop_assert_eq!(is_met, shown == text);
            }
        }

        #[test]
        fn what_is_read_is_kept_to_the_letter(text in "[A-Za-z0-9_-]{42,44}|[A-Za-z0-9._~+ -]{40,130}|.{0,90}") {
            if let Ok(challenge) = CodeChallenge::read(Some(&text), None) {
                let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
                prop_assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), text.as_str());
                prop_assert_eq!((challenge.as_str(), bytes.len()), (text.as_str(), CHALLENGE_BYTES));
            }
            if let Ok(verifier) = CodeVerifier::read(Some(&text)) {
                prop_assert_eq!(verifier.as_str(), text.as_str());
                prop_assert!((43..=128).contains(&text.len()) && text.is_ascii());
            }
        }
    }
}
