//! Refusing passwords that others know: by what is known of the person, by the list of the installation, then by the
//! service that it names.

use std::collections::HashSet;
use std::sync::Arc;

use shinkofa_runtime::{Environment, Platform};
use url::Url;

use crate::clients::leaked_passwords::LeakedPasswords;
use crate::domain::password::{NewPassword, SHORTEST_CHARACTERS, UnfitPassword};
use crate::error::Error;

/// What is known of leaked passwords, beyond the list built in that every password is compared with when it is read.
#[derive(Clone, Debug, Default)]
pub struct Leaks {
    /// In lower case.
    list: Arc<HashSet<String>>,
    service: Option<LeakedPasswords>,
}

impl Leaks {
    /// `COMMON_PASSWORDS_FILE`: one to a line. `BREACHED_PASSWORDS_URL`: a service that speaks the range protocol of Have I
    /// Been Pwned. Both may be absent.
    pub fn read(platform: &Platform, environment: &mut Environment) -> Self {
        let list = environment
            .optional("COMMON_PASSWORDS_FILE")
            .map(|path| std::fs::read(&path).map_err(|e| (path, e)));
        let list = match list {
            None => HashSet::new(),
            // Lists of leaked passwords are not always UTF-8 throughout.
            Some(Ok(bytes)) => listed(&String::from_utf8_lossy(&bytes)),
            Some(Err((path, error))) => {
                environment.fault(format!("COMMON_PASSWORDS_FILE: {path} cannot be read: {error}"));
                HashSet::new()
            }
        };
        let base = environment.parsed_optional::<Url>("BREACHED_PASSWORDS_URL");
        if base.as_ref().is_some_and(|base| !matches!(base.scheme(), "http" | "https")) {
            environment.fault("BREACHED_PASSWORDS_URL must begin with https:// or http://");
        }
        let service =
            base.map(|base| LeakedPasswords::new(platform.http.clone(), base, platform.clock.clone()));
        Self { list: Arc::new(list), service }
    }

    /// Is a service asked as well?
    pub fn asks_elsewhere(&self) -> bool {
        self.service.is_some()
    }

    /// Refuses `password`, which stands at `pointer` in the request, when it says little more than `known`, the name and
    /// the address of its person, or when it has leaked.
    pub async fn refuse(
        &self,
        password: &NewPassword,
        known: [&str; 2],
        pointer: &'static str,
    ) -> Result<(), Error> {
        let refused = |unfit| Error::UnfitPassword { pointer, unfit };
        password.says_more_than(known).map_err(refused)?;
        let listed = self.list.contains(&password.as_str().to_lowercase());
        let leaked = match &self.service {
            Some(service) if !listed => service.contain(password.as_str()).await,
            _ => listed,
        };
        if leaked { Err(refused(UnfitPassword::Leaked)) } else { Ok(()) }
    }
}

/// Only what the other rules let through is worth its memory.
fn listed(text: &str) -> HashSet<String> {
    text.lines()
        .map(|line| line.trim_end_matches('\r').to_lowercase())
        .filter(|line| line.chars().count() >= SHORTEST_CHARACTERS)
        .collect()
}
