//! What the environment says, checked whole before anything starts.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

#[derive(Clone, Debug)]
pub struct Config {
    pub address: SocketAddr,
    /// Without a slash at the end; payers' pages hang under it.
    pub public_url: String,
    pub api_key: SecretString,
    /// Absent: events are kept and listed, but sent nowhere.
    pub webhook: Option<WebhookConfig>,
    /// Absent: nothing outlives the process.
    pub state_folder: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct WebhookConfig {
    pub url: Url,
    pub secret: SecretString,
    /// PEM certificates to trust besides the built-in ones.
    pub authority: Option<PathBuf>,
    /// The pause after the first failed attempt; each further one doubles it.
    pub retry_base: Duration,
    pub retry_longest: Duration,
    pub timeout: Duration,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub struct Faults(Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment cannot be used:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

impl Config {
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader { variable, faults: Vec::new() };
        let address = reader.address();
        let public_url = reader
            .web_address("STRIPE_SIM_PUBLIC_URL")
            .map(|url| url.as_str().trim_end_matches('/').to_owned())
            .unwrap_or_else(|| format!("http://{address}"));
        let api_key = reader.secret("STRIPE_SIM_API_KEY", "sk_test_");
        if api_key.is_none() {
            reader.fault("STRIPE_SIM_API_KEY or STRIPE_SIM_API_KEY_FILE must be set");
        }
        let webhook = reader.webhook();
        let state_folder = reader.text("STRIPE_SIM_STATE_DIR").map(PathBuf::from);
        match (api_key, reader.faults.is_empty()) {
            (Some(api_key), true) => Ok(Self { address, public_url, api_key, webhook, state_folder }),
            _ => Err(Faults(reader.faults)),
        }
    }
}

struct Reader<V> {
    variable: V,
    faults: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Reader<V> {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// An empty variable counts as absent.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|text| !text.is_empty())
    }

    /// The stand-in has no protection of its own controls, so it listens on the loopback only.
    fn address(&mut self) -> SocketAddr {
        let fallback = SocketAddr::from(([127, 0, 0, 1], 18190));
        let Some(text) = self.text("STRIPE_SIM_ADDR") else {
            return fallback;
        };
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => return address,
            Ok(_) => self.fault(format!("STRIPE_SIM_ADDR must be a loopback address, not {text}")),
            Err(_) => self.fault(format!("STRIPE_SIM_ADDR must be an address and a port, not {text}")),
        }
        fallback
    }

    fn web_address(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
            _ => {
                self.fault(format!("{name} must be an http or https address, not {text}"));
                None
            }
        }
    }

    /// A secret given itself, or by the file that holds it.
    fn secret(&mut self, name: &str, prefix: &str) -> Option<SecretString> {
        let file_name = format!("{name}_FILE");
        let given = match (self.text(name), self.text(&file_name)) {
            (Some(_), Some(_)) => {
                self.fault(format!("{name} and {file_name} exclude each other"));
                return None;
            }
            (Some(text), None) => text,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => text.trim().to_owned(),
                Err(error) => {
                    self.fault(format!("{file_name} ({path}) cannot be read: {error}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        if !given.starts_with(prefix) || given.len() < prefix.len() + 8 {
            self.fault(format!("{name} must start with {prefix} and have at least 8 more characters"));
        }
        Some(SecretString::from(given))
    }

    fn webhook(&mut self) -> Option<WebhookConfig> {
        let url = self.web_address("STRIPE_SIM_WEBHOOK_URL");
        let secret = self.secret("STRIPE_SIM_WEBHOOK_SECRET", "whsec_");
        let retry_base = self.millis("STRIPE_SIM_WEBHOOK_RETRY_MS", 1_000);
        let retry_longest = self.millis("STRIPE_SIM_WEBHOOK_RETRY_LONGEST_MS", 60_000);
        let timeout = self.millis("STRIPE_SIM_WEBHOOK_TIMEOUT_MS", 10_000);
        let authority = self.text("STRIPE_SIM_WEBHOOK_CA_FILE").map(PathBuf::from);
        let url = url?;
        let Some(secret) = secret else {
            self.fault(
                "STRIPE_SIM_WEBHOOK_URL needs STRIPE_SIM_WEBHOOK_SECRET or STRIPE_SIM_WEBHOOK_SECRET_FILE",
            );
            return None;
        };
        Some(WebhookConfig { url, secret, authority, retry_base, retry_longest, timeout })
    }

    fn millis(&mut self, name: &str, fallback: u64) -> Duration {
        let Some(text) = self.text(name) else {
            return Duration::from_millis(fallback);
        };
        match text.parse::<u64>() {
            Ok(millis) if millis > 0 => Duration::from_millis(millis),
            _ => {
                self.fault(format!("{name} must be a number of milliseconds above zero, not {text}"));
                Duration::from_millis(fallback)
            }
        }
    }
}

impl Config {
    /// Whether this is the key that callers must show.
    pub fn accepts(&self, key: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.api_key.expose_secret().as_bytes().ct_eq(key.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, Faults> {
        Config::from_environment(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        for address in ["0.0.0.0:18190", "192.168.1.4:18190", "[::]:18190", "nonsense"] {
            let fault = config(&[("STRIPE_SIM_API_KEY", "sk_test_0123456789"), ("STRIPE_SIM_ADDR", address)])
                .unwrap_err();
            assert!(fault.to_string().contains("STRIPE_SIM_ADDR"), "{address}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let fault = config(&[
            ("STRIPE_SIM_ADDR", "0.0.0.0:1"),
            ("STRIPE_SIM_API_KEY", "sk_live_0123456789"),
            ("STRIPE_SIM_WEBHOOK_URL", "http://127.0.0.1:1/hook"),
            ("STRIPE_SIM_WEBHOOK_TIMEOUT_MS", "soon"),
        ])
        .unwrap_err()
        .to_string();
        for expected in
            ["STRIPE_SIM_ADDR", "sk_test_", "STRIPE_SIM_WEBHOOK_SECRET", "STRIPE_SIM_WEBHOOK_TIMEOUT_MS"]
        {
            assert!(fault.contains(expected), "{expected} in {fault}");
        }
    }

    #[test]
    fn a_key_is_enough_to_start() {
        let config = config(&[("STRIPE_SIM_API_KEY", "sk_test_0123456789")]).unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:18190");
        assert_eq!(config.public_url, "http://127.0.0.1:18190");
        assert!(config.accepts("sk_test_0123456789"));
        assert!(!config.accepts("sk_test_other"));
    }
}
