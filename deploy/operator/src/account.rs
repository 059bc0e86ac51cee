//! The user that everything runs as: `shinkofa` in a root install, the caller otherwise.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

const SERVICE_ACCOUNT: &str = "shinkofa";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether processes must be moved to it: root runs the operator, and nothing else runs as root.
    pub(crate) switched: bool,
}

impl Account {
    /// The account of this run. Root without the service account gets it created.
    pub(crate) fn for_this_run() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::caller());
        }
        if let Some(account) = find(SERVICE_ACCOUNT)? {
            return Ok(account);
        }
        let made = Command::new("useradd")
            .args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"])
            .args(["--shell", "/usr/sbin/nologin", SERVICE_ACCOUNT])
            .status()
            .context("running useradd")?;
        if !made.success() {
            bail!("useradd could not create the user {SERVICE_ACCOUNT}");
        }
        find(SERVICE_ACCOUNT)?.context("the new user is not in /etc/passwd")
    }

    pub(crate) fn caller() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let name = name_of(uid).unwrap_or_else(|| uid.to_string());
        Self { name, uid, gid, switched: false }
    }

    /// What stands before a program so that it runs as this account and, if asked, dies with its parent.
    pub(crate) fn prefix(&self, death_signal: Option<&str>) -> Vec<String> {
        let mut prefix = Vec::new();
        if self.switched {
            prefix.extend([format!("--reuid={}", self.uid), format!("--regid={}", self.gid)]);
            prefix.push("--clear-groups".to_owned());
        }
        if let Some(signal) = death_signal {
            prefix.extend(["--pdeathsig".to_owned(), signal.to_owned()]);
        }
        if !prefix.is_empty() {
            prefix.insert(0, "setpriv".to_owned());
            prefix.push("--".to_owned());
        }
        prefix
    }

    /// A command that runs once as this account, with a clean environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let prefix = self.prefix(None);
        let mut command = match prefix.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        // The service account cannot enter the folder that root may have called from.
        command.env_clear().envs(plain_environment()).current_dir("/");
        command
    }
}

/// The little that every process needs; nothing of the caller's shell leaks into a service.
pub(crate) fn plain_environment() -> [(String, String); 3] {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    [("PATH", path), ("LANG", "C.UTF-8"), ("TZ", "UTC")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn find(name: &str) -> Result<Option<Account>> {
    let passwd = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    Ok(parse_passwd(&passwd, name))
}

fn name_of(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2)? == &uid.to_string()).then(|| fields[0].to_owned())
    })
}

fn parse_passwd(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name: name.to_owned(), uid, gid, switched: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_account_is_read_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nshinkofa:x:997:996::/nonexistent:/usr/sbin/nologin\n";
        let account = parse_passwd(passwd, "shinkofa").unwrap();
        assert_eq!((account.uid, account.gid, account.switched), (997, 996, true));
        assert_eq!(parse_passwd(passwd, "shinko"), None);
    }

    #[test]
    fn a_switched_account_drops_groups_and_dies_with_its_parent() {
        let account = Account { name: "shinkofa".into(), uid: 7, gid: 8, switched: true };
        let expected = ["setpriv", "--reuid=7", "--regid=8", "--clear-groups", "--pdeathsig", "TERM", "--"];
        assert_eq!(account.prefix(Some("TERM")), expected);
        assert!(Account { switched: false, ..account }.prefix(None).is_empty());
    }
}
