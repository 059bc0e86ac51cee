//! Whom passkeys are made for, from the configuration.

use shinkofa_runtime::{Environment, Settings};
use url::Url;

use crate::domain::webauthn::RelyingParty;

/// The base domain, so that a passkey is good on every host of the installation. Where it may be shown: on the public URL,
/// and on the origins that `PASSKEY_ORIGINS` lists, separated by spaces or commas.
pub fn read(environment: &mut Environment, settings: &Settings) -> RelyingParty {
    let id = settings.base_domain.to_ascii_lowercase();
    let text = environment.optional("PASSKEY_ORIGINS").unwrap_or_default();
    let listed = text.split([' ', ',', '\n']).map(str::trim).filter(|origin| !origin.is_empty());
    let mut origins = vec![settings.public_url.origin().ascii_serialization()];
    for origin in listed {
        if is_origin_of(origin, &id) {
            origins.push(origin.to_owned());
        } else {
            environment.fault(format!(
                "PASSKEY_ORIGINS: {origin:?} is not the https origin of a host of {id}, in its usual spelling"
            ));
        }
    }
    RelyingParty::new(id, origins)
}

/// Browsers show a passkey to its domain and to what lies beneath it, and to encrypted pages alone.
fn is_origin_of(text: &str, id: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let within = url.domain().is_some_and(|host| {
            host == id || host.strip_suffix(id).is_some_and(|below| below.ends_with('.'))
        });
        within && url.scheme() == "https" && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_encrypted_hosts_of_the_domain_in_their_usual_spelling() {
        for origin in ["https://example.org", "https://studio.example.org", "https://a.b.example.org:8443"] {
            assert!(is_origin_of(origin, "example.org"), "{origin}");
        }
        for origin in [
            "http://app.example.org",
            "https://app.example.org/",
            "https://app.example.org:443",
            "https://App.example.org",
            "https://evilexample.org",
            "https://example.org.evil.test",
            "https://evil.test/.example.org",
            "https://user@app.example.org",
            "app.example.org",
            "null",
            "*",
        ] {
            assert!(!is_origin_of(origin, "example.org"), "{origin}");
        }
    }
}
