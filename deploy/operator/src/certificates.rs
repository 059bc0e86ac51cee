//! The local authority that signs for the base domain alone, and the gateway's certificate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{Datelike, Days, NaiveDate};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use crate::files::write_private;
use crate::installation::Installation;
use crate::layout;

/// Clients refuse leaves that live longer than 398 days.
const LEAF_DAYS: u64 = 397;
const RENEW_AFTER: Duration = Duration::from_secs(300 * 24 * 60 * 60);
const AUTHORITY_DAYS: u64 = 3650;

/// Certificate and key that the gateway serves: the operator's own, or those the settings name.
pub(crate) fn files(installation: &Installation) -> (PathBuf, PathBuf) {
    let settings = &installation.settings;
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => (folder(installation).join("gateway.crt"), folder(installation).join("gateway.key")),
    }
}

/// One authority per domain: its name constraint would refuse another.
fn folder(installation: &Installation) -> PathBuf {
    installation.layout.certificates().join(&installation.settings.base_domain)
}

/// The local authority, where the gateway's certificate is one of its own: for processes of the account.
pub(crate) fn authority(installation: &Installation) -> Option<PathBuf> {
    installation.settings.tls_certificate.is_none().then(|| folder(installation).join("ca.crt"))
}

/// Where people and tests find the authority's certificate.
pub(crate) fn authority_link(installation: &Installation) -> PathBuf {
    installation.layout.run.join("ca.crt")
}

/// Makes the authority once and the leaf whenever its names change or its end comes near.
pub(crate) fn ensure(installation: &Installation) -> Result<()> {
    let settings = &installation.settings;
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(_), Some(_)) => return Ok(()),
        (None, None) => {}
        _ => bail!("SHINKOFA_TLS_CERTIFICATE and SHINKOFA_TLS_KEY belong together: set both or neither"),
    }
    let folder = folder(installation);
    layout::create_private(&folder, &installation.account)?;
    let domain = &settings.base_domain;
    let authority_key = folder.join("ca.key");
    let authority = folder.join("ca.crt");
    if !(authority.is_file() && authority_key.is_file()) {
        let key = KeyPair::generate()?;
        let certificate = authority_parameters(domain)?.self_signed(&key)?;
        write_private(&authority_key, key.serialize_pem().as_bytes(), &installation.account)?;
        write_private(&authority, certificate.pem().as_bytes(), &installation.account)?;
        remove_if_there(&folder.join("gateway.crt"))?;
    }
    let names = leaf_names(domain, &installation.hosts());
    let listed = folder.join("gateway.names");
    let leaf = folder.join("gateway.crt");
    if std::fs::read_to_string(&listed).is_ok_and(|found| found == names.join("\n")) && is_fresh(&leaf) {
        return publish(installation, &authority);
    }
    let issuer_key = KeyPair::from_pem(&std::fs::read_to_string(&authority_key)?)?;
    let issuer = Issuer::new(authority_parameters(domain)?, issuer_key);
    let key = KeyPair::generate()?;
    let certificate = leaf_parameters(&names)?.signed_by(&key, &issuer)?;
    write_private(&folder.join("gateway.key"), key.serialize_pem().as_bytes(), &installation.account)?;
    write_private(&leaf, certificate.pem().as_bytes(), &installation.account)?;
    write_private(&listed, names.join("\n").as_bytes(), &installation.account)?;
    publish(installation, &authority)
}

/// A copy that everybody may read: it is public, and the data home cannot be entered.
fn publish(installation: &Installation, authority: &Path) -> Result<()> {
    let copy = authority_link(installation);
    let certificate = std::fs::read(authority)?;
    if std::fs::read(&copy).is_ok_and(|found| found == certificate) {
        return Ok(());
    }
    std::fs::write(&copy, certificate).with_context(|| format!("writing {}", copy.display()))?;
    layout::give_to_owner_of(&installation.layout.checkout, &copy)
}

/// The hosts by name, and whatever tenants call themselves.
fn leaf_names(domain: &str, hosts: &[String]) -> Vec<String> {
    let hosts = hosts.iter().map(String::as_str).chain(["*"]);
    std::iter::once(domain.to_owned()).chain(hosts.map(|host| format!("{host}.{domain}"))).collect()
}

fn authority_parameters(domain: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, format!("Shinkofa local authority for {domain}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Whoever trusts it trusts it for this domain only.
    parameters.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    limit_life(&mut parameters, AUTHORITY_DAYS)?;
    Ok(parameters)
}

fn leaf_parameters(names: &[String]) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, names.first().context("a certificate without a name")?);
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    limit_life(&mut parameters, LEAF_DAYS)?;
    Ok(parameters)
}

/// From yesterday, for clients whose clock lags.
#[allow(clippy::disallowed_methods, reason = "a certificate is valid from the machine's own today")]
fn limit_life(parameters: &mut CertificateParams, days: u64) -> Result<()> {
    let today = chrono::Utc::now().date_naive();
    let from = today.pred_opt().context("the clock is out of range")?;
    let until = from.checked_add_days(Days::new(days)).context("the clock is out of range")?;
    let instant = |date: NaiveDate| -> Result<_> {
        Ok(date_time_ymd(date.year(), u8::try_from(date.month())?, u8::try_from(date.day())?))
    };
    parameters.not_before = instant(from)?;
    parameters.not_after = instant(until)?;
    Ok(())
}

fn is_fresh(leaf: &Path) -> bool {
    let modified = std::fs::metadata(leaf).and_then(|found| found.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < RENEW_AFTER))
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => Err(fault.into()),
        _ => Ok(()),
    }
}

/// Certificate, key and authority as PEM, for trials of the gateway.
#[cfg(test)]
pub(crate) fn for_trial(domain: &str, hosts: &[&str]) -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let parameters = authority_parameters(domain).unwrap();
    let authority = parameters.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(parameters, authority_key);
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let leaf = leaf_parameters(&leaf_names(domain, &hosts)).unwrap().signed_by(&key, &issuer).unwrap();
    (leaf.pem(), key.serialize_pem(), authority.pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaf_names_the_domain_every_host_and_whatever_tenants_are_called() {
        let names = leaf_names("shinkofa.localhost", &["app".to_owned(), "mail".to_owned()]);
        let hosts = ["app.shinkofa.localhost", "mail.shinkofa.localhost", "*.shinkofa.localhost"];
        assert_eq!(names[0], "shinkofa.localhost");
        assert_eq!(names[1..], hosts);
    }

    #[test]
    fn the_authority_may_sign_for_its_domain_alone() {
        let parameters = authority_parameters("shinkofa.localhost").unwrap();
        let constraints = parameters.name_constraints.unwrap();
        assert_eq!(
            constraints.permitted_subtrees,
            [GeneralSubtree::DnsName("shinkofa.localhost".to_owned())]
        );
    }
}
