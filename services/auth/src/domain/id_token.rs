//! What an ID token has to say before anybody believes it (OpenID Connect Core 1.0, section 3.1.3.7).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::provider::{ExternalIdentity, Provider};
use shinkofa_kernel::defended;

/// The claims of a token whose signature was right.
#[derive(Debug, Deserialize)]
pub struct IdTokenClaims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    exp: i64,
    iat: i64,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongIdToken {
    #[error("it comes from another issuer")]
    Issuer,
    #[error("it was made for another client")]
    Audience,
    #[error("it answers another request")]
    Nonce,
    #[error("it is of another time")]
    Time,
    #[error("its subject is none")]
    Subject,
}

/// Clocks of two machines may differ by this much.
const LEEWAY_SECONDS: i64 = 30;
/// An answer to a request of ours was made minutes ago.
const OLDEST_SECONDS: i64 = 600;

impl IdTokenClaims {
    pub fn check(self, expected: &Expected<'_>) -> Result<ExternalIdentity, WrongIdToken> {
        if self.iss != expected.issuer && defended!("V08-issuer") {
            return Err(WrongIdToken::Issuer);
        }
        if !self.is_for(expected.client_id) && defended!("V08-audience") {
            return Err(WrongIdToken::Audience);
        }
        if self.nonce.as_deref() != Some(expected.nonce) && defended!("V08-nonce") {
            return Err(WrongIdToken::Nonce);
        }
        let now = expected.now.timestamp();
        let young = (now - OLDEST_SECONDS..=now + LEEWAY_SECONDS).contains(&self.iat);
        if !young || self.exp <= now - LEEWAY_SECONDS || self.exp <= self.iat {
            return Err(WrongIdToken::Time);
        }
        if !ExternalIdentity::is_subject(&self.sub) {
            return Err(WrongIdToken::Subject);
        }
        Ok(ExternalIdentity {
            provider: Provider::Google,
            issuer: self.iss,
            subject: self.sub,
            email: self.email,
            email_verified: self.email_verified == Some(true),
            name: self.name,
        })
    }

    /// For this client, and authorized for it alone.
    fn is_for(&self, client: &str) -> bool {
        let (named, others) = match &self.aud {
            Audience::One(one) => (one == client, false),
            Audience::Many(many) => (many.iter().any(|aud| aud == client), many.len() > 1),
        };
        let authorized = match &self.azp {
            Some(azp) => azp == client,
            None => !others,
        };
        named && authorized
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn check(changes: &[(&str, Value)]) -> Result<ExternalIdentity, WrongIdToken> {
        let mut claims = json!({
            "iss": "https://issuer.test", "sub": "110", "aud": "client", "nonce": "n", "exp": NOW + 3600, "iat": NOW,
            "email": "anna@example.org", "email_verified": true,
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        let claims: IdTokenClaims = serde_json::from_value(claims).unwrap();
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        claims.check(&Expected { issuer: "https://issuer.test", client_id: "client", nonce: "n", now })
    }

    #[test]
    fn a_token_that_answers_the_request_is_believed() {
        assert!(check(&[]).unwrap().email_verified);
        assert!(check(&[("aud", json!(["client"]))]).is_ok());
        assert!(check(&[("aud", json!(["client", "other"])), ("azp", json!("client"))]).is_ok());
        assert!(!check(&[("email_verified", Value::Null)]).unwrap().email_verified);
    }

    #[test]
    fn v08_a_token_of_another_issuer_client_request_or_time_is_not() {
        use WrongIdToken::{Audience, Issuer, Nonce, Subject, Time};
        for (name, value, wrong) in [
            ("iss", json!("https://evil.test"), Issuer),
            ("iss", json!("https://issuer.test/"), Issuer),
            ("aud", json!("other"), Audience),
            ("aud", json!([]), Audience),
            ("aud", json!(["client", "other"]), Audience),
            ("azp", json!("other"), Audience),
            ("nonce", json!("m"), Nonce),
            ("nonce", Value::Null, Nonce),
            ("exp", json!(NOW - 31), Time),
            ("iat", json!(NOW + 31), Time),
            ("iat", json!(NOW - 601), Time),
            ("sub", json!(""), Subject),
            ("sub", json!("a b"), Subject),
            ("sub", json!("x".repeat(256)), Subject),
        ] {
            assert_eq!(check(&[(name, value.clone())]), Err(wrong), "{name} {value}");
        }
    }

    /// Times about now, and any others.
    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![NOW - 700..NOW + 100, any::<i64>(), prop::sample::select(vec![i64::MIN, 0, i64::MAX])]
    }

    proptest! {
        #[test]
        fn whatever_the_times_are_is_no_fault_and_only_those_about_now_are_good(iat in time(), exp in time()) {
            let is_good = (NOW - 600..=NOW + 30).contains(&iat) && exp > NOW - 30 && exp > iat;
            prop_assert_eq!(check(&[("iat", json!(iat)), ("exp", json!(exp))]).is_ok(), is_good);
        }

        #[test]
        fn a_claim_that_says_anything_else_is_not_believed(
            claim in prop::sample::select(vec!["iss", "aud", "azp", "nonce"]),
            said in "(https://issuer\\.test|client|n)?.{0,12}",
        ) {
            let right = ["https://issuer.test", "client", "client", "n"];
            let at = ["iss", "aud", "azp", "nonce"].iter().position(|name| *name == claim);
            let is_right = at.is_some_and(|at| right[at] == said);
            prop_assert_eq!(check(&[(claim, json!(said))]).is_ok(), is_right);
        }

        #[test]
        fn a_subject_is_up_to_255_visible_characters_to_the_letter(sub in "[!-~]{0,300}|.{0,20}") {
            let fits = (1..=255).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_graphic());
            let subject = check(&[("sub", json!(sub))]).ok().map(|identity| identity.subject);
            prop_assert_eq!(subject, fits.then_some(sub));
        }
    }
}
