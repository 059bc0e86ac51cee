//! What the authenticator says (section 6.1): 37 bytes, then a new credential, then extensions.

use super::key::CredentialKey;
use super::{Disbelief, RelyingParty, cbor};
use crate::domain::device::Digest;

/// What was so when the authenticator answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const CREDENTIAL: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

impl Flags {
    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// The authenticator recognised its user, by a PIN or by what they look like.
    pub fn user_verified(self) -> bool {
        self.has(USER_VERIFIED)
    }

    /// The key may leave its device. This never changes for one credential.
    pub fn backup_eligible(self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    pub fn backed_up(self) -> bool {
        self.has(BACKED_UP)
    }
}

#[derive(Debug)]
pub struct AuthenticatorData {
    relying_party: Digest,
    pub flags: Flags,
    /// How often the credential was used, as the authenticator counts; zero where it does not.
    pub counter: u32,
    pub credential: Option<NewCredential>,
}

/// A credential that was just made (section 6.5.1).
#[derive(Debug)]
pub struct NewCredential {
    pub id: Vec<u8>,
    /// As it was written, to be kept.
    pub key: Vec<u8>,
}

/// Longer ids are not made (section 4, credential ID).
const LONGEST_ID: usize = 1023;
const AAGUID: usize = 16;

impl AuthenticatorData {
    pub fn read(bytes: &[u8]) -> Result<Self, Disbelief> {
        let mut rest = bytes;
        let relying_party = *take_array::<32>(&mut rest)?;
        let [flags] = *take_array(&mut rest)?;
        let counter = u32::from_be_bytes(*take_array(&mut rest)?);
        let flags = Flags(flags);
        let credential = if flags.has(CREDENTIAL) { Some(NewCredential::take(&mut rest)?) } else { None };
        if flags.has(EXTENSIONS) {
            let extensions = cbor::take(&mut rest).ok_or(Disbelief::AuthenticatorData)?;
            if !extensions.is_map() {
                return Err(Disbelief::AuthenticatorData);
            }
        }
        if rest.is_empty() {
            Ok(Self { relying_party, flags, counter, credential })
        } else {
            Err(Disbelief::AuthenticatorData)
        }
    }

