//! What the browser says of a ceremony (section 5.8.1).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Disbelief;
use crate::domain::device::{Digest, digest_of_bytes};
use crate::domain::origin::TenantPages;

/// Whom credentials are made for, and from where they may be shown. Configuration and the directory of tenants, never what a
/// request says.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    origins: Vec<String>,
    tenants: TenantPages,
}

impl RelyingParty {
    /// `id` is a domain; `origins` are scheme, host and port in their usual spelling.
    pub fn new(id: String, origins: Vec<String>) -> Self {
        Self { id, origins, tenants: TenantPages::default() }
    }

    /// The same, whose credentials are shown as well on the pages of tenants at hosts beneath the domain. On those of other
    /// domains browsers show none of it.
    #[must_use]
    pub fn with_tenants(self, tenants: TenantPages) -> Self {
        Self { tenants, ..self }
    }

    fn is_at(&self, origin: &str) -> bool {
        self.origins.iter().any(|ours| ours == origin) || self.tenants.has_beneath(&self.id, origin)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn id_hash(&self) -> Digest {
        sha256(self.id.as_bytes())
    }
}

pub fn sha256(bytes: &[u8]) -> Digest {
    let mut hash = Digest::default();
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// What an authenticator has to sign this time.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As browsers take it and give it back.
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        digest_of_bytes(&[b"webauthn_challenge", &self.0])
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(..)")
    }
}

/// What a credential is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Members that are not listed are ignored, as the specification wants it; one that is there twice is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

impl ClientData {
    pub fn read(json: &[u8]) -> Result<Self, Disbelief> {
        // serde would also fill the members from an array, in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(Disbelief::ClientData);
        }
        serde_json::from_slice(json).map_err(|_| Disbelief::ClientData)
    }

    pub fn challenge(&self) -> Result<Challenge, Disbelief> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.challenge).map_err(|_| Disbelief::ClientData)?;
        bytes.try_into().map(Challenge).map_err(|_| Disbelief::ClientData)
    }

    /// Sections 7.1 and 7.2: the challenge is looked for elsewhere, in the database.
    pub fn check(&self, ceremony: Ceremony, party: &RelyingParty) -> Result<(), Disbelief> {
        if self.ceremony != ceremony.name() {
            return Err(Disbelief::Ceremony);
        }
        if !party.is_at(&self.origin) {
            return Err(Disbelief::Origin);
        }
        if self.cross_origin || self.top_origin.is_some() {
            return Err(Disbelief::CrossOrigin);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn party() -> RelyingParty {
        RelyingParty::new("example.org".to_owned(), vec!["https://app.example.org".to_owned()])
    }

    fn checked(json: &str) -> Result<(), Disbelief> {
        ClientData::read(json.as_bytes())?.check(Ceremony::Get, &party())
    }

    fn challenge_of(text: &str) -> Result<Challenge, Disbelief> {
        let json = json!({ "type": "webauthn.get", "challenge": text, "origin": "https://app.example.org" });
        ClientData::read(json.to_string().as_bytes())?.challenge()
    }

    #[test]
    fn only_our_origins_and_only_the_ceremony_at_hand_are_believed() {
        let with = |kind: &str, origin: &str, more: &str| {
            checked(&format!(r#"{{"type":"{kind}","challenge":"AAAA","origin":"{origin}"{more}}}"#))
        };
        let ours = "https://app.example.org";
        assert_eq!(with("webauthn.get", ours, r#","crossOrigin":false,"somethingNew":[1]"#), Ok(()));
        assert_eq!(with("webauthn.create", ours, ""), Err(Disbelief::Ceremony));
        assert_eq!(with("payment.get", ours, ""), Err(Disbelief::Ceremony));
        for other in [
            "https://app.example.org:8443",
            "http://app.example.org",
            "https://example.org",
            "https://evil.example.org",
            "https://app.example.org.evil.test",
            "https://app.example.org/",
            "HTTPS://app.example.org",
            "null",
            "",
        ] {
            assert_eq!(with("webauthn.get", other, ""), Err(Disbelief::Origin), "{other:?}");
        }
        assert_eq!(with("webauthn.get", ours, r#","crossOrigin":true"#), Err(Disbelief::CrossOrigin));
        assert_eq!(
            with("webauthn.get", ours, r#","topOrigin":"https://evil.test""#),
            Err(Disbelief::CrossOrigin)
        );
    }

    #[test]
    fn what_is_no_client_data_is_refused_and_a_challenge_has_one_spelling() {
        for refused in
            ["", "null", "[]", "{}", r#"{"type":"webauthn.get","type":"webauthn.create"}"#, "{\"type\":"]
        {
            assert_eq!(checked(refused), Err(Disbelief::ClientData), "{refused:?}");
        }
        let challenge = Challenge::from_random([7; 32]);
        assert_eq!(challenge_of(&challenge.encoded()), Ok(challenge.clone()));
        assert_eq!(challenge.encoded().len(), 43);
        for refused in ["", "AAAA", "====", &format!("{}=", challenge.encoded())] {
            assert_eq!(challenge_of(refused), Err(Disbelief::ClientData), "{refused:?}");
        }
    }

    #[test]
    fn an_array_is_no_client_data_though_its_elements_would_fit_the_members() {
        for array in [
            r#"["webauthn.get","AAAA","https://app.example.org",false,null]"#,
            "\n [[[[[[]]]]]]",
            "\u{feff}{}",
        ] {
            assert_eq!(checked(array), Err(Disbelief::ClientData), "{array:?}");
        }
    }

    #[test]
    fn members_that_are_ignored_may_be_as_deep_as_they_like() {
        let deep = "[".repeat(60_000) + &"]".repeat(60_000);
        let members = r#""type":"webauthn.get","challenge":"AAAA","origin":"https://app.example.org""#;
        assert_eq!(checked(&format!(r#"{{{members},"more":{deep}}}"#)), Ok(()));
        assert_eq!(checked(&format!(r#"{{{members},"topOrigin":{deep}}}"#)), Err(Disbelief::ClientData));
        assert_eq!(
            checked(&format!(r#"{{{members},"more":{}"#, &deep[..60_000])),
            Err(Disbelief::ClientData)
        );
    }

    proptest! {
        #[test]
        fn a_challenge_is_read_as_it_was_written_and_no_other_text_is_it(
            bytes in any::<[u8; 32]>(),
            place in any::<prop::sample::Index>(),
            other in "[A-Za-z0-9_=-]|.",
        ) {
            let challenge = Challenge::from_random(bytes);
            let text = challenge.encoded();
            prop_assert_eq!(challenge_of(&text), Ok(challenge));
            let place = place.index(text.len());
            let mut changed = text;
            changed.replace_range(place..=place, &other);
            if let Ok(read) = challenge_of(&changed) {
                prop_assert_eq!(read.encoded(), changed);
            }
        }

        #[test]
        fn whatever_the_members_say_is_no_fault_and_not_believed(
            kind in "webauthn\\.get|.{0,20}",
            challenge in ".{0,60}",
            origin in "https://[a-z.:0-9]{0,30}|.{0,30}",
        ) {
            let json = json!({ "type": kind, "challenge": challenge, "origin": origin }).to_string();
            let data = ClientData::read(json.as_bytes()).unwrap();
            let _ = data.challenge();
            let ours = kind == "webauthn.get" && origin == "https://app.example.org";
            prop_assert_eq!(data.check(Ceremony::Get, &party()).is_ok(), ours);
        }
    }
}
