//! The two ceremonies: making a credential (section 7.1) and showing one (section 7.2). Challenge, account and counter are
//! the caller's part, who has a database.

use ciborium::Value;

use super::authenticator_data::{AuthenticatorData, Flags};
use super::client_data::{Ceremony, ClientData, RelyingParty, sha256};
use super::{CredentialKey, Disbelief};

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
    let value: Value = ciborium::from_reader(&mut object).map_err(|_| Disbelief::AttestationObject)?;
    let Value::Map(members) = value else { return Err(Disbelief::AttestationObject) };
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever somebody sends is refused, in bounded time and without a fault.
        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(AuthenticatorData::read(&bytes).is_err() || bytes.len() >= 37);
            prop_assert!(authenticator_data(&bytes).is_err());
            prop_assert!(CredentialKey::read(&bytes).is_err());
            prop_assert!(ClientData::read(&bytes).is_err());
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
