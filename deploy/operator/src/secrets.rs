//! Secrets of an installation: made once from the kernel's random source, kept 0600, handed on by file name.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::files::write_private;
use crate::installation::Installation;

/// Settings that are secrets: they travel to services in files, never in the environment.
pub(crate) const SECRET_SETTINGS: [&str; 2] = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `kid:base64(32 bytes)`; the first line signs, all verify.
    Keyring,
    Password,
    StripeTestKey,
    StripeWebhookSecret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) purpose: String,
}

/// Every secret this installation needs.
pub(crate) fn inventory(installation: &Installation) -> Vec<Secret> {
    let secret =
        |name: &str, kind, purpose: &str| Secret { name: name.to_owned(), kind, purpose: purpose.to_owned() };
    let mut secrets = vec![
        secret("jwt-keyring", Kind::Keyring, "signs access tokens of people"),
        secret("jwt-service-keyring", Kind::Keyring, "signs tokens between services"),
        secret("delivery-key", Kind::Keyring, "seals one-time links on their way to notify"),
        secret("redis-password", Kind::Password, "opens Redis"),
    ];
    for service in installation.services() {
        if service.database {
            for role in ["migrator", "rt"] {
                let name = format!("{}-{role}-password", service.name);
                secrets.push(secret(&name, Kind::Password, "opens the database role"));
            }
        }
        if service.unless_setting.as_deref() == Some("STRIPE_SECRET_KEY") {
            secrets.push(secret("stripe-secret-key", Kind::StripeTestKey, "key of the Stripe stand-in"));
            let purpose = "signs webhooks of the Stripe stand-in";
            secrets.push(secret("stripe-webhook-secret", Kind::StripeWebhookSecret, purpose));
        }
    }
    secrets
}

pub(crate) fn path(installation: &Installation, name: &str) -> PathBuf {
    installation.layout.secrets().join(name)
}

pub(crate) fn read(installation: &Installation, name: &str) -> Result<String> {
    let path = path(installation, name);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Makes what is missing. Data whose secrets are gone is never given new ones: they would not open it.
pub(crate) fn ensure(installation: &Installation) -> Result<Vec<String>> {
    let inventory = inventory(installation);
    let missing: Vec<&Secret> =
        inventory.iter().filter(|secret| !path(installation, &secret.name).is_file()).collect();
    let data = installation.layout.postgres_data();
    if missing.len() == inventory.len() && data.join("PG_VERSION").is_file() {
        bail!(
            "{} holds a database, but its secrets are gone from {}: put them back from your backup, or give up the data \
             with `deploy/ctl reset`",
            data.display(),
            installation.layout.secrets().display()
        );
    }
    for secret in &missing {
        write_private(
            &path(installation, &secret.name),
            generate(secret.kind)?.as_bytes(),
            &installation.account,
        )?;
    }
    Ok(missing.into_iter().map(|secret| secret.name.clone()).collect())
}

/// Puts settings that are secrets into files, where services read them.
pub(crate) fn store_settings(installation: &Installation) -> Result<()> {
    for name in SECRET_SETTINGS {
        if let Some(value) = installation.settings.variable(name) {
            write_private(&setting_path(installation, name), value.as_bytes(), &installation.account)?;
        }
    }
    Ok(())
}

/// Beside the stand-in's own secrets, so that going back to the stand-in finds them as they were.
pub(crate) fn setting_path(installation: &Installation, name: &str) -> PathBuf {
    path(installation, &format!("setting-{}", name.to_lowercase().replace('_', "-")))
}

fn generate(kind: Kind) -> Result<String> {
    Ok(match kind {
        Kind::Keyring => {
            format!("{}:{}\n", hex::encode(random::<4>()?), BASE64_STANDARD.encode(random::<32>()?))
        }
        Kind::Password => BASE64_URL_SAFE_NO_PAD.encode(random::<24>()?),
        Kind::StripeTestKey => format!("sk_test_{}", hex::encode(random::<24>()?)),
        Kind::StripeWebhookSecret => format!("whsec_{}", hex::encode(random::<24>()?)),
    })
}

/// One line of a keyring with a key that nobody had before.
pub(crate) fn keyring_line() -> Result<String> {
    generate(Kind::Keyring)
}

pub(crate) fn password() -> Result<String> {
    generate(Kind::Password)
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open(Path::new("/dev/urandom"))?.read_exact(&mut bytes).context("reading the random source")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_line_names_its_key_and_holds_thirty_two_bytes() {
        let line = generate(Kind::Keyring).unwrap();
        let (kid, key) = line.trim().split_once(':').unwrap();
        assert_eq!(kid.len(), 8);
        assert_eq!(BASE64_STANDARD.decode(key).unwrap().len(), 32);
    }

    #[test]
    fn no_secret_is_made_twice() {
        for kind in [Kind::Keyring, Kind::Password, Kind::StripeTestKey, Kind::StripeWebhookSecret] {
            assert_ne!(generate(kind).unwrap(), generate(kind).unwrap());
        }
    }

    #[test]
    fn a_password_needs_no_quoting_anywhere() {
        let password = password().unwrap();
        assert!(
            password.len() >= 32
                && password.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        );
    }
}
