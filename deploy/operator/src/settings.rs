//! What the operator may be told: variables of the environment over those of the configuration file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::gateway::TenantDomain;
use crate::manifest::{Manifest, REPLICA_SLOTS};

/// Where, below `.run/`, the settings of the running installation are kept.
const ACTIVE: &str = "home/etc/active.env";
/// They say how the operator was called, not how the installation is.
const NOT_KEPT: [&str; 2] = ["SHINKOFA_CHECKOUT", "SHINKOFA_CONFIG"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) base_domain: String,
    pub(crate) port_offset: u16,
    pub(crate) listen: Vec<IpAddr>,
    pub(crate) http_port: Option<u16>,
    pub(crate) https_port: Option<u16>,
    pub(crate) limits: Limits,
    pub(crate) home: Option<PathBuf>,
    pub(crate) trusted_proxies: Vec<String>,
    /// Beside our own hosts: whose pages may call the API.
    pub(crate) web_origins: Vec<String>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    /// Where the certificates of tenants' own domains are.
    tenant_certificates: Option<PathBuf>,
    pub(crate) replicas: BTreeMap<String, u16>,
    variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    Relaxed,
    Production,
}

impl Limits {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Production => "production",
        }
    }
}

impl Settings {
    /// Reads the configuration file (if there is one), then the environment, which wins.
    pub(crate) fn load(checkout: &Path, manifest: &Manifest) -> Result<Self> {
        Self::from_variables(Self::variables(checkout)?, manifest)
    }

