//! On what, and from where, somebody signs in: kept as digests, compared and never shown.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use shinkofa_web::ClientNetwork;

use crate::domain::session::SessionMode;

pub type Digest = [u8; 32];

/// What a client calls its device: made once by the client, at random, and kept there. Knowing it is what makes a device
/// a known one, so it has to be hard to guess.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DeviceId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 visible ASCII characters")]
pub struct NotADeviceId;

const LONGEST: usize = 200;

impl TryFrom<String> for DeviceId {
    type Error = NotADeviceId;

    fn try_from(text: String) -> Result<Self, NotADeviceId> {
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(NotADeviceId) }
    }
}

/// Of what auth calls a browser: 32 random bytes as base64url.
const DRAWN: usize = 43;

impl DeviceId {
    /// What auth calls a browser that it knows nothing of yet.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Could auth have drawn it? Nothing that is easy to guess is taken for a browser's.
    pub fn looks_drawn(&self) -> bool {
        self.0.len() == DRAWN && URL_SAFE_NO_PAD.decode(&self.0).is_ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> Digest {
        digest_of(&["device", &self.0])
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceId(..)")
    }
}

/// Where a request comes from and with which program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    network: ClientNetwork,
    user_agent: Option<String>,
    /// In cookie mode: what auth calls this browser, in a cookie of its own.
    browser: Option<DeviceId>,
}

const LONGEST_USER_AGENT: usize = 256;

impl Surroundings {
    pub fn new(network: ClientNetwork, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent
            .map(|text| text.chars().filter(|c| !c.is_control()).take(LONGEST_USER_AGENT).collect());
        Self { network, user_agent, browser: None }
    }

    /// The same in cookie mode.
    #[must_use]
    pub fn in_browser(self, browser: DeviceId) -> Self {
        Self { browser: Some(browser), ..self }
    }

    pub fn browser(&self) -> Option<&DeviceId> {
        self.browser.as_ref()
    }

    pub fn mode(&self) -> SessionMode {
        if self.browser.is_some() { SessionMode::Cookie } else { SessionMode::Bearer }
    }

    /// The device: in cookie mode the browser, whatever a page of it calls itself; else the one that was named.
    pub fn device<'a>(&'a self, named: Option<&'a DeviceId>) -> Option<&'a DeviceId> {
        self.browser.as_ref().or(named)
    }

    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    pub fn network(&self) -> &str {
        self.network.as_str()
    }

    /// The network without the part that points at one household: /24 of an IPv4 address, /64 of an IPv6 one.
    pub fn ip_prefix(&self) -> String {
        let text = self.network.as_str();
        match text.rsplit_once('.') {
            Some((prefix, _)) => format!("{prefix}.0/24"),
            None => text.to_owned(),
        }
    }

    pub fn digest(&self) -> Digest {
        digest_of(&["surroundings", self.network.as_str(), self.user_agent().unwrap_or_default()])
    }
}

/// The device a session is bound to, or a request shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceBinding {
    pub device: Option<Digest>,
    pub surroundings: Digest,
}

impl DeviceBinding {
    pub fn new(device: Option<&DeviceId>, surroundings: &Surroundings) -> Self {
        let device = surroundings.device(device).map(DeviceId::digest);
        Self { device, surroundings: surroundings.digest() }
    }

    /// The same where a digest is all that is known of the device by now.
    pub fn of_known(device: Option<Digest>, surroundings: &Surroundings) -> Self {
        let device = surroundings.browser().map(DeviceId::digest).or(device);
        Self { device, surroundings: surroundings.digest() }
    }

    /// Is `shown` the same device? Two named devices are compared by name. A client that names none is known by its network
    /// and program alone.
    pub fn is(&self, shown: &Self) -> bool {
        match (self.device, shown.device) {
            (Some(bound), Some(shown)) => bound == shown,
            _ => self.surroundings == shown.surroundings,
        }
    }
}

