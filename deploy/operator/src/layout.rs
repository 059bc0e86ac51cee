//! Where an installation keeps its files: the data home, the checkout's `.run/` and the short folder for sockets.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::settings::Settings;

/// Installations that may run beside each other from one checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stack {
    /// What `up` starts.
    Main,
    /// PostgreSQL and Redis for tests.
    TestStores,
    /// Everything, for the cross-service suite.
    Suite,
    /// Everything, to be measured.
    Bench,
}

impl Stack {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::TestStores => "test-stores",
            Self::Suite => "suite",
            Self::Bench => "bench",
        }
    }

    pub(crate) fn port_shift(self) -> u16 {
        match self {
            Self::Main => 0,
            Self::TestStores => 1000,
            Self::Suite => 2000,
            Self::Bench => 3000,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) checkout: PathBuf,
    pub(crate) stack: Stack,
    /// Data: owned by the account that the processes run as.
    pub(crate) home: PathBuf,
    /// What people look at: links, `demo.json`, `ca.crt`, the journal and the lock.
    pub(crate) run: PathBuf,
    /// A Unix socket's path may be 107 bytes long, so sockets cannot lie beneath a deep checkout.
    pub(crate) sockets: PathBuf,
}

impl Layout {
    pub(crate) fn new(checkout: &Path, stack: Stack, settings: &Settings, account: &Account) -> Result<Self> {
        let checkout = checkout.canonicalize().with_context(|| format!("finding {}", checkout.display()))?;
        let run = Self::run_folder(&checkout, stack);
        let id = checkout_id(&checkout, settings.home.as_deref());
        let home = match (&settings.home, account.switched) {
            (Some(home), _) if stack == Stack::Main => std::path::absolute(home)?,
            (Some(home), _) => {
                let mut name = std::path::absolute(home)?.into_os_string();
                name.push(format!("-{}", stack.name()));
                PathBuf::from(name)
            }
            (None, true) => Path::new("/var/lib/shinkofa").join(&id).join(stack.name()),
            (None, false) => run.join("home"),
        };
        let runtime = if account.switched { None } else { std::env::var_os("XDG_RUNTIME_DIR") };
        let base = runtime.map(PathBuf::from).filter(|path| path.is_dir()).unwrap_or_else(std::env::temp_dir);
        let sockets = base.join(format!("shinkofa-{id}-{}", stack.name()));
        Ok(Self { checkout, stack, home, run, sockets })
    }

    pub(crate) fn run_folder(checkout: &Path, stack: Stack) -> PathBuf {
        match stack {
            Stack::Main => checkout.join(".run"),
            other => checkout.join(".run").join(other.name()),
        }
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.home.join("secrets")
    }

    pub(crate) fn binaries(&self) -> PathBuf {
        self.home.join("bin")
    }

    pub(crate) fn gateway(&self) -> PathBuf {
        self.home.join("gateway")
    }

    pub(crate) fn postgres_data(&self) -> PathBuf {
        self.home.join("postgres")
    }

    pub(crate) fn redis_data(&self) -> PathBuf {
        self.home.join("redis")
    }

    pub(crate) fn records(&self) -> PathBuf {
        self.home.join("pids")
    }

    /// Which process the supervisor is.
    pub(crate) fn supervisor_record(&self) -> PathBuf {
        self.home.join("supervisor.json")
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.home.join("tls")
    }

    pub(crate) fn state_of(&self, service: &str) -> PathBuf {
        self.home.join("state").join(service)
    }

    /// Beside the data and never inside it: what deletes the data must not delete its backups.
    pub(crate) fn backups(&self) -> PathBuf {
        let mut name = self.home.clone().into_os_string();
        name.push("-backups");
        PathBuf::from(name)
    }

    pub(crate) fn control_socket(&self) -> PathBuf {
        self.sockets.join("ctl.sock")
    }

    /// Creates every folder, private to the account, and the links in `.run/`.
    pub(crate) fn create(&self, account: &Account) -> Result<()> {
        create_owned_by_checkout(&self.checkout.join(".run"), &self.checkout)?;
        create_owned_by_checkout(&self.run, &self.checkout)?;
        if account.switched
            && let Some(parent) = self.home.parent()
        {
            std::fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        for folder in [
            self.home.clone(),
            self.logs(),
            self.secrets(),
            self.binaries(),
            self.gateway(),
            self.redis_data(),
            self.records(),
            self.certificates(),
            self.home.join("state"),
            self.home.join("etc"),
            self.sockets.clone(),
        ] {
            create_private(&folder, account)?;
        }
        if self.run.join("home") != self.home {
            link(&self.run.join("home"), &self.home)?;
        }
        link(&self.run.join("logs"), &self.logs())
    }
}

/// Tells checkouts apart that share a machine; moving a checkout makes it another one.
fn checkout_id(checkout: &Path, home: Option<&Path>) -> String {
    let mut digest = Sha256::new();
    digest.update(checkout.as_os_str().as_encoded_bytes());
    if let Some(home) = home {
        digest.update([0]);
        digest.update(home.as_os_str().as_encoded_bytes());
    }
    hex::encode(&digest.finalize()[..5])
}

/// A folder that only the account can enter. One that somebody else made in a shared place is refused.
pub(crate) fn create_private(folder: &Path, account: &Account) -> Result<()> {
    let made = std::fs::DirBuilder::new().mode(0o700).create(folder);
    match made {
        Ok(()) => chown(folder, Some(account.uid), Some(account.gid))?,
        Err(fault) if fault.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(folder)?;
            if !found.is_dir() || found.uid() != account.uid {
                bail!("{} exists and does not belong to {}: remove it first", folder.display(), account.name);
            }
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
            let parent = folder.parent().context("a folder without parent")?;
            std::fs::create_dir_all(parent)?;
            return create_private(folder, account);
        }
        Err(fault) => return Err(fault).with_context(|| format!("creating {}", folder.display())),
    }
    Ok(())
}

/// Folders in the checkout belong to whoever owns the checkout, also when root runs the operator.
fn create_owned_by_checkout(folder: &Path, checkout: &Path) -> Result<()> {
    if !folder.exists() {
        std::fs::DirBuilder::new().mode(0o755).create(folder)?;
        give_to_owner_of(checkout, folder)?;
    }
    Ok(())
}

pub(crate) fn give_to_owner_of(model: &Path, path: &Path) -> Result<()> {
    let owner = std::fs::metadata(model)?;
    chown(path, Some(owner.uid()), Some(owner.gid()))
        .with_context(|| format!("changing the owner of {}", path.display()))
}

fn link(at: &Path, target: &Path) -> Result<()> {
    if std::fs::read_link(at).is_ok_and(|found| found == target) {
        return Ok(());
    }
    match std::fs::remove_file(at) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
            return Err(fault).with_context(|| format!("replacing {}", at.display()));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(target, at).with_context(|| format!("linking {}", at.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_have_two_identities_and_so_have_two_homes() {
        let one = checkout_id(Path::new("/a"), None);
        assert_eq!(one, checkout_id(Path::new("/a"), None));
        assert_ne!(one, checkout_id(Path::new("/b"), None));
        assert_ne!(one, checkout_id(Path::new("/a"), Some(Path::new("/h"))));
    }

    #[test]
    fn a_folder_is_private_and_a_link_in_its_place_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let account = Account::caller();
        let folder = base.path().join("deep/er");
        create_private(&folder, &account).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let planted = base.path().join("planted");
        std::os::unix::fs::symlink(&folder, &planted).unwrap();
        assert!(create_private(&planted, &account).is_err());
    }
}
