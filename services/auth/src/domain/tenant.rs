//! What a tenant is called, and where it is found.

use serde::Deserialize;
use shinkofa_kernel::Role;

use crate::domain::person_name::{NotAName, PersonName};

/// So many open studios may have one person among their admins before that person makes another.
pub const MOST_STUDIOS: usize = 10;
/// And so many, the closed ones among them: nothing of those is erased.
pub const MOST_STUDIOS_EVER: usize = 30;
/// So many roles may a tenant make itself.
pub const MOST_CUSTOM_ROLES: usize = 50;
/// So many roles may one member have.
pub const MOST_ROLES_OF_ONE: usize = 10;

/// 1 to 100 characters in any script. It stands in letters, so it carries no link and no markup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantName(String);

impl TryFrom<String> for TenantName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        PersonName::try_from(text).map(|name| Self(name.into_text()))
    }
}

impl TenantName {
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A tenant's name in addresses: 3 to 40 small letters, digits and single hyphens, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantSlug(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASlug {
    #[error(
        "must have 3 to 40 small letters, digits and single hyphens, with a letter first and no hyphen last"
    )]
    Form,
    #[error("is kept for the platform itself")]
    Reserved,
}

/// Hosts of the platform, or names that people would take for it.
const RESERVED: [&str; 29] = [
    "about", "account", "accounts", "admin", "api", "app", "assets", "auth", "billing", "cdn", "cloud",
    "default", "docs", "help", "live", "login", "mail", "media", "news", "pay", "private", "public",
    "security", "shinkofa", "static", "status", "studio", "support", "www",
];

impl TryFrom<String> for TenantSlug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, NotASlug> {
        if !is_slug(&text) {
            return Err(NotASlug::Form);
        }
        if RESERVED.contains(&text.as_str()) { Err(NotASlug::Reserved) } else { Ok(Self(text)) }
    }
}

impl TenantSlug {
    pub fn into_text(self) -> String {
        self.0
    }
}

fn is_slug(text: &str) -> bool {
    let letter_first = text.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    (3..=40).contains(&text.len()) && letter_first && plain && !text.ends_with('-') && !text.contains("--")
}

/// The slug of a tenant that is to be there: the platform's own among them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct GivenSlug(String);

impl TryFrom<String> for GivenSlug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, NotASlug> {
        if is_slug(&text) { Ok(Self(text)) } else { Err(NotASlug::Form) }
    }
}

impl GivenSlug {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A host of a tenant's own, in small letters: at least two labels, the last one of letters, as public names are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantDomain(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name like studio.example.org, without scheme, port or path")]
pub struct NotADomain;

const LONGEST_DOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;
/// Top-level names that no public host has (RFC 2606, RFC 6762, RFC 8375).
const NOT_PUBLIC: [&str; 7] = ["arpa", "internal", "invalid", "local", "localhost", "onion", "test"];

impl TryFrom<String> for TenantDomain {
    type Error = NotADomain;

    fn try_from(text: String) -> Result<Self, NotADomain> {
        let domain = text.trim().to_ascii_lowercase();
        let label = |label: &str| {
            (1..=LONGEST_LABEL).contains(&label.len())
                && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let (_, last) = domain.rsplit_once('.').ok_or(NotADomain)?;
        let is_public =
            last.starts_with("xn--") || last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_lowercase());
        let fits = domain.len() <= LONGEST_DOMAIN && domain.split('.').all(label);
        if fits && is_public && !NOT_PUBLIC.contains(&last) { Ok(Self(domain)) } else { Err(NotADomain) }
    }
}

impl TenantDomain {
    pub fn into_text(self) -> String {
        self.0
    }

    /// Is it the platform's domain, or a host beneath it?
    pub fn is_of_platform(&self, base_domain: &str) -> bool {
        self.0 == base_domain || self.0.ends_with(&format!(".{base_domain}"))
    }
}

/// The name of a role that a tenant makes itself: 2 to 40 small letters, digits and single hyphens, a letter first, and none
/// of the system's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CustomRoleName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 2 to 40 small letters, digits and single hyphens, with a letter first and no hyphen last, and be none of the system's roles"
)]
pub struct NotARoleName;

impl TryFrom<String> for CustomRoleName {
    type Error = NotARoleName;

    fn try_from(text: String) -> Result<Self, NotARoleName> {
        let letter_first = text.starts_with(|c: char| c.is_ascii_lowercase());
        let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let fits = (2..=40).contains(&text.len()) && !text.ends_with('-') && !text.contains("--");
        if letter_first && plain && fits && text.parse::<Role>().is_err() {
            Ok(Self(text))
        } else {
            Err(NotARoleName)
        }
    }
}

