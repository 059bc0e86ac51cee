//! An address to send to, as somebody wrote it.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::address::is_public;

/// A URL that may be sent to as far as its text tells: encrypted, on a port for that, with a name that can be anybody's or a public
/// address, and nothing in it that browsers and servers read differently. What its name means is asked at each sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATarget {
    #[error("must be a URL of at most 1000 characters")]
    Form,
    #[error("must begin with https://")]
    Scheme,
    #[error("must have no user, password or fragment")]
    Extra,
    #[error("must be on port 443 or 8443")]
    Port,
    #[error("must name a public host")]
    Host,
}

const LONGEST: usize = 1_000;
const PORTS: [u16; 2] = [443, 8443];

/// Names that never are public ones (RFC 6761, RFC 6762, RFC 8375, RFC 9476), and what networks call their inside.
const PRIVATE_NAMES: [&str; 10] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "alt",
    "onion",
];

impl Target {
    pub(super) fn parse(text: &str, exempt: &[SocketAddr]) -> Result<Self, NotATarget> {
        // A parser of URLs would silently leave these out, or read them as something else.
        let plain =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'<' | b'>' | b'"'));
        if text.len() > LONGEST || !plain {
            return Err(NotATarget::Form);
        }
        // What is sent to and kept is the URL as it is printed, which may be longer.
        let url =
            Url::parse(text).ok().filter(|url| url.as_str().len() <= LONGEST).ok_or(NotATarget::Form)?;
        let (scheme, rest) = text.split_once("://").ok_or(NotATarget::Scheme)?;
        if !scheme.eq_ignore_ascii_case(url.scheme()) || !matches!(url.scheme(), "https" | "http") {
            return Err(NotATarget::Scheme);
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.fragment().is_some()
            || text.contains('@')
        {
            return Err(NotATarget::Extra);
        }
        let port = url.port_or_known_default().ok_or(NotATarget::Port)?;
        // Behind more slashes, escaped or as a number, some programs would find another host or none.
        let host = url.host_str().ok_or(NotATarget::Host)?;
        if !rest.get(..host.len()).is_some_and(|written| written.eq_ignore_ascii_case(host)) {
            return Err(NotATarget::Host);
        }
        let literal = match url.host().ok_or(NotATarget::Host)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(name) => {
                is_public_name(name).then_some(()).ok_or(NotATarget::Host)?;
                None
            }
        };
        if literal.is_some_and(|address| exempt.contains(&SocketAddr::new(address, port))) {
            return Ok(Self(url));
        }
        if url.scheme() != "https" {
            return Err(NotATarget::Scheme);
        }
        if literal.is_some_and(|address| !is_public(address)) {
            return Err(NotATarget::Host);
        }
        if PORTS.contains(&port) { Ok(Self(url)) } else { Err(NotATarget::Port) }
    }

    /// Whatever it is: for tests of what comes after the text was judged.
    #[cfg(test)]
    pub(super) fn parse_for_test(text: &str) -> Self {
        Self(Url::parse(text).expect("a URL"))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Has it a dot, and no ending that means the inside of some network? One dot at the end is as good as none.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_private = |ending: &str| name == ending || name.ends_with(&format!(".{ending}"));
    let is_whole = name.contains('.') && name.split('.').all(|label| !label.is_empty());
    is_whole && !PRIVATE_NAMES.iter().any(|ending| is_private(ending))
}
