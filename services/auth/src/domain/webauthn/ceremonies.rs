//! The two ceremonies: making a credential (section 7.1) and showing one (section 7.2). Challenge, account and counter are
//! the caller's part, who has a database.

use ciborium::Value;

use super::authenticator_data::{AuthenticatorData, Flags};
use super::client_data::{Ceremony, ClientData, RelyingParty, sha256};
use super::{CredentialKey, Disbelief, cbor};

/// What came back of making a credential.
#[derive(Clone, Copy, Debug)]
pub struct AttestationResponse<'a> {
    /// As the browser names it.
    pub credential_id: &'a [u8],
    pub client_data: &'a [u8],
    pub attestation_object: &'a [u8],
}

/// A credential to be kept.
#[derive(Debug)]
pub struct Registered {
    pub credential_id: Vec<u8>,
    pub key: Vec<u8>,
    pub counter: u32,
    pub flags: Flags,
}

impl AttestationResponse<'_> {
    pub fn believe(&self, party: &RelyingParty) -> Result<Registered, Disbelief> {
        ClientData::read(self.client_data)?.check(Ceremony::Create, party)?;
        let data = AuthenticatorData::read(&authenticator_data(self.attestation_object)?)?;
        data.check(party)?;
        let credential = data.credential.ok_or(Disbelief::AuthenticatorData)?;
        if credential.id != self.credential_id {
            return Err(Disbelief::CredentialId);
        }
        Ok(Registered {
            credential_id: credential.id,
            key: credential.key,
            counter: data.counter,
            flags: data.flags,
        })
    }
}

/// The one member of an attestation object that is looked at.
fn authenticator_data(mut object: &[u8]) -> Result<Vec<u8>, Disbelief> {
    let Some(Value::Map(members)) = cbor::take(&mut object) else {
        return Err(Disbelief::AttestationObject);
    };
    let mut found = members.into_iter().filter(|(name, _)| name.as_text() == Some("authData"));
    match (found.next(), found.next(), object.is_empty()) {
        (Some((_, Value::Bytes(data))), None, true) => Ok(data),
        _ => Err(Disbelief::AttestationObject),
    }
}

/// What came back of showing a credential.
#[derive(Clone, Copy, Debug)]
pub struct AssertionResponse<'a> {
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// A credential as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct StoredKey<'a> {
    pub key: &'a [u8],
    pub backup_eligible: bool,
}

/// Somebody has the credential, and says by it:
#[derive(Clone, Copy, Debug)]
pub struct Asserted {
    pub flags: Flags,
    pub counter: u32,
}