impl CustomRoleName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The roles that somebody is to have: 1 to 10 names, each once. Whether there are such roles, the tenant knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct RoleNames(Vec<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 10 names of roles, each once")]
pub struct NotRoleNames;

impl TryFrom<Vec<String>> for RoleNames {
    type Error = NotRoleNames;

    fn try_from(mut names: Vec<String>) -> Result<Self, NotRoleNames> {
        let given = names.len();
        names.sort_unstable();
        names.dedup();
        let plain = |name: &String| (1..=40).contains(&name.len()) && !name.contains('\0');
        let fits =
            (1..=MOST_ROLES_OF_ONE).contains(&given) && names.len() == given && names.iter().all(plain);
        if fits { Ok(Self(names)) } else { Err(NotRoleNames) }
    }
}

impl RoleNames {
    /// In the order of the alphabet.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A studio of that name would be asked for what is the platform's, or could not be reached.
    #[test]
    fn no_host_of_the_platform_is_a_studios_name() {
        let manifest = include_str!("../../../../deploy/services.toml");
        let of_routes = manifest.split("host = \"").skip(1).filter_map(|rest| rest.split('"').next());
        let pages = manifest.lines().find_map(|line| line.strip_prefix("page_hosts = ")).unwrap();
        let of_pages = pages.split('"').skip(1).step_by(2);
        for host in of_routes.chain(of_pages) {
            assert!(RESERVED.contains(&host), "{host}");
        }
    }

    #[test]
    fn a_slug_is_a_short_plain_name_that_is_not_the_platforms() {
        for slug in ["elan", "a-1", "studio-21"] {
            assert!(TenantSlug::try_from(slug.to_owned()).is_ok(), "{slug}");
        }
        for refused in
            ["ab", "Elan", "1a2", "-abc", "abc-", "a--b", "a_b", "é-lan", &"a".repeat(41), "a.b", ""]
        {
            assert_eq!(TenantSlug::try_from(refused.to_owned()), Err(NotASlug::Form), "{refused:?}");
        }
        assert_eq!(TenantSlug::try_from("www".to_owned()), Err(NotASlug::Reserved));
        // Nobody makes the platform's own, and anybody may mean it.
        assert_eq!(GivenSlug::try_from("default".to_owned()).unwrap().as_str(), "default");
        assert_eq!(GivenSlug::try_from("Elan".to_owned()), Err(NotASlug::Form));
    }

    #[test]
    fn a_domain_is_a_public_host_name_in_small_letters() {
        let domain = |text: &str| TenantDomain::try_from(text.to_owned());
        assert_eq!(domain(" Studio.Example.ORG ").unwrap().into_text(), "studio.example.org");
        assert!(domain("xn--lan-9la.example").is_ok() && domain("a.xn--p1ai").is_ok());
        for refused in [
            "",
            "localhost",
            "example",
            "192.0.2.1",
            "[::1]",
            "a.localhost",
            "a..b.org",
            ".example.org",
            "example.org.",
            "https://example.org",
            "example.org/x",
            "example.org:443",
            "a_b.org",
            "-a.org",
            "a-.org",
            "é.org",
            "a.org\u{0}",
            "a b.org",
            "a.o",
            "a@b.org",
            "*.example.org",
            "a.org%00",
        ] {
            assert!(domain(refused).is_err(), "{refused:?}");
        }
        assert!(domain(&format!("{}.org", "a".repeat(64))).is_err() && domain(&"a.".repeat(127)).is_err());
    }

    #[test]
    fn a_host_beneath_the_platforms_own_is_nobodys_domain() {
        let domain = |text: &str| TenantDomain::try_from(text.to_owned()).unwrap();
        assert!(domain("app.shinkofa.example").is_of_platform("shinkofa.example"));
        assert!(domain("shinkofa.example").is_of_platform("shinkofa.example"));
        assert!(!domain("notshinkofa.example").is_of_platform("shinkofa.example"));
    }

    #[test]
    fn a_tenants_own_role_cannot_pass_for_one_of_the_systems() {
        assert!(CustomRoleName::try_from("front-desk".to_owned()).is_ok());
        for refused in ["admin", "member", "Admin", "a", "front desk", "front--desk", "desk-", "2nd", "dé"] {
            assert!(CustomRoleName::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn roles_are_named_once_each_and_not_too_many() {
        let names = |names: &[&str]| {
            RoleNames::try_from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names(&["member", "coach"]).unwrap().as_slice(), ["coach", "member"]);
        assert!(names(&[]).is_err() && names(&["coach", "coach"]).is_err() && names(&[""]).is_err());
        assert!(names(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]).is_err());
    }

    proptest! {
        #[test]
        fn a_slug_or_role_that_is_taken_is_a_plain_label_to_the_letter(text in "[a-z0-9-]{0,44}|.{0,12}") {
            let slug = TenantSlug::try_from(text.clone()).map(TenantSlug::into_text);
            let role = CustomRoleName::try_from(text.clone()).map(|role| role.0);
            for taken in slug.into_iter().chain(role) {
                prop_assert_eq!(&taken, &text);
                prop_assert!(text.len() <= 40 && text.starts_with(|first: char| first.is_ascii_lowercase()));
                prop_assert!(text.split('-').all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric())));
                prop_assert!(text.split('-').all(|part| !part.is_empty()));
            }
        }

        #[test]
        fn a_domain_that_is_taken_has_one_spelling_and_is_the_host_of_a_page(
            text in "[A-Za-z0-9-]{1,12}(\\.[A-Za-z0-9-]{1,12}){1,3}| ?.{0,20}",
        ) {
            if let Ok(domain) = TenantDomain::try_from(text) {
                let text = domain.clone().into_text();
                prop_assert!(text.is_ascii() && !text.contains(|c: char| c.is_ascii_uppercase()));
                prop_assert_eq!(TenantDomain::try_from(text), Ok(domain));
            }
        }
    }
}
