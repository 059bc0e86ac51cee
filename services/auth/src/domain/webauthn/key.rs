//! The public key of a credential (RFC 9052, RFC 9053, RFC 8230), and what it signed.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ciborium::Value;

use super::{Disbelief, cbor};

/// What we ask for, the best first: ES256, EdDSA with Ed25519, RS256.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

// Labels of RFC 9052, section 7.1, and of each kind of key.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const MODULUS: i64 = -1;
const EXPONENT: i64 = -2;

const OCTET_KEY_PAIR: i64 = 1;
const ELLIPTIC_CURVE: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const ED25519_CURVE: i64 = 6;
const COORDINATE: usize = 32;

/// A key that is supported. Whether it lies on its curve is found out when it is used: one that does not verifies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKey {
    /// An uncompressed point.
    Es256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl CredentialKey {
    /// Reads one as it was kept.
    pub fn read(mut cose: &[u8]) -> Result<Self, Disbelief> {
        let key = Self::take(&mut cose)?;
        if cose.is_empty() { Ok(key) } else { Err(Disbelief::Key) }
    }

    /// Reads the one that `bytes` begin with, and leaves what follows it.
    pub fn take(bytes: &mut &[u8]) -> Result<Self, Disbelief> {
        let key = Members::of(cbor::take(bytes).ok_or(Disbelief::Key)?)?;
        match (key.integer(KEY_TYPE)?, key.integer(ALGORITHM)?) {
            (ELLIPTIC_CURVE, ES256) if key.integer(CURVE)? == P256 => {
                let (x, y) = (key.bytes(X)?, key.bytes(Y)?);
                if x.len() != COORDINATE || y.len() != COORDINATE {
                    return Err(Disbelief::Key);
                }
                Ok(Self::Es256([&[4], x, y].concat()))
            }
            (OCTET_KEY_PAIR, EDDSA) if key.integer(CURVE)? == ED25519_CURVE => {
                let x = key.bytes(X)?;
                if x.len() == COORDINATE { Ok(Self::Ed25519(x.to_vec())) } else { Err(Disbelief::Key) }
            }
            (RSA, RS256) => Ok(Self::Rs256 {
                modulus: key.bytes(MODULUS)?.to_vec(),
                exponent: key.bytes(EXPONENT)?.to_vec(),
            }),
            _ => Err(Disbelief::Key),
        }
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Disbelief> {
        let verified =
            match self {
                Self::Es256(point) => {
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
                }
                Self::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
                Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            };
        verified.map_err(|_| Disbelief::Signature)
    }
}

/// The members of a key, each there once.
struct Members(BTreeMap<i64, Value>);

impl Members {
    fn of(value: Value) -> Result<Self, Disbelief> {
        let Value::Map(entries) = value else { return Err(Disbelief::Key) };
        let mut members = BTreeMap::new();
        for (label, value) in entries {
            // A label may be a text; none of ours is.
            let Some(label) = label.as_integer().and_then(|label| i64::try_from(label).ok()) else {
                continue;
            };
            if members.insert(label, value).is_some() {
                return Err(Disbelief::Key);
            }
        }
        Ok(Self(members))
    }

    fn get(&self, label: i64) -> Result<&Value, Disbelief> {
        self.0.get(&label).ok_or(Disbelief::Key)
    }

    fn integer(&self, label: i64) -> Result<i64, Disbelief> {
        let value = self.get(label)?.as_integer().ok_or(Disbelief::Key)?;
        i64::try_from(value).map_err(|_| Disbelief::Key)
    }

    fn bytes(&self, label: i64) -> Result<&[u8], Disbelief> {
        self.get(label)?.as_bytes().map(Vec::as_slice).ok_or(Disbelief::Key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use proptest::prelude::*;

    use super::*;

    fn cose(members: Vec<(i64, Value)>) -> Vec<u8> {
        let map = members.into_iter().map(|(label, value)| (Value::from(label), value)).collect();
        let mut bytes = Vec::new();
        ciborium::into_writer(&Value::Map(map), &mut bytes).unwrap();
        bytes
    }

    fn es256(x: &[u8], y: &[u8]) -> Vec<(i64, Value)> {
        vec![
            (KEY_TYPE, ELLIPTIC_CURVE.into()),
            (ALGORITHM, ES256.into()),
            (CURVE, P256.into()),
            (X, Value::Bytes(x.to_vec())),
            (Y, Value::Bytes(y.to_vec())),
        ]
    }

    fn ed25519(x: &[u8]) -> Vec<(i64, Value)> {
        vec![
            (KEY_TYPE, OCTET_KEY_PAIR.into()),
            (ALGORITHM, EDDSA.into()),
            (CURVE, ED25519_CURVE.into()),
            (X, Value::Bytes(x.to_vec())),
        ]
    }

    fn rs256(modulus: &[u8], exponent: &[u8]) -> Vec<(i64, Value)> {
        vec![
            (KEY_TYPE, RSA.into()),
            (ALGORITHM, RS256.into()),
            (MODULUS, Value::Bytes(modulus.to_vec())),
            (EXPONENT, Value::Bytes(exponent.to_vec())),
        ]
    }

    #[test]
    fn a_key_verifies_what_its_other_half_signed_and_nothing_else() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let key = CredentialKey::read(&cose(es256(&point[1..33], &point[33..]))).unwrap();
        let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
        assert_eq!(key.verify(b"message", signature.as_ref()), Ok(()));
        assert_eq!(key.verify(b"massage", signature.as_ref()), Err(Disbelief::Signature));
        assert_eq!(key.verify(b"message", &signature.as_ref()[1..]), Err(Disbelief::Signature));
        assert_eq!(key.verify(b"message", b""), Err(Disbelief::Signature));

        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
        let key = CredentialKey::read(&cose(ed25519(pair.public_key().as_ref()))).unwrap();
        assert_eq!(key.verify(b"message", pair.sign(b"message").as_ref()), Ok(()));
        assert_eq!(key.verify(b"message", signature.as_ref()), Err(Disbelief::Signature));
    }

    #[test]
    fn an_rsa_key_verifies_what_openssl_signed_with_it() {
        const MODULUS_IN_HEX: &str = "c32192a808a3379020cf7552a6e670823147ddcd63e57b98cf85a5db97ca5381bf59c1a22392aa8a982e4a85b627278f15407d515541227fd95c906356610b76c2fadf930ff93fdd10c2e62c0b166d74d1521ba32851f3c52be0ed72ac85e872b58a1d29ba506021bc60cdd8c5b71fe57b11e404f6b44a85f776bc096dd41dcd195057850f479a16c57c50c75fd1ea0c30f4f5e618b007b7996929f9371ee812f7718a4cff2e4b52869ab4b38b610f40ac84015f00cd20c0b35071741c65e5377e127402ebf9f1ef99821a6d787ba83ef39c2d9740690df63bf29d216eee590b233cd678beab1f4a2e75b72fea6ec50fead44c07878024048040e41fd1c50d83";
        const SIGNATURE: &str = "763b473965918ffd5e2e6e5f028c9aaeb76e2e400f151b1f36f6fa0317553a290add96b8088cbb0dd535f4d8c08238cd5fe31ad5c861468bdda62a7d61c33b70e3e82e451723414f9a2368473b77fd716fc8930e8f93afb8cf41b166fb2eb4c7c4cffa096f6f431cf62d6b64712bcf06d37e11872f075a4c1db11e79b986d8093d124440dc92ac5f41dd49f051cefb21a64a87ef03554ca743b963616c20e07b05dfd8bc0e680a92255c07d76c2a1b506e0baae503e280e350ac821c1784eb8f19fd64c84ead84952fb2abeef56643b74c91aa1bf67fa97f8d4ef29f60ba99c2ed92eb8403443f60dfd294fc2499ecc3eaf3931fc75df42612edce3ce515f03d";
        let key = cose(rs256(&hex::decode(MODULUS_IN_HEX).unwrap(), &[1, 0, 1]));
        let key = CredentialKey::read(&key).unwrap();
        let signature = hex::decode(SIGNATURE).unwrap();
        assert_eq!(key.verify(b"message", &signature), Ok(()));
        assert_eq!(key.verify(b"massage", &signature), Err(Disbelief::Signature));
    }

    #[test]
    fn keys_of_other_kinds_and_broken_ones_are_refused() {
        let (x, y) = ([1; 32], [2; 32]);
        let with = |label: i64, value: Value| {
            let mut members = es256(&x, &y);
            members.retain(|(known, _)| *known != label);
            members.push((label, value));
            CredentialKey::read(&cose(members))
        };
        for (label, value) in [
            (ALGORITHM, Value::from(-35)),
            (ALGORITHM, Value::from(0)),
            (ALGORITHM, Value::Text("ES256".to_owned())),
            (KEY_TYPE, Value::from(RSA)),
            (CURVE, Value::from(2)),
            (X, Value::Bytes(vec![1; 31])),
            (Y, Value::Bool(true)),
        ] {
            assert_eq!(with(label, value.clone()), Err(Disbelief::Key), "{label}: {value:?}");
        }
        let mut twice = es256(&x, &y);
        twice.push((ALGORITHM, ES256.into()));
        assert_eq!(CredentialKey::read(&cose(twice)), Err(Disbelief::Key));
        let mut longer = cose(es256(&x, &y));
        longer.push(0);
        assert_eq!(CredentialKey::read(&longer), Err(Disbelief::Key));
        for broken in [&b""[..], b"\x80", b"\xff", b"\xa1", b"\xbf\xff", b"\x9f\x9f\x9f\x9f"] {
            assert_eq!(CredentialKey::read(broken), Err(Disbelief::Key), "{broken:x?}");
        }
        // It looks like a key, but no point of the curve has these coordinates.
        let nowhere = CredentialKey::read(&cose(es256(&x, &y))).unwrap();
        assert_eq!(nowhere.verify(b"message", &[0x30, 0]), Err(Disbelief::Signature));
    }

    /// Keys of every kind that is supported, most of which nobody has the other half of.
    fn key() -> impl Strategy<Value = CredentialKey> {
        let bytes = |most: usize| prop::collection::vec(any::<u8>(), 0..most);
        prop_oneof![
            any::<[u8; 64]>().prop_map(|point| CredentialKey::Es256([&[4_u8][..], &point[..]].concat())),
            any::<[u8; 32]>().prop_map(|x| CredentialKey::Ed25519(x.to_vec())),
            (bytes(300), bytes(8)).prop_map(|(modulus, exponent)| CredentialKey::Rs256 { modulus, exponent }),
        ]
    }

    fn written(key: &CredentialKey) -> Vec<u8> {
        cose(match key {
            CredentialKey::Es256(point) => es256(&point[1..33], &point[33..]),
            CredentialKey::Ed25519(x) => ed25519(x),
            CredentialKey::Rs256 { modulus, exponent } => rs256(modulus, exponent),
        })
    }

    /// A value that some member of some key has.
    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            prop::sample::select(vec![-257_i64, -8, -7, 1, 2, 3, 6]).prop_map(Value::from),
            any::<[u8; 32]>().prop_map(|bytes| Value::Bytes(bytes.to_vec())),
            any::<bool>().prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_written_and_nothing_shorter_or_longer(
            key in key(),
            cut in any::<prop::sample::Index>(),
            more in prop::collection::vec(any::<u8>(), 1..16),
        ) {
            let whole = written(&key);
            prop_assert!(CredentialKey::read(&whole[..cut.index(whole.len())]).is_err());
            prop_assert_eq!(CredentialKey::read(&whole), Ok(key.clone()));
            let longer = [whole, more.clone()].concat();
            prop_assert!(CredentialKey::read(&longer).is_err());
            let mut rest = longer.as_slice();
            prop_assert_eq!(CredentialKey::take(&mut rest), Ok(key));
            prop_assert_eq!(rest, more.as_slice());
        }

        #[test]
        fn whatever_the_members_are_is_no_fault_and_each_is_there_once(
            members in prop::collection::vec((-4..5_i64, value()), 0..8),
        ) {
            let labels: BTreeSet<i64> = members.iter().map(|(label, _)| *label).collect();
            let is_one_there_twice = labels.len() < members.len();
            let read = CredentialKey::read(&cose(members));
            prop_assert!(read.is_err() || !is_one_there_twice);
        }

        #[test]
        fn no_key_verifies_what_nobody_signed(
            key in key(),
            message in prop::collection::vec(any::<u8>(), 0..64),
            signature in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            prop_assert_eq!(key.verify(&message, &signature), Err(Disbelief::Signature));
        }

        #[test]
        fn no_changed_byte_of_key_message_or_signature_goes_unnoticed(
            seed in any::<[u8; 32]>(),
            message in prop::collection::vec(any::<u8>(), 1..64),
            place in any::<prop::sample::Index>(),
            change in 1..=u8::MAX,
        ) {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            let key = cose(ed25519(pair.public_key().as_ref()));
            let signature = pair.sign(&message).as_ref().to_vec();
            let is_verified = |key: &[u8], message: &[u8], signature: &[u8]| {
                CredentialKey::read(key).is_ok_and(|key| key.verify(message, signature).is_ok())
            };
            let changed = |bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                let place = place.index(bytes.len());
                bytes[place] ^= change;
                bytes
            };
            prop_assert!(is_verified(&key, &message, &signature));
            prop_assert!(!is_verified(&changed(&key), &message, &signature));
            prop_assert!(!is_verified(&key, &changed(&message), &signature));
            prop_assert!(!is_verified(&key, &message, &changed(&signature)));
        }
    }
}
