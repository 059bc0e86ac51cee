//! Whose pages may send the refresh cookie.

use url::Url;

/// The origins of our own pages, compared to the letter: no pattern, no suffix, nothing that a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<String>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin: https://host or https://host:port, in lower case and without a path")]
pub struct NotAnOrigin(String);

impl Origins {
    /// That of `own`, and those of a list that spaces or commas separate.
    pub fn new(own: &Url, list: &str) -> Result<Self, NotAnOrigin> {
        let mut origins = vec![own.origin().ascii_serialization()];
        for text in list.split([' ', ',']).filter(|text| !text.is_empty()) {
            let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && !text.contains('*'));
            if url.is_none_or(|url| url.origin().ascii_serialization() != text) {
                return Err(NotAnOrigin(text.to_owned()));
            }
            origins.push(text.to_owned());
        }
        Ok(Self(origins))
    }

    /// Those of a domain and of what lies beneath it: where browsers show the domain's passkeys.
    pub fn beneath(&self, domain: &str) -> Vec<String> {
        let is_within = |origin: &&String| {
            let url = Url::parse(origin).ok();
            let host = url.as_ref().and_then(Url::domain).unwrap_or_default();
            host == domain || host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'))
        };
        self.0.iter().filter(is_within).cloned().collect()
    }

    /// Is this what a browser says in `Origin` on a page of ours?
    pub fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|ours| ours == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(list: &str) -> Result<Origins, NotAnOrigin> {
        Origins::new(&Url::parse("https://app.example.org/").unwrap(), list)
    }

    #[test]
    fn an_origin_is_ours_to_the_letter_or_not_at_all() {
        let ours = origins("https://studio.example.org, https://cloud.example.org:8443").unwrap();
        for origin in
            ["https://app.example.org", "https://studio.example.org", "https://cloud.example.org:8443"]
        {
            assert!(ours.has(origin), "{origin}");
        }
        for other in [
            "null",
            "",
            "http://app.example.org",
            "https://app.example.org:443",
            "https://app.example.org/",
            "https://app.example.org.evil.test",
            "https://evil-app.example.org",
            "https://APP.example.org",
            "https://cloud.example.org",
            "https://example.org",
        ] {
            assert!(!ours.has(other), "{other}");
        }
    }

    #[test]
    fn the_origins_of_a_domain_are_those_of_its_hosts() {
        let list = "https://studio.example.org:8443 https://evilexample.org https://example.org.evil.test";
        let beneath = origins(list).unwrap().beneath("example.org");
        assert_eq!(beneath, ["https://app.example.org", "https://studio.example.org:8443"]);
    }

    #[test]
    fn what_no_browser_would_say_is_refused_at_the_start() {
        for list in [
            "https://studio.example.org/",
            "http://studio.example.org",
            "https://*.example.org",
            "https://studio.example.org:443",
            "studio.example.org",
            "null",
            "https://Studio.example.org",
        ] {
            assert!(origins(list).is_err(), "{list}");
        }
    }
}
