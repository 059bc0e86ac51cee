//! What an operator says about providers.

use std::net::IpAddr;

use shinkofa_runtime::Environment;
use url::{Host, Url};

use super::SIGNED_IN;

/// How we are known to a provider.
#[derive(Clone)]
pub struct ClientSettings {
    pub id: String,
    pub secret: String,
}

impl ClientSettings {
    /// `OAUTH_<NAME>_CLIENT_ID` and `OAUTH_<NAME>_CLIENT_SECRET[_FILE]`: both or neither.
    pub fn read(environment: &mut Environment, name: &str) -> Option<Self> {
        let (id_name, secret_name) =
            (format!("OAUTH_{name}_CLIENT_ID"), format!("OAUTH_{name}_CLIENT_SECRET"));
        match (environment.optional(&id_name), environment.secret(&secret_name)) {
            (Some(id), Some(secret)) => Some(Self { id, secret }),
            (Some(_), None) => {
                environment.fault(format!("{id_name} is set without {secret_name} or {secret_name}_FILE"));
                None
            }
            (None, _) => None,
        }
    }
}

/// The address of a provider's server, ending in a slash. A stand-in's may be set.
pub fn base(environment: &mut Environment, name: &str, default: &str) -> Option<Url> {
    let text = environment.optional(name).unwrap_or_else(|| default.to_owned());
    match Url::parse(&format!("{}/", text.trim_end_matches('/'))) {
        Ok(url) if is_trustworthy(&url) => Some(url),
        _ => {
            environment.fault(format!("{name} is not an https URL"));
            None
        }
    }
}

/// How an OpenID provider calls itself: kept to the letter, because its tokens are compared with it.
pub fn issuer(environment: &mut Environment, name: &str, default: &str) -> Option<String> {
    let text = environment.optional(name).unwrap_or_else(|| default.to_owned());
    base(environment, name, default)?;
    Some(text)
}

/// Where browsers may be sent with a code: `OAUTH_REDIRECT_URIS`, separated by spaces or commas, and the application's own
/// `/signed-in`.
pub fn redirects(environment: &mut Environment, public_url: &Url) -> Vec<String> {
    let text = environment.optional("OAUTH_REDIRECT_URIS").unwrap_or_default();
    let mut allowed: Vec<String> = text
        .split([' ', ',', '\n'])
        .map(str::trim)
        .filter(|uri| !uri.is_empty())
        .map(str::to_owned)
        .collect();
    for uri in &allowed {
        let plain = Url::parse(uri).is_ok_and(|url| {
            is_trustworthy(&url)
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.as_str() == uri
        });
        if !plain {
            environment.fault(format!(
                "OAUTH_REDIRECT_URIS: {uri:?} is not an https URL in its usual spelling without a fragment"
            ));
        }
    }
    if let Ok(own) = public_url.join(SIGNED_IN) {
        allowed.push(own.into());
    }
    allowed
}

/// Encrypted, or within this machine.
pub fn is_trustworthy(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

impl std::fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientSettings({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn public_url() -> Url {
        Url::parse("https://app.example.org").unwrap()
    }

    #[test]
    fn an_id_without_its_secret_is_a_fault_and_no_id_is_no_provider() {
        let mut complete =
            environment(&[("OAUTH_GOOGLE_CLIENT_ID", "a"), ("OAUTH_GOOGLE_CLIENT_SECRET", "b")]);
        assert!(ClientSettings::read(&mut complete, "GOOGLE").is_some());
        assert!(ClientSettings::read(&mut complete, "GITHUB").is_none());
        complete.finish().unwrap();
        let mut half = environment(&[("OAUTH_GOOGLE_CLIENT_ID", "a")]);
        assert!(ClientSettings::read(&mut half, "GOOGLE").is_none());
        assert!(half.finish().unwrap_err().to_string().contains("OAUTH_GOOGLE_CLIENT_SECRET"));
    }

    #[test]
    fn v20_only_plain_redirect_addresses_can_be_configured() {
        let mut good =
            environment(&[("OAUTH_REDIRECT_URIS", "https://a.example.org/in, https://b.example.org/in?x=1")]);
        let allowed = redirects(&mut good, &public_url());
        assert_eq!(
            allowed,
            ["https://a.example.org/in", "https://b.example.org/in?x=1", "https://app.example.org/signed-in"]
        );
        good.finish().unwrap();
        for hostile in [
            "http://example.org/in",
            "https://example.org/in#x",
            "https://user@example.org/in",
            "https:example.org/in",
            "https://example.org/../in",
            "https://EXAMPLE.org/in",
            "javascript:alert(1)",
            "//example.org/in",
        ] {
            let mut bad = environment(&[("OAUTH_REDIRECT_URIS", hostile)]);
            redirects(&mut bad, &public_url());
            assert!(bad.finish().is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_provider_is_spoken_to_encrypted_or_within_the_machine() {
        for (text, trustworthy) in [
            ("https://github.com/", true),
            ("http://127.0.0.1:4000/", true),
            ("http://[::1]:4000/", true),
            ("http://github.com/", false),
            ("http://127.0.0.1.evil.test/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_trustworthy(&Url::parse(text).unwrap()), trustworthy, "{text}");
        }
    }
}
