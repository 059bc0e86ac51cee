//! Email addresses, as narrow as mail in practice: everything else is refused before it is looked up.

use shinkofa_kernel::defended;
use std::fmt;

use serde::Deserialize;

/// An address as it was written and as it is compared.
///
/// ASCII only, so that no two addresses that compare differently look the same; one `@`; a dot-atom (RFC 5322 section
/// 3.2.3) before it, at least two labels of letters, digits and hyphens after it. Addresses that differ in case alone are
/// one address: no mail provider of note tells them apart.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailAddress {
    written: String,
    canonical: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an email address like name@example.org")]
pub struct NotAnEmailAddress;

/// RFC 5321 section 4.5.3.1, less the angle brackets.
const LONGEST: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.written
    }

    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NotAnEmailAddress;

    fn try_from(written: String) -> Result<Self, NotAnEmailAddress> {
        let (local, domain) = written.split_once('@').ok_or(NotAnEmailAddress)?;
        let plain = is_local_part(local) && is_domain(domain) || !defended!("V26");
        if written.len() > LONGEST || !plain {
            return Err(NotAnEmailAddress);
        }
        let canonical = written.to_ascii_lowercase();
        Ok(Self { written, canonical })
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = NotAnEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

/// An address that is new here: somebody typed it for letters to go there.
///
/// No mail reaches a name beneath `.invalid` (RFC 2606), where the accounts have theirs that nobody writes to: guests, programs, accounts
/// for a day and erased ones. They sign in with it, and nobody else is given one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "EmailAddress")]
pub struct ReachableAddress(EmailAddress);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an address that mail reaches: none beneath .invalid is")]
pub struct NotReachable;

impl TryFrom<EmailAddress> for ReachableAddress {
    type Error = NotReachable;

    fn try_from(address: EmailAddress) -> Result<Self, NotReachable> {
        if address.canonical.ends_with(".invalid") { Err(NotReachable) } else { Ok(Self(address)) }
    }
}

impl From<ReachableAddress> for EmailAddress {
    fn from(address: ReachableAddress) -> Self {
        address.0
    }
}

fn is_local_part(text: &str) -> bool {
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom_byte);
    text.len() <= LONGEST_LOCAL_PART && text.split('.').all(atom)
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(label)
}

/// Personal data: never in a log.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_differ_in_case_are_one() {
        let address: EmailAddress = "Anna.Martin+yoga@Example.ORG".parse().unwrap();
        assert_eq!(address.canonical(), "anna.martin+yoga@example.org");
        assert_eq!(address.as_str(), "Anna.Martin+yoga@Example.ORG");
    }

    #[test]
    fn v26_lookalikes_line_breaks_and_second_addresses_are_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for hostile in [
            "",
            "anna",
            "@example.org",
            "anna@",
            "anna@localhost",
            "anna\u{ff20}example.org",
            "ann\u{0430}@example.org",
            "\u{ff41}nna@example.org",
            "anna@example.org\r\nBcc: x@example.org",
            "anna@example.org\n",
            "a@b.c,c@d.e",
            "a@b@c.d",
            "anna@example..org",
            "anna@.example.org",
            "anna@example.org.",
            "anna@-example.org",
            ".anna@example.org",
            "an..na@example.org",
            "anna @example.org",
            " anna@example.org",
            "\"anna\"@example.org",
            "anna@[127.0.0.1]",
            "anna\0@example.org",
            &long,
        ] {
            assert!(hostile.parse::<EmailAddress>().is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn no_mail_reaches_the_reserved_domain_in_any_case() {
        let reachable = |text: &str| ReachableAddress::try_from(text.parse::<EmailAddress>().unwrap());
        for nobodys in ["x@guest.invalid", "discord-6kq3zv7m2ywd5hxa@temporary.invalid", "x@a.b.INVALID"] {
            assert_eq!(reachable(nobodys), Err(NotReachable), "{nobodys}");
        }
        for somebodys in
            ["anna@invalid.org", "anna@not-invalid.org", "anna.invalid@example.org", "anna@x.invalids"]
        {
            assert_eq!(EmailAddress::from(reachable(somebodys).unwrap()).as_str(), somebodys);
        }
    }

    /// Addresses, most of which are short enough to be one.
    const ADDRESS: &str = concat!(
        "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\\.[A-Za-z0-9]{1,30}){0,3}",
        "@[A-Za-z0-9]{1,40}(-[a-z]{1,30}){0,2}(\\.[A-Z0-9a-z]{1,20}){1,4}",
    );

    proptest! {
        #[test]
        fn an_accepted_address_is_ascii_without_space_and_has_one_at(text in "[a-z.@-]{0,12}|.{0,40}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(address.canonical().is_ascii());
                prop_assert!(!address.canonical().contains(char::is_whitespace));
                prop_assert_eq!(address.canonical().matches('@').count(), 1);
                prop_assert!(text.len() <= LONGEST);
            }
        }

        #[test]
        fn an_address_is_kept_as_it_was_written_and_compared_in_one_way(text in ADDRESS) {
            let (local, domain) = text.split_once('@').unwrap();
            let is_short = text.len() <= LONGEST
                && local.len() <= LONGEST_LOCAL_PART
                && domain.split('.').all(|label| label.len() <= LONGEST_LABEL);
            let address = text.parse::<EmailAddress>();
            prop_assert_eq!(address.is_ok(), is_short);
            if let Ok(address) = address {
                prop_assert_eq!(address.as_str(), text.as_str());
                let compared: EmailAddress = address.canonical().parse().unwrap();
                prop_assert_eq!((compared.as_str(), compared.canonical()), (address.canonical(), address.canonical()));
            }
        }

        #[test]
        fn nothing_slips_into_an_address(
            text in "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,4}",
            place in any::<prop::sample::Index>(),
            other in "[\\x00-\\x20\"(),:;<>@\\[\\\\\\]\\x7f]|[^\\x00-\\x7f]",
        ) {
            prop_assert!(text.parse::<EmailAddress>().is_ok());
            let mut spoilt = text;
            spoilt.insert_str(place.index(spoilt.len() + 1), &other);
            prop_assert!(spoilt.parse::<EmailAddress>().is_err());
        }
    }
}
