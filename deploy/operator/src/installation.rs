//! One installation as all commands see it: what shall run, where, as whom and on which ports.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::account::Account;
use crate::files::write_private;
use crate::layout::{Layout, Stack};
use crate::manifest::{Manifest, Service};
use crate::ports::Ports;
use crate::settings::Settings;

/// Threads of each listener of a service that is measured; each has a pool of its own.
const BENCH_WORKERS: u16 = 2;

#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) manifest: Manifest,
    pub(crate) settings: Settings,
    pub(crate) account: Account,
    pub(crate) layout: Layout,
    pub(crate) ports: Ports,
}

impl Installation {
    pub(crate) fn open(stack: Stack) -> Result<Self> {
        let checkout = find_checkout()?;
        let manifest = Manifest::load(&checkout)?;
        let settings = Settings::load(&checkout, &manifest)?;
        Self::assemble(&checkout, stack, manifest, settings)
    }

    /// The stack that the cross-service suite runs against: bookings race over two processes.
    pub(crate) fn open_for_suite() -> Result<Self> {
        let checkout = find_checkout()?;
        let manifest = Manifest::load(&checkout)?;
        let settings = Settings::load_or(&checkout, &manifest, &[("SHINKOFA_REPLICAS_BOOKING", "2")])?;
        Self::assemble(&checkout, Stack::Suite, manifest, settings)
    }

    /// The stack that is measured: both sides have the same number of connections to the database.
    pub(crate) fn open_for_bench(connections: u16) -> Result<Self> {
        let checkout = find_checkout()?;
        let manifest = Manifest::load(&checkout)?;
        let each = connections.div_ceil(BENCH_WORKERS).to_string();
        let workers = BENCH_WORKERS.to_string();
        let fallbacks =
            [("SHINKOFA_WORKERS", workers.as_str()), ("SHINKOFA_DATABASE_CONNECTIONS", each.as_str())];
        let settings = Settings::load_or(&checkout, &manifest, &fallbacks)?;
        Self::assemble(&checkout, Stack::Bench, manifest, settings)
    }

    /// The installation as `up` last started it.
    pub(crate) fn attach(stack: Stack) -> Result<Self> {
        let checkout = find_checkout()?;
        let manifest = Manifest::load(&checkout)?;
        let run = Layout::run_folder(&checkout, stack);
        let settings = Settings::load_active(&checkout, &run, &manifest)?;
        Self::assemble(&checkout, stack, manifest, settings)
    }

    /// Writes down what this installation is, for `attach`.
    pub(crate) fn remember(&self) -> Result<()> {
        let text = self.settings.to_assignments(&self.manifest);
        let path = self.layout.home.join("etc/active.env");
        write_private(&path, text.as_bytes(), &self.account).map(|_| ())
    }

    fn assemble(checkout: &Path, stack: Stack, manifest: Manifest, settings: Settings) -> Result<Self> {
        let account = Account::for_this_run()?;
        let layout = Layout::new(checkout, stack, &settings, &account)?;
        let ports = Ports::new(&settings, stack)?;
        Ok(Self { manifest, settings, account, layout, ports })
    }

    /// The same installation, moved to other ports.
    pub(crate) fn with_offset(mut self, offset: u16) -> Result<Self> {
        self.settings.port_offset = offset;
        self.ports = Ports::new(&self.settings, self.layout.stack)?;
        Ok(self)
    }

    /// The services that run here, in the order of the manifest.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.manifest.services.iter().filter(|service| self.runs(service))
    }

    pub(crate) fn runs(&self, service: &Service) -> bool {
        let stands_in =
            service.unless_setting.as_deref().is_none_or(|name| self.settings.variable(name).is_none());
        stands_in && (self.settings.development() || !service.development)
    }

    pub(crate) fn replicas(&self, service: &Service) -> u16 {
        self.settings.replicas.get(&service.name).copied().unwrap_or(service.replicas)
    }

    /// `https://<host>.<domain>:<port>`, without the port where a browser would leave it out.
    pub(crate) fn url(&self, host: &str) -> String {
        match self.ports.https() {
            443 => format!("https://{host}.{}", self.settings.base_domain),
            port => format!("https://{host}.{}:{port}", self.settings.base_domain),
        }
    }

    /// Whose pages may call the API from a browser.
    pub(crate) fn origins(&self) -> Vec<String> {
        let own = self.manifest.page_hosts.iter().map(|host| self.url(host));
        own.chain(self.settings.web_origins.iter().cloned()).collect()
    }

    /// Hosts of the gateway that have a route here.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .services()
            .flat_map(|service| &service.routes)
            .filter(|route| self.settings.development() || !route.development)
            .map(|route| route.host.clone())
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

/// The checkout that the entry point named, or the one around the working folder.
pub(crate) fn find_checkout() -> Result<PathBuf> {
    if let Some(checkout) = std::env::var_os("SHINKOFA_CHECKOUT") {
        return Ok(PathBuf::from(checkout));
    }
    let here = std::env::current_dir().context("finding the working folder")?;
    match here.ancestors().find(|folder| folder.join("deploy/services.toml").is_file()) {
        Some(checkout) => Ok(checkout.to_owned()),
        None => bail!("{} is not inside a checkout: call deploy/ctl of the one you mean", here.display()),
    }
}

/// The program, where Debian puts it or on the PATH.
pub(crate) fn find_program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/lib/postgresql/15/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    usual
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|program| is_file(program))
        .with_context(|| format!("{name} is not installed"))
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An installation of the repository's manifest that touches nothing.
    pub(crate) fn installation(variables: &[(&str, &str)]) -> Installation {
        let manifest = Manifest::parse(include_str!("../../services.toml")).unwrap();
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::from_variables(pairs, &manifest).unwrap();
        let account = Account::caller();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let layout = Layout::new(&checkout, Stack::Main, &settings, &account).unwrap();
        let ports = Ports::new(&settings, Stack::Main).unwrap();
        Installation { manifest, settings, account, layout, ports }
    }

    #[test]
    fn the_stand_in_gives_way_to_a_real_key_and_never_runs_in_production() {
        let names = |variables: &[(&str, &str)]| -> Vec<String> {
            installation(variables).services().map(|service| service.name.clone()).collect()
        };
        assert!(names(&[]).contains(&"stripe-sim".to_owned()));
        assert!(!names(&[("STRIPE_SECRET_KEY", "sk")]).contains(&"stripe-sim".to_owned()));
        assert!(!names(&[("SHINKOFA_BASE_DOMAIN", "studio.example")]).contains(&"stripe-sim".to_owned()));
    }

    #[test]
    fn a_url_leaves_out_the_port_that_browsers_leave_out() {
        assert_eq!(installation(&[]).url("app"), "https://app.shinkofa.localhost:8443");
        let plain = installation(&[("SHINKOFA_HTTPS_PORT", "443")]);
        assert_eq!(plain.url("app"), "https://app.shinkofa.localhost");
    }
}