/// A digest that was written in hex.
pub fn digest_from_hex(text: &str) -> Option<Digest> {
    let mut bytes = Digest::default();
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// SHA-256 over parts that cannot run into one another.
pub fn digest_of(parts: &[&str]) -> Digest {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    digest_of_bytes(&parts)
}

/// The same over bytes.
pub fn digest_of_bytes(parts: &[&[u8]]) -> Digest {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest(&SHA256, &text).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn at(address: &str, user_agent: &str) -> Surroundings {
        Surroundings::new(ClientNetwork::of(address.parse().unwrap()), Some(user_agent))
    }

    fn device(text: &str) -> DeviceId {
        DeviceId::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_named_device_is_itself_wherever_it_goes_and_nobody_else_is() {
        let bound = DeviceBinding::new(Some(&device("phone")), &at("192.0.2.1", "app"));
        assert!(bound.is(&DeviceBinding::new(Some(&device("phone")), &at("198.51.100.7", "app"))));
        assert!(!bound.is(&DeviceBinding::new(Some(&device("laptop")), &at("192.0.2.1", "app"))));
    }

    #[test]
    fn a_client_that_names_no_device_is_known_by_network_and_program() {
        let bound = DeviceBinding::new(None, &at("192.0.2.1", "app"));
        assert!(bound.is(&DeviceBinding::new(None, &at("192.0.2.1", "app"))));
        assert!(!bound.is(&DeviceBinding::new(None, &at("192.0.2.2", "app"))));
        assert!(!bound.is(&DeviceBinding::new(None, &at("192.0.2.1", "other"))));
    }

    #[test]
    fn in_cookie_mode_the_device_is_the_browser_whatever_a_page_calls_itself() {
        let browser = DeviceId::from_random([7; 32]);
        let here = at("192.0.2.1", "app").in_browser(browser.clone());
        assert!(browser.looks_drawn() && !device("phone").looks_drawn());
        let bound = DeviceBinding::new(Some(&device("phone")), &here);
        assert_eq!(bound.device, Some(browser.digest()));
        assert_eq!(DeviceBinding::of_known(Some(device("phone").digest()), &here), bound);
        assert_eq!((here.mode(), at("192.0.2.1", "app").mode()), (SessionMode::Cookie, SessionMode::Bearer));
    }

    #[test]
    fn what_is_kept_of_an_address_does_not_point_at_one_household() {
        assert_eq!(at("192.0.2.77", "app").ip_prefix(), "192.0.2.0/24");
        assert_eq!(at("2001:db8::5", "app").ip_prefix(), "2001:db8::/64");
    }

    #[test]
    fn digests_keep_their_parts_apart() {
        assert_ne!(digest_of(&["ab", "c"]), digest_of(&["a", "bc"]));
    }

    proptest! {
        #[test]
        fn a_prefix_is_the_same_for_everybody_of_a_network_and_names_it(
            v4 in any::<[u8; 3]>(),
            v6 in 1..=u64::MAX,
            hosts in any::<[u64; 2]>(),
        ) {
            let [a, b, c] = v4;
            for host in hosts {
                let [host_of_v4, ..] = host.to_be_bytes();
                let there = at(&Ipv4Addr::new(a, b, c, host_of_v4).to_string(), "app");
                prop_assert_eq!(there.ip_prefix(), format!("{a}.{b}.{c}.0/24"));
                let (network, host) = (u128::from(v6) << 64, u128::from(host));
                let there = at(&Ipv6Addr::from(network | host).to_string(), "app");
                prop_assert_eq!(there.ip_prefix(), format!("{}/64", Ipv6Addr::from(network)));
            }
        }

        #[test]
        fn what_a_client_calls_its_device_is_kept_to_the_letter(text in "[!-~]{0,210}|(?s).{0,40}") {
            let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            let kept = DeviceId::try_from(text.clone()).ok().map(|device| device.0);
            prop_assert_eq!(kept, fits.then_some(text));
        }

        #[test]
        fn what_looks_drawn_could_have_been_drawn(bytes in any::<[u8; 32]>(), text in "[A-Za-z0-9_-]{42,44}") {
            let drawn = DeviceId::from_random(bytes);
            prop_assert!(drawn.looks_drawn());
            prop_assert_eq!(DeviceId::try_from(drawn.as_str().to_owned()), Ok(drawn));
            let device = device(&text);
            if device.looks_drawn() {
                let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(&text).unwrap().try_into().unwrap();
                prop_assert_eq!(DeviceId::from_random(bytes), device);
            }
        }

        #[test]
        fn of_a_user_agent_little_is_kept_and_nothing_that_controls(text in "(?s).{0,300}") {
            let once = at("192.0.2.1", &text);
            let kept = once.user_agent().unwrap();
            prop_assert!(kept.chars().count() <= LONGEST_USER_AGENT && !kept.contains(char::is_control));
            prop_assert_eq!(at("192.0.2.1", kept), once.clone());
        }

        #[test]
        fn no_two_lists_of_parts_have_one_digest(
            one in prop::collection::vec("[ab]{0,2}", 0..4),
            other in prop::collection::vec("[ab]{0,2}", 0..4),
        ) {
            let digest = |parts: &[String]| digest_of(&parts.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(digest(&one) == digest(&other), one == other);
        }

        #[test]
        fn a_digest_is_read_of_64_digits_alone(bytes in any::<Digest>(), text in "[0-9a-fA-F]{60,66}|.{0,70}") {
            prop_assert_eq!(digest_from_hex(&hex::encode(bytes)), Some(bytes));
            if let Some(digest) = digest_from_hex(&text) {
                prop_assert_eq!(hex::encode(digest), text.to_ascii_lowercase());
            }
        }
    }
}