    /// Is it for us, was somebody there, and does it make sense?
    pub fn check(&self, party: &RelyingParty) -> Result<(), Disbelief> {
        if self.relying_party != party.id_hash() {
            return Err(Disbelief::RelyingParty);
        }
        if !self.flags.has(USER_PRESENT) {
            return Err(Disbelief::UserAbsent);
        }
        if self.flags.backed_up() && !self.flags.backup_eligible() {
            return Err(Disbelief::Backup);
        }
        Ok(())
    }
}

impl NewCredential {
    fn take(rest: &mut &[u8]) -> Result<Self, Disbelief> {
        take_array::<AAGUID>(rest)?;
        let length = usize::from(u16::from_be_bytes(*take_array(rest)?));
        if !(1..=LONGEST_ID).contains(&length) {
            return Err(Disbelief::AuthenticatorData);
        }
        let (id, after) = rest.split_at_checked(length).ok_or(Disbelief::AuthenticatorData)?;
        let mut behind = after;
        CredentialKey::take(&mut behind)?;
        let key = &after[..after.len() - behind.len()];
        *rest = behind;
        Ok(Self { id: id.to_vec(), key: key.to_vec() })
    }
}

fn take_array<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Disbelief> {
    let (taken, behind) = rest.split_first_chunk().ok_or(Disbelief::AuthenticatorData)?;
    *rest = behind;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::webauthn::client_data::sha256;

    fn party() -> RelyingParty {
        RelyingParty::new("example.org".to_owned(), Vec::new())
    }

    fn written(id: &str, flags: u8, more: &[u8]) -> Vec<u8> {
        [&sha256(id.as_bytes())[..], &[flags], &7_u32.to_be_bytes(), more].concat()
    }

    fn read(bytes: &[u8]) -> Result<AuthenticatorData, Disbelief> {
        let data = AuthenticatorData::read(bytes)?;
        data.check(&party())?;
        Ok(data)
    }

    #[test]
    fn it_is_for_us_made_by_somebody_and_makes_sense() {
        let data = read(&written("example.org", USER_PRESENT | USER_VERIFIED, &[])).unwrap();
        assert_eq!((data.counter, data.flags.user_verified()), (7, true));
        let refused = |bytes: &[u8]| read(bytes).map(drop).unwrap_err();
        assert_eq!(refused(&written("evil.test", USER_PRESENT, &[])), Disbelief::RelyingParty);
        assert_eq!(refused(&written("example.org", USER_VERIFIED, &[])), Disbelief::UserAbsent);
        assert_eq!(refused(&written("example.org", USER_PRESENT | BACKED_UP, &[])), Disbelief::Backup);
    }

    #[test]
    fn nothing_is_missing_and_nothing_follows() {
        let whole = written("example.org", USER_PRESENT, &[]);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]).map(drop), Err(Disbelief::AuthenticatorData));
        }
        let refused =
            |flags: u8, more: &[u8]| read(&written("example.org", flags, more)).map(drop).unwrap_err();
        assert_eq!(refused(USER_PRESENT, &[0]), Disbelief::AuthenticatorData);
        assert_eq!(refused(USER_PRESENT | EXTENSIONS, &[]), Disbelief::AuthenticatorData);
        assert_eq!(refused(USER_PRESENT | EXTENSIONS, &[0x80]), Disbelief::AuthenticatorData);
        assert!(read(&written("example.org", USER_PRESENT | EXTENSIONS, &[0xa0])).is_ok());
        let id_of = |length: u16| [&[0; AAGUID][..], &length.to_be_bytes()].concat();
        for length in [0, 1, 1024, u16::MAX] {
            assert_eq!(refused(USER_PRESENT | CREDENTIAL, &id_of(length)), Disbelief::AuthenticatorData);
        }
        // An id, and no key behind it.
        let id_alone = [&id_of(1)[..], &[9]].concat();
        assert_eq!(refused(USER_PRESENT | CREDENTIAL, &id_alone), Disbelief::Key);
    }

    /// The key of a credential, whether or not there is such a point.
    fn es256(point: &[u8; 64]) -> Vec<u8> {
        let (x, y) = point.split_at(32);
        [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, &b"\x22\x58\x20"[..], y].concat()
    }

    /// What an authenticator writes of a credential and of extensions, where `flags` say that there are some.
    fn behind_the_counter(flags: u8, id: &[u8], point: &[u8; 64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if flags & CREDENTIAL != 0 {
            let length = u16::try_from(id.len()).unwrap().to_be_bytes();
            bytes = [&[7_u8; AAGUID][..], &length, id, &es256(point)[..]].concat();
        }
        if flags & EXTENSIONS != 0 {
            bytes.extend_from_slice(b"\xa1\x69credProps\xf5");
        }
        bytes
    }

    #[test]
    fn an_id_has_up_to_1023_bytes() {
        for (length, fits) in [(1, true), (LONGEST_ID, true), (LONGEST_ID + 1, false)] {
            let more = behind_the_counter(CREDENTIAL, &vec![7; length], &[1; 64]);
            assert_eq!(read(&written("example.org", USER_PRESENT | CREDENTIAL, &more)).is_ok(), fits);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_nothing_shorter_or_longer(
            flags in any::<u8>(),
            id in prop::collection::vec(any::<u8>(), 1..64),
            point in any::<[u8; 64]>(),
            cut in any::<prop::sample::Index>(),
            more in prop::collection::vec(any::<u8>(), 1..8),
        ) {
            let whole = written("example.org", flags, &behind_the_counter(flags, &id, &point));
            let data = AuthenticatorData::read(&whole).unwrap();
            prop_assert_eq!((data.flags, data.counter), (Flags(flags), 7));
            let made = data.credential.map(|made| (made.id, made.key));
            prop_assert_eq!(made, (flags & CREDENTIAL != 0).then(|| (id, es256(&point))));
            prop_assert!(AuthenticatorData::read(&whole[..cut.index(whole.len())]).is_err());
            prop_assert!(AuthenticatorData::read(&[whole, more].concat()).is_err());
        }

        #[test]
        fn whatever_stands_behind_the_counter_is_no_fault(
            flags in any::<u8>(),
            more in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let read = AuthenticatorData::read(&written("example.org", flags, &more));
            if let Some(made) = read.ok().and_then(|data| data.credential) {
                prop_assert!((1..=LONGEST_ID).contains(&made.id.len()));
            }
        }
    }
}