impl AssertionResponse<'_> {
    pub fn believe(&self, party: &RelyingParty, stored: StoredKey<'_>) -> Result<Asserted, Disbelief> {
        ClientData::read(self.client_data)?.check(Ceremony::Get, party)?;
        let data = AuthenticatorData::read(self.authenticator_data)?;
        data.check(party)?;
        if data.flags.backup_eligible() != stored.backup_eligible {
            return Err(Disbelief::Backup);
        }
        let signed = [self.authenticator_data, &sha256(self.client_data)].concat();
        CredentialKey::read(stored.key)?.verify(&signed, self.signature)?;
        Ok(Asserted { flags: data.flags, counter: data.counter })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::webauthn::Challenge;

    fn party() -> RelyingParty {
        RelyingParty::new("example.org".to_owned(), vec!["https://example.org".to_owned()])
    }

    fn client_data(ceremony: &str) -> Vec<u8> {
        let challenge = Challenge::from_random([7; 32]).encoded();
        format!(r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"https://example.org"}}"#)
            .into_bytes()
    }

    proptest! {
        /// Whatever somebody sends is refused, in bounded time and without a fault.
        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(AuthenticatorData::read(&bytes).is_err() || bytes.len() >= 37);
            prop_assert!(authenticator_data(&bytes).is_err());
            prop_assert!(CredentialKey::read(&bytes).is_err());
            prop_assert!(ClientData::read(&bytes).is_err());
        }

        #[test]
        fn a_credential_is_registered_whole_and_as_it_was_made(
            id in prop::collection::vec(any::<u8>(), 1..64),
            point in any::<[u8; 64]>(),
            place in any::<prop::sample::Index>(),
            change in 1..=u8::MAX,
        ) {
            let (x, y) = point.split_at(32);
            let key = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, &b"\x22\x58\x20"[..], y].concat();
            let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
            let hash = party().id_hash();
            // Somebody was there; the counter, the kind of authenticator, and the credential.
            let data = [&hash[..], &[0x41], &[0; 4], &[0; 16], &length(&id), &id[..], &key[..]].concat();
            let before = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59";
            let object = [&before[..], &length(&data), &data[..]].concat();
            let client_data = client_data("webauthn.create");
            let believe = |object: &[u8]| {
                let (credential_id, client_data) = (id.as_slice(), client_data.as_slice());
                let made = AttestationResponse { credential_id, client_data, attestation_object: object };
                made.believe(&party())
            };
            let registered = believe(&object).unwrap();
            prop_assert_eq!((&registered.credential_id, &registered.key), (&id, &key));
            let place = place.index(object.len());
            prop_assert!(believe(&object[..place]).is_err());
            prop_assert!(believe(&[&object[..], &[change]].concat()).is_err());
            // Nothing is signed here. What is believed still is for us, and about the credential that the browser names.
            let mut changed = object;
            changed[place] ^= change;
            if let Ok(other) = believe(&changed) {
                prop_assert_eq!(&other.credential_id, &id);
            }
        }

        #[test]
        fn no_changed_missing_or_further_byte_of_what_was_signed_is_believed(
            seed in any::<[u8; 32]>(),
            counter in any::<u32>(),
            place in any::<prop::sample::Index>(),
            change in 1..=u8::MAX,
        ) {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            let public = pair.public_key().as_ref();
            let key = [&b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"[..], public].concat();
            let client_data = client_data("webauthn.get");
            // Somebody was there, and was recognised.
            let data = [&party().id_hash()[..], &[0x05], &counter.to_be_bytes()].concat();
            let signature = pair.sign(&[&data[..], &sha256(&client_data)].concat()).as_ref().to_vec();
            let parts = [client_data, data, signature];
            let believe = |[client_data, authenticator_data, signature]: [&[u8]; 3]| {
                let shown = AssertionResponse { client_data, authenticator_data, signature };
                let stored = StoredKey { key: &key, backup_eligible: false };
                shown.believe(&party(), stored).map(|asserted| asserted.counter)
            };
            prop_assert_eq!(believe(parts.each_ref().map(Vec::as_slice)), Ok(counter));
            for (n, part) in parts.iter().enumerate() {
                let place = place.index(part.len());
                let mut changed = part.clone();
                changed[place] ^= change;
                let longer = [&part[..], &[change]].concat();
                for spoilt in [&changed[..], &part[..place], &longer[..]] {
                    let mut shown = parts.each_ref().map(Vec::as_slice);
                    shown[n] = spoilt;
                    prop_assert!(believe(shown).is_err(), "part {} at {}", n, place);
                }
            }
        }
    }

    #[test]
    fn deep_nesting_and_huge_lengths_are_refused() {
        let arrays = vec![0x81; 60_000];
        let long_map = b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff";
        let long_bytes = b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff";
        for refused in [&arrays[..], &long_map[..], &long_bytes[..]] {
            assert_eq!(authenticator_data(refused), Err(Disbelief::AttestationObject));
            assert_eq!(CredentialKey::read(refused), Err(Disbelief::Key));
        }
    }

    #[test]
    fn an_attestation_object_has_its_data_once_and_nothing_behind() {
        let written = |members: Vec<(&str, Value)>| {
            let map = members.into_iter().map(|(name, value)| (Value::Text(name.to_owned()), value));
            let mut bytes = Vec::new();
            ciborium::into_writer(&Value::Map(map.collect()), &mut bytes).unwrap();
            bytes
        };
        let data = || ("authData", Value::Bytes(vec![1, 2]));
        let more = || ("fmt", Value::Text("packed".to_owned()));
        assert_eq!(authenticator_data(&written(vec![more(), data()])), Ok(vec![1, 2]));
        let mut longer = written(vec![data()]);
        longer.push(0);
        for refused in [
            longer,
            written(vec![more()]),
            written(vec![data(), data()]),
            written(vec![("authData", Value::Text("AQI".to_owned()))]),
            Vec::new(),
            vec![0x80],
            vec![0xff; 64],
        ] {
            assert_eq!(authenticator_data(&refused), Err(Disbelief::AttestationObject), "{refused:x?}");
        }
    }
}
