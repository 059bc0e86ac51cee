//! Whose pages may send the refresh cookie, show passkeys, and be come back to.

use shinkofa_identity::TenantDirectory;
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
            host == domain || is_beneath(host, domain)
        };
        self.0.iter().filter(is_within).cloned().collect()
    }

    /// Is this what a browser says in `Origin` on a page of ours?
    pub fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|ours| ours == origin)
    }
}

fn is_beneath(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|below| below.ends_with('.'))
}

/// The origins of tenants' pages: one for each host that the directory knows as a tenant's. They come and go while the service
/// runs.
#[derive(Clone, Debug, Default)]
pub struct TenantPages {
    directory: TenantDirectory,
    port: Option<u16>,
}

impl TenantPages {
    /// Behind the gateway of `own`, at its port.
    pub fn new(directory: TenantDirectory, own: &Url) -> Self {
        Self { directory, port: own.port() }
    }

    /// The origin of the pages at a host, if it is a tenant's. A host that a request makes up has none.
    pub fn origin_of(&self, host: &str) -> Option<String> {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        self.directory.is_claimed(host).then(|| format!("https://{host}{port}"))
    }

    /// The same of a host beneath the domain. A tenant's own domain is in its owner's hand, and so is what stands on its pages.
    pub fn origin_beneath(&self, domain: &str, host: &str) -> Option<String> {
        self.origin_of(host).filter(|_| is_beneath(host, domain))
    }

    /// Is it the origin of a tenant's pages at a host beneath the domain?
    pub fn has_beneath(&self, domain: &str, origin: &str) -> bool {
        let url = Url::parse(origin).ok();
        let host = url.as_ref().and_then(Url::domain).unwrap_or_default();
        self.origin_beneath(domain, host).is_some_and(|known| known == origin)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shinkofa_kernel::TenantId;

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
    fn the_pages_of_tenants_are_at_the_hosts_that_the_directory_knows() {
        let directory = TenantDirectory::default();
        let pages =
            TenantPages::new(directory.clone(), &Url::parse("https://app.example.org:8443/").unwrap());
        assert_eq!(pages.origin_of("elan.example.org"), None);
        directory
            .replace(["elan.example.org", "elan.example"].map(|host| (host.to_owned(), TenantId::DEFAULT)));
        assert_eq!(pages.origin_of("elan.example.org").as_deref(), Some("https://elan.example.org:8443"));
        assert_eq!(pages.origin_of("elan.example").as_deref(), Some("https://elan.example:8443"));
        assert!(pages.has_beneath("example.org", "https://elan.example.org:8443"));
        for other in [
            "https://elan.example:8443",
            "https://elan.example.org",
            "http://elan.example.org:8443",
            "https://ELAN.example.org:8443",
            "https://elan.example.org:8443/",
            "https://ghost.example.org:8443",
            "https://elan.example.org.evil.test:8443",
            "https://example.org:8443",
            "null",
            "",
        ] {
            assert!(!pages.has_beneath("example.org", other), "{other}");
        }
        assert!(!pages.has_beneath("an.example.org", "https://elan.example.org:8443"));
        let usual = TenantPages::new(directory, &Url::parse("https://app.example.org/").unwrap());
        assert_eq!(usual.origin_of("elan.example.org").as_deref(), Some("https://elan.example.org"));
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

    proptest! {
        #[test]
        fn origins_are_ours_to_the_letter(
            list in prop::collection::vec("https://[a-z]{1,6}\\.[a-z]{2,4}(:[1-9][0-9]{3})?", 0..4),
            place in any::<prop::sample::Index>(),
            other in "[a-z0-9.:/@ *-]|.",
        ) {
            let ours = origins(&list.join(", ")).unwrap();
            for origin in &list {
                prop_assert!(ours.has(origin));
                let place = place.index(origin.len());
                let mut changed = origin.clone();
                changed.replace_range(place..=place, &other);
                let longer = origin.clone() + &other;
                for shown in [changed, origin[..place].to_owned(), longer] {
                    prop_assert_eq!(ours.has(&shown), list.contains(&shown));
                }
            }
        }

        #[test]
        fn whatever_is_listed_is_no_fault_and_no_other_spelling_of_an_origin(
            list in "((https://)?[a-zA-Z0-9.*-]{0,12}(:[0-9]{0,5})?[/?#@]?[ ,]){0,3}|.{0,30}",
        ) {
            if let Ok(ours) = origins(&list) {
                for text in list.split([' ', ',']).filter(|text| !text.is_empty()) {
                    prop_assert!(ours.has(text));
                    prop_assert_eq!(Url::parse(text).unwrap().origin().ascii_serialization(), text);
                }
            }
        }

        #[test]
        fn the_page_of_a_tenant_has_one_spelling(place in any::<prop::sample::Index>(), other in "[a-zA-Z0-9.:/@-]|.") {
            let directory = TenantDirectory::default();
            directory.replace([("elan.example.org".to_owned(), TenantId::DEFAULT)]);
            let pages = TenantPages::new(directory, &Url::parse("https://app.example.org:8443/").unwrap());
            let known = "https://elan.example.org:8443";
            let place = place.index(known.len());
            let mut changed = known.to_owned();
            changed.replace_range(place..=place, &other);
            for shown in [changed, known[..place].to_owned(), format!("{known}{other}")] {
                prop_assert_eq!(pages.has_beneath("example.org", &shown), shown == known);
            }
        }
    }
}
