//! Configuration from the environment: read whole, and every fault told at once.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The environment variables of the process, or a test's stand-in for them.
///
/// A reader that finds a fault notes it and returns a harmless value; [`Environment::finish`] then refuses the whole.
#[derive(Debug)]
pub struct Environment {
    variables: HashMap<String, String>,
    faults: Vec<String>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub struct Faults(Vec<String>);

impl Faults {
    pub(crate) fn one(fault: &str) -> Self {
        Self(vec![fault.to_owned()])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| writeln!(f, "  - {fault}"))
    }
}

/// What stands in examples and images. Whoever left one of them in place does not start.
const KNOWN_DEFAULTS: [&str; 14] = [
    "admin",
    "admin123",
    "change-me",
    "change_me",
    "changeme",
    "default",
    "example",
    "password",
    "password123",
    "postgres",
    "redis",
    "root",
    "secret",
    "shinkofa",
];

impl Environment {
    pub fn of_process() -> Self {
        Self::from_variables(std::env::vars())
    }

    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), faults: Vec::new() }
    }

    /// Notes a fault of the caller's own finding.
    pub fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// The value of `name`; empty counts as absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.fault(format!("{name} is not set"));
            String::new()
        })
    }

    /// The value of `name` as a `T`, or `default` when it is absent.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, default: T) -> T {
        self.parsed_optional(name).unwrap_or(default)
    }

    pub fn parsed_optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.optional(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(format!("{name} cannot be read: {error}"));
                None
            }
        }
    }

    /// The value of `name`, or the content of the file that `<name>_FILE` names. One that everybody knows is a fault.
    pub fn secret(&mut self, name: &str) -> Option<String> {
        let secret = self.secret_as_given(name)?;
        self.refuse_known_default(name, &secret);
        Some(secret)
    }

    pub(crate) fn refuse_known_default(&mut self, name: &str, secret: &str) {
        if KNOWN_DEFAULTS.contains(&secret.to_ascii_lowercase().as_str()) {
            self.fault(format!("{name} is a password that everybody knows: choose another"));
        }
    }

    fn secret_as_given(&mut self, name: &str) -> Option<String> {
        let file = self.optional(&format!("{name}_FILE"));
        match (self.optional(name), file) {
            (Some(_), Some(_)) => {
                self.fault(format!("{name} and {name}_FILE are both set: keep one"));
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(text.trim().to_owned()),
                Err(error) => {
                    self.fault(format!("{name}_FILE: {path} cannot be read: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    pub fn required_secret(&mut self, name: &str) -> String {
        let faults = self.faults.len();
        self.secret(name).unwrap_or_else(|| {
            if self.faults.len() == faults {
                self.fault(format!("{name} or {name}_FILE is not set"));
            }
            String::new()
        })
    }

    /// Every variable that begins with `prefix`, by the rest of its name.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// Refuses the configuration when any reader noted a fault.
    pub fn finish(&mut self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(std::mem::take(&mut self.faults))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_everybody_knows_is_refused_and_not_repeated() {
        let mut environment = Environment::from_variables([
            ("SMTP_PASSWORD".to_owned(), "Admin123".to_owned()),
            ("DATABASE_PASSWORD".to_owned(), "vUe3rQ0zt1".to_owned()),
        ]);
        assert_eq!(environment.secret("DATABASE_PASSWORD").as_deref(), Some("vUe3rQ0zt1"));
        environment.secret("SMTP_PASSWORD");
        let faults = environment.finish().unwrap_err().to_string();
        assert!(faults.contains("SMTP_PASSWORD is a password that everybody knows"), "{faults}");
        assert!(!faults.contains("123") && faults.contains("1 fault(s)"), "{faults}");
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut environment = Environment::from_variables([("PORT".to_owned(), "many".to_owned())]);
        environment.required("DATABASE_URL");
        environment.parsed("PORT", 1_u16);
        environment.required_secret("JWT_SECRET");
        let faults = environment.finish().unwrap_err().to_string();
        for expected in ["3 fault(s)", "DATABASE_URL", "PORT", "JWT_SECRET or JWT_SECRET_FILE"] {
            assert!(faults.contains(expected), "{faults}");
        }
    }
}
