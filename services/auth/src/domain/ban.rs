//! What a banned person is known by when they come again.

use crate::domain::device::{DeviceBinding, Surroundings, digest_of};

/// What is compared: each is kept as a keyed digest alone.
pub fn marks(binding: &DeviceBinding, surroundings: &Surroundings) -> Vec<Vec<u8>> {
    let mut marks = vec![
        mark("network", &digest_of(&["network", surroundings.network()])),
        mark("surroundings", &surroundings.digest()),
    ];
    marks.extend(binding.device.map(|device| mark("device", &device)));
    marks
}

/// One mark: a device's digest is never taken for a network's.
pub fn mark(kind: &str, digest: &[u8]) -> Vec<u8> {
    [kind.as_bytes(), b":", digest].concat()
}

/// The mark of a whole network, for who changes devices.
pub fn network_mark(network: &str) -> Vec<u8> {
    mark("network", &digest_of(&["network", network]))
}
