//! V18: what attempts are counted by. One subscriber is one key, however many addresses they have and whatever they say.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use auth::Auth;
use serde_json::json;
use shinkofa_testing::TestApp;

/// `guest_network`: so many in an hour.
const LIMIT: u16 = 10;

/// Somebody with the limits of production. Counts live in a Redis that all tests share, so each test has networks of its own.
struct Crowd {
    app: TestApp<Auth>,
    number: [u8; 8],
}

impl Crowd {
    async fn new() -> Self {
        let app = TestApp::<Auth>::builder().production_limits().start::<Auth>().await;
        let mut hasher = DefaultHasher::new();
        app.database.name.hash(&mut hasher);
        let number = hasher.finish().to_be_bytes();
        Self { app, number }
    }

    fn v4(&self) -> Ipv4Addr {
        let [a, b, c, ..] = self.number;
        Ipv4Addr::new(10, a, b, c)
    }

    /// A host in a /64 of this test.
    fn v6(&self, subnet: u16, host: u16) -> Ipv6Addr {
        let [a, b, c, d, ..] = self.number;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Ipv6Addr::new(0xfd00, high, low, subnet, host.wrapping_mul(7919), 0, 0, host)
    }

    /// The status of one attempt from this address, as the gateway hands it on, with further headers.
    async fn attempt(&self, from: &str, claims: &[(&str, &str)]) -> u16 {
        let mut call = self.app.post("/api/auth/anonymous").header("x-real-ip", from);
        for (name, value) in claims {
            call = call.header(name, value);
        }
        call.json(&json!({})).send().await.status
    }
}

#[actix_web::test]
async fn v18_a_whole_ipv6_64_is_one_key_and_the_next_is_another() {
    let crowd = Crowd::new().await;
    for host in 0..LIMIT {
        assert_eq!(crowd.attempt(&crowd.v6(1, host).to_string(), &[]).await, 201, "host {host}");
    }
    for host in LIMIT..LIMIT + 5 {
        assert_eq!(crowd.attempt(&crowd.v6(1, host).to_string(), &[]).await, 429, "host {host}");
    }
    assert_eq!(crowd.attempt(&crowd.v6(2, 0).to_string(), &[]).await, 201, "another subscriber");
}

#[actix_web::test]
async fn v18_an_ipv4_address_is_one_key_in_each_of_its_spellings() {
    let crowd = Crowd::new().await;
    let address = crowd.v4();
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let spellings = [
        address.to_string(),
        format!("::ffff:{address}"),
        format!("::ffff:{high:x}:{low:x}"),
        format!("0:0:0:0:0:FFFF:{high:X}:{low:X}"),
    ];
    for number in 0..LIMIT {
        let spelling = &spellings[usize::from(number) % spellings.len()];
        assert_eq!(crowd.attempt(spelling, &[]).await, 201, "{spelling}");
    }
    for spelling in &spellings {
        assert_eq!(crowd.attempt(spelling, &[]).await, 429, "{spelling}");
    }
}

#[actix_web::test]
async fn v18_no_header_of_a_client_changes_the_key() {
    let crowd = Crowd::new().await;
    let address = crowd.v4().to_string();
    let names =
        ["x-forwarded-for", "forwarded", "x-client-ip", "true-client-ip", "cf-connecting-ip", "client-ip"];
    for number in 0..LIMIT + 5 {
        let claimed = format!("203.0.113.{number}");
        let (forwarded, chain) = (format!("for={claimed}"), format!("{claimed}, 127.0.0.1"));
        let claims = names.map(|name| match name {
            "forwarded" => (name, forwarded.as_str()),
            "x-forwarded-for" => (name, chain.as_str()),
            _ => (name, claimed.as_str()),
        });
        let expected = if number < LIMIT { 201 } else { 429 };
        assert_eq!(crowd.attempt(&address, &claims).await, expected, "attempt {number}");
    }
}
