//! What the gateway tells about a request: its id, its host, where it came from.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv6Addr};

use actix_web::dev::Payload;
use actix_web::http::header::HOST;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use shinkofa_kernel::{RequestId, defended};

use crate::{Locale, Problem};

/// Made once per request by [`observe`](crate::observe).
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub request_id: RequestId,
    pub locale: Locale,
    /// The host that the client asked for, without its port, in lower case.
    pub host: String,
    pub client: ClientNetwork,
}

/// Where a client sits: one IPv4 address, or one IPv6 /64, which is what one subscriber gets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(String);

impl ClientNetwork {
    pub fn of(address: IpAddr) -> Self {
        let address = if defended!("V18-mapped") { address.to_canonical() } else { address };
        match address {
            IpAddr::V4(v4) => Self(v4.to_string()),
            IpAddr::V6(v6) if !defended!("V18-network") => Self(v6.to_string()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RequestContext {
    pub(crate) fn of(request: &HttpRequest, clock: &shinkofa_kernel::Clock) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let request_id = header("traceparent")
            .and_then(RequestId::from_traceparent)
            .unwrap_or_else(|| RequestId::new(clock));
        // The gateway overwrites X-Real-IP. The peer itself is the client only where there is no gateway.
        let told_by = if defended!("V18-header") { "x-real-ip" } else { "x-forwarded-for" };
        let address = header(told_by)
            .and_then(|text| text.parse().ok())
            .or_else(|| request.peer_addr().map(|peer| peer.ip()))
            .unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        // Whose studio a letter comes from follows from it: what a proxy is said to have been asked for is not read.
        let asked_for = header("x-forwarded-host").filter(|_| !defended!("V04-header"));
        let host = asked_for.or_else(|| header(HOST.as_str())).unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        Self {
            request_id,
            locale: Locale::from_headers(request.headers()),
            host,
            client: ClientNetwork::of(address),
        }
    }
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(Problem::internal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v18_an_ipv6_subscriber_is_one_network_and_a_mapped_address_is_its_ipv4_self() {
        let network = |text: &str| ClientNetwork::of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:0:ffff::2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn v04_the_host_is_the_one_that_was_asked_whatever_proxies_are_said_to_have_been_asked_for() {
        let clock = shinkofa_kernel::Clock::manual(Default::default());
        for name in ["x-forwarded-host", "forwarded", "x-original-host", "x-host"] {
            let request =
                actix_web::test::TestRequest::default().insert_header(("host", "App.Example.org:8443"));
            let request = request.insert_header((name, "evil.test")).to_http_request();
            assert_eq!(RequestContext::of(&request, &clock).host, "app.example.org", "{name}");
        }
    }

    #[test]
    fn v18_what_a_client_says_of_where_it_sits_is_not_read() {
        let clock = shinkofa_kernel::Clock::manual(Default::default());
        let peer = "198.51.100.7:4711".parse().unwrap();
        let request = || actix_web::test::TestRequest::default().peer_addr(peer);
        let client = |request: actix_web::test::TestRequest| {
            RequestContext::of(&request.to_http_request(), &clock).client.as_str().to_owned()
        };
        let forged = ["x-forwarded-for", "forwarded", "x-client-ip", "true-client-ip", "cf-connecting-ip"];
        for name in forged {
            assert_eq!(client(request().insert_header((name, "203.0.113.9"))), "198.51.100.7", "{name}");
            let through_the_gateway = request().insert_header(("x-real-ip", "192.0.2.1"));
            let told = client(through_the_gateway.insert_header((name, "203.0.113.9")));
            assert_eq!(told, "192.0.2.1", "{name}");
        }
    }
}
