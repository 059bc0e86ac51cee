//! What a banned person is known by when they come again.

use shinkofa_kernel::{UserId, text_enum};

use crate::domain::device::{DeviceBinding, Surroundings, digest_of};

text_enum! {
    /// What a ban knows somebody by.
    MarkKind {
        /// The account itself, on whatever device.
        Account => "account",
        Device => "device",
        /// A whole network, for who changes devices.
        Network => "network",
        /// A network and a program together.
        Surroundings => "surroundings",
    }
}

/// One thing that somebody is known by. What is kept of it is a keyed digest alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub kind: MarkKind,
    digest: Vec<u8>,
}

impl Mark {
    pub fn account(user: UserId) -> Self {
        Self { kind: MarkKind::Account, digest: user.as_uuid().as_bytes().to_vec() }
    }

    pub fn device(digest: &[u8]) -> Self {
        Self { kind: MarkKind::Device, digest: digest.to_vec() }
    }

    pub fn network(network: &str) -> Self {
        Self { kind: MarkKind::Network, digest: digest_of(&["network", network]).to_vec() }
    }

    pub fn surroundings(digest: &[u8]) -> Self {
        Self { kind: MarkKind::Surroundings, digest: digest.to_vec() }
    }

    /// What the keyed digest is made of: a device's is never taken for a network's.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.kind.as_str().as_bytes(), b":", self.digest.as_slice()].concat()
    }
}

/// What a request shows of whoever sends it, before it is known who that is.
pub fn shown(binding: &DeviceBinding, surroundings: &Surroundings) -> Vec<Mark> {
    let mut marks = vec![Mark::network(surroundings.network()), Mark::surroundings(&surroundings.digest())];
    marks.extend(binding.device.map(|device| Mark::device(&device)));
    marks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shinkofa_kernel::macros::uuid::Uuid;
    use shinkofa_web::ClientNetwork;

    use super::*;
    use crate::domain::device::DeviceId;

    #[test]
    fn marks_of_different_kinds_are_never_alike() {
        let digest = [7; 32];
        let (device, surroundings) = (Mark::device(&digest), Mark::surroundings(&digest));
        assert_ne!(device.to_bytes(), surroundings.to_bytes());
        assert_ne!(Mark::network("192.0.2.1").to_bytes(), Mark::network("192.0.2.2").to_bytes());
    }

    #[test]
    fn a_request_shows_its_network_its_surroundings_and_the_device_that_it_names() {
        let surroundings = Surroundings::new(ClientNetwork::of([192, 0, 2, 1].into()), Some("app"));
        let device = DeviceId::try_from("phone".to_owned()).unwrap();
        let kinds = |device: Option<&DeviceId>| -> Vec<MarkKind> {
            let binding = DeviceBinding::new(device, &surroundings);
            shown(&binding, &surroundings).iter().map(|mark| mark.kind).collect()
        };
        assert_eq!(kinds(None), [MarkKind::Network, MarkKind::Surroundings]);
        assert_eq!(kinds(Some(&device)), [MarkKind::Network, MarkKind::Surroundings, MarkKind::Device]);
    }

    fn mark() -> impl Strategy<Value = Mark> {
        let bytes = || prop::collection::vec(prop::sample::select(b":ad".to_vec()), 0..4);
        prop_oneof![
            (0..4_u128).prop_map(|n| Mark::account(UserId::from_uuid(Uuid::from_u128(n)))),
            bytes().prop_map(|digest| Mark::device(&digest)),
            "[0-2]\\.[0-2]".prop_map(|network| Mark::network(&network)),
            bytes().prop_map(|digest| Mark::surroundings(&digest)),
        ]
    }

    proptest! {
        #[test]
        fn no_two_marks_are_kept_alike(one in mark(), other in mark()) {
            prop_assert_eq!(one.to_bytes() == other.to_bytes(), one == other);
        }
    }
}