    /// The same, where what nobody has set is as `fallbacks` say.
    pub(crate) fn load_or(checkout: &Path, manifest: &Manifest, fallbacks: &[(&str, &str)]) -> Result<Self> {
        let mut variables = Self::variables(checkout)?;
        for (name, value) in fallbacks {
            variables.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        Self::from_variables(variables, manifest)
    }

    fn variables(checkout: &Path) -> Result<BTreeMap<String, String>> {
        let named = std::env::var_os("SHINKOFA_CONFIG").map(PathBuf::from);
        let path = named.clone().unwrap_or_else(|| checkout.join(".run/config.env"));
        let mut variables = match std::fs::read_to_string(&path) {
            Ok(text) => parse_assignments(&text).with_context(|| format!("in {}", path.display()))?,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound && named.is_none() => BTreeMap::new(),
            Err(fault) => return Err(fault).with_context(|| format!("reading {}", path.display())),
        };
        variables.extend(std::env::vars());
        Ok(variables)
    }

    /// The settings that the running installation was started with; what is set now wins.
    pub(crate) fn load_active(checkout: &Path, run: &Path, manifest: &Manifest) -> Result<Self> {
        let Ok(text) = std::fs::read_to_string(run.join(ACTIVE)) else {
            return Self::load(checkout, manifest);
        };
        let mut variables = parse_assignments(&text)?;
        variables.extend(std::env::vars().filter(|(_, value)| !value.is_empty()));
        Self::from_variables(variables, manifest)
    }

    /// As lines of a configuration file, so that later commands find the installation that `up` started.
    pub(crate) fn to_assignments(&self, manifest: &Manifest) -> String {
        let handed_on: Vec<&String> =
            manifest.services.iter().flat_map(|service| &service.settings).collect();
        let offset = ("SHINKOFA_PORT_OFFSET".to_owned(), self.port_offset.to_string());
        let mut kept: BTreeMap<String, String> = self
            .variables
            .iter()
            .filter(|(name, _)| name.starts_with("SHINKOFA_") || handed_on.contains(name))
            .filter(|(name, _)| !NOT_KEPT.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        kept.extend([offset]);
        kept.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    pub(crate) fn from_variables(variables: BTreeMap<String, String>, manifest: &Manifest) -> Result<Self> {
        let read =
            |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let base_domain = read("SHINKOFA_BASE_DOMAIN").unwrap_or("shinkofa.localhost").to_ascii_lowercase();
        if !is_domain(&base_domain) {
            // A certificate for *.localhost is refused, and a cookie of Domain=localhost is never sent.
            bail!(
                "SHINKOFA_BASE_DOMAIN={base_domain}: a base domain has at least two labels of letters, digits and hyphens"
            );
        }
        let limits = match read("SHINKOFA_LIMITS") {
            Some("relaxed") => Limits::Relaxed,
            Some("production") => Limits::Production,
            Some(other) => bail!("SHINKOFA_LIMITS={other}: relaxed or production"),
            None if base_domain.ends_with(".localhost") => Limits::Relaxed,
            None => Limits::Production,
        };
        let port = |name: &str| {
            read(name)
                .map(|value| value.parse::<u16>().with_context(|| format!("{name}={value}: not a port")))
                .transpose()
        };
        Ok(Self {
            port_offset: port("SHINKOFA_PORT_OFFSET")?.unwrap_or(0),
            http_port: port("SHINKOFA_HTTP_PORT")?,
            https_port: port("SHINKOFA_HTTPS_PORT")?,
            listen: listen_addresses(read("SHINKOFA_LISTEN").unwrap_or("127.0.0.1,::1"))?,
            home: read("SHINKOFA_HOME").map(PathBuf::from),
            trusted_proxies: read("SHINKOFA_TRUSTED_PROXIES").map(split_list).unwrap_or_default(),
            web_origins: web_origins(read("SHINKOFA_WEB_ORIGINS").unwrap_or_default())?,
            tls_certificate: read("SHINKOFA_TLS_CERTIFICATE").map(PathBuf::from),
            tls_key: read("SHINKOFA_TLS_KEY").map(PathBuf::from),
            tenant_certificates: read("SHINKOFA_TENANT_CERTIFICATES").map(PathBuf::from),
            replicas: replica_overrides(&variables, manifest)?,
            base_domain,
            limits,
            variables,
        })
    }

    /// Development means that nothing outside this machine can reach the domain.
    pub(crate) fn development(&self) -> bool {
        self.base_domain.ends_with(".localhost")
    }

    /// Domains of tenants' own. Read when the gateway is made, so that a folder that is not there stops nothing else.
    pub(crate) fn tenant_domains(&self) -> Result<Vec<TenantDomain>> {
        self.tenant_certificates.as_deref().map_or_else(|| Ok(Vec::new()), tenant_domains)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn replica_overrides(
    variables: &BTreeMap<String, String>,
    manifest: &Manifest,
) -> Result<BTreeMap<String, u16>> {
    let mut replicas = BTreeMap::new();
    for service in &manifest.services {
        let name = format!("SHINKOFA_REPLICAS_{}", service.name.to_uppercase().replace('-', "_"));
        let Some(value) = variables.get(&name) else { continue };
        match value.parse::<u16>() {
            Ok(count) if (1..REPLICA_SLOTS).contains(&count) => replicas.insert(service.name.clone(), count),
            _ => bail!("{name}={value}: 1 to {}", REPLICA_SLOTS - 1),
        };
    }
    Ok(replicas)
}

fn listen_addresses(list: &str) -> Result<Vec<IpAddr>> {
    split_list(list)
        .iter()
        .map(|part| {
            let bare = part.trim_start_matches('[').trim_end_matches(']');
            bare.parse().with_context(|| format!("SHINKOFA_LISTEN: {part} is not an address"))
        })
        .collect()
}

/// They land in the gateway's configuration, so nothing that could mean something there may pass.
fn web_origins(list: &str) -> Result<Vec<String>> {
    let origins = list.split([' ', ',']).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| match origin.strip_prefix("https://") {
            Some(rest) if !rest.is_empty() && rest.chars().all(is_of_an_authority) => Ok(origin.to_owned()),
            _ => {
                bail!("SHINKOFA_WEB_ORIGINS: {origin} is not https://host or https://host:port in lower case")
            }
        })
        .collect()
}

/// Every `<slug>/<domain>.crt` of the folder, with the `<domain>.key` beside it.
fn tenant_domains(folder: &Path) -> Result<Vec<TenantDomain>> {
    let named = || format!("SHINKOFA_TENANT_CERTIFICATES={}", folder.display());
    let mut domains: Vec<TenantDomain> = Vec::new();
    for tenant in std::fs::read_dir(folder).with_context(named)? {
        let tenant = tenant.with_context(named)?.path();
        if !tenant.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&tenant).with_context(named)? {
            let certificate = entry.with_context(named)?.path();
            if certificate.extension().is_some_and(|extension| extension == "crt") {
                domains.push(tenant_domain(&tenant, certificate).with_context(named)?);
            }
        }
    }
    domains.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(pair) = domains.windows(2).find(|pair| pair[0].name == pair[1].name) {
        bail!("{}: {} has two tenants", named(), pair[0].name);
    }
    Ok(domains)
}

fn tenant_domain(tenant: &Path, certificate: PathBuf) -> Result<TenantDomain> {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (slug, name) = (text(tenant.file_name()), text(certificate.file_stem()));
    let key = certificate.with_extension("key");
    if !is_domain(&name) || name != name.to_ascii_lowercase() {
        bail!("{name} is not a domain in lower case");
    }
    if slug.is_empty() || !slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        bail!("{slug} is not the name of a tenant in addresses");
    }
    if !key.is_file() {
        bail!("{} is missing", key.display());
    }
    Ok(TenantDomain { slug, name, certificate, key })
}

fn is_of_an_authority(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c)
}

fn split_list(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

/// `NAME=value` per line; blank lines and lines that start with `#` say nothing. No quoting, no expansion.
fn parse_assignments(text: &str) -> Result<BTreeMap<String, String>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => bail!("{line:?} is not NAME=value"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        let manifest = Manifest::parse(include_str!("../../services.toml")).unwrap();
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::from_variables(variables, &manifest)
    }

    #[test]
    fn limits_are_relaxed_only_where_nobody_else_can_reach_the_domain() {
        assert_eq!(settings(&[]).unwrap().limits, Limits::Relaxed);
        assert_eq!(
            settings(&[("SHINKOFA_BASE_DOMAIN", "studio.example")]).unwrap().limits,
            Limits::Production
        );
    }

    #[test]
    fn a_base_domain_of_one_label_is_refused() {
        assert!(settings(&[("SHINKOFA_BASE_DOMAIN", "localhost")]).is_err());
        assert!(settings(&[("SHINKOFA_BASE_DOMAIN", "a b.localhost")]).is_err());
    }

    #[test]
    fn replicas_follow_the_environment_within_their_slots() {
        assert_eq!(settings(&[("SHINKOFA_REPLICAS_BOOKING", "2")]).unwrap().replicas["booking"], 2);
        assert!(settings(&[("SHINKOFA_REPLICAS_BOOKING", "5")]).is_err());
        assert!(settings(&[("SHINKOFA_REPLICAS_BOOKING", "0")]).is_err());
    }

    #[test]
    fn listen_addresses_may_be_bracketed() {
        let listen = settings(&[("SHINKOFA_LISTEN", "0.0.0.0, [::]")]).unwrap().listen;
        assert_eq!(listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0", "::"]);
    }

    #[test]
    fn a_domain_of_a_tenant_is_a_certificate_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let read = || settings(&[("SHINKOFA_TENANT_CERTIFICATES", place.as_str())]).unwrap().tenant_domains();
        assert!(read().unwrap().is_empty());
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        std::fs::create_dir(folder.path().join("elan")).unwrap();
        write("elan/studio-elan.example.crt");
        assert!(format!("{:#}", read().unwrap_err()).contains("studio-elan.example.key is missing"));
        write("elan/studio-elan.example.key");
        let domains = read().unwrap();
        assert_eq!((domains[0].slug.as_str(), domains[0].name.as_str()), ("elan", "studio-elan.example"));
        std::fs::create_dir(folder.path().join("other")).unwrap();
        write("other/studio-elan.example.crt");
        write("other/studio-elan.example.key");
        assert!(format!("{:#}", read().unwrap_err()).contains("two tenants"));
        std::fs::remove_dir_all(folder.path().join("other")).unwrap();
        write("elan/a; b.crt");
        assert!(read().is_err(), "what is no domain gets into no configuration");
    }

    #[test]
    fn whose_pages_may_call_is_a_list_of_origins() {
        let origins = settings(&[("SHINKOFA_WEB_ORIGINS", "https://a.example, https://b.example:8443")]);
        assert_eq!(origins.unwrap().web_origins, ["https://a.example", "https://b.example:8443"]);
        for other in
            ["http://a.example", "https://a.example/", "https://*.example", "null", "https://A.example"]
        {
            assert!(settings(&[("SHINKOFA_WEB_ORIGINS", other)]).is_err(), "{other}");
        }
    }

    #[test]
    fn what_up_was_told_is_what_later_commands_read() {
        let manifest = Manifest::parse(include_str!("../../services.toml")).unwrap();
        let told = [("SHINKOFA_REPLICAS_BOOKING", "2"), ("SMTP_URL", "smtp://x"), ("HOME", "/root")];
        let mut before = settings(&told).unwrap();
        before.port_offset = 300;
        let text = before.to_assignments(&manifest);
        assert!(!text.contains("HOME=/root"));
        let after = Settings::from_variables(parse_assignments(&text).unwrap(), &manifest).unwrap();
        assert_eq!((after.port_offset, after.replicas["booking"]), (300, 2));
        assert_eq!(after.variable("SMTP_URL"), Some("smtp://x"));
    }

    #[test]
    fn a_line_without_an_equals_sign_is_a_fault() {
        assert!(parse_assignments("# note\n\nA = b\nnonsense").is_err());
        assert_eq!(parse_assignments("# note\nA = b=c").unwrap()["A"], "b=c");
    }
}
