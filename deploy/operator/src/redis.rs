//! The installation's own Redis: configuration and process.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::files::write_private;
use crate::installation::{Installation, find_program};
use crate::layout::Stack;
use crate::secrets;
use crate::supervisor::{ProcessSpec, Readiness, Signal};

pub(crate) const KEY: &str = "redis.0";

/// Tests keep apart what must not be counted together.
pub(crate) const TEST_DATABASES: usize = 256;

/// True when the configuration changed, which a running Redis would not notice.
pub(crate) fn prepare(installation: &Installation) -> Result<bool> {
    let password = secrets::read(installation, "redis-password")?;
    let text = configuration(
        installation.ports.redis(),
        &installation.layout.redis_data(),
        &installation.layout.sockets,
        &password,
        installation.layout.stack,
    );
    write_private(&installation.layout.home.join("etc/redis.conf"), text.as_bytes(), &installation.account)
}

fn configuration(port: u16, data: &Path, sockets: &Path, password: &str, stack: Stack) -> String {
    let durability = match stack {
        // Tests come and go; what they leave in Redis is worth nothing.
        Stack::TestStores => format!("appendonly no\ndatabases {TEST_DATABASES}\n"),
        Stack::Main | Stack::Suite | Stack::Bench => {
            "appendonly yes\nappendfsync everysec\ndatabases 16\n".to_owned()
        }
    };
    format!(
        "bind 127.0.0.1\nprotected-mode yes\nport {port}\nunixsocket \"{}/redis.sock\"\nunixsocketperm 700\n\
         requirepass {password}\ndir \"{}\"\ndaemonize no\nsupervised no\nlogfile \"\"\nsave \"\"\n\
         maxmemory 256mb\nmaxmemory-policy noeviction\ntcp-backlog 511\n{durability}",
        sockets.display(),
        data.display(),
    )
}

pub(crate) fn process(installation: &Installation) -> Result<ProcessSpec> {
    let port = installation.ports.redis();
    Ok(ProcessSpec {
        name: "redis".to_owned(),
        replica: 0,
        program: find_program("redis-server")?,
        arguments: vec![installation.layout.home.join("etc/redis.conf").display().to_string()],
        environment: BTreeMap::new(),
        account: installation.account.clone(),
        ports: vec![port],
        log: installation.layout.logs().join("redis.log"),
        own_logs: Vec::new(),
        readiness: Readiness::Redis { port, password_file: secrets::path(installation, "redis-password") },
        stop_signal: Signal::Terminate,
        stop_within_seconds: 20,
        rank: 1,
    })
}

pub(crate) fn url(installation: &Installation) -> String {
    format!("redis://127.0.0.1:{}/0", installation.ports.redis())
}

/// For tests, which take one address and no password file.
pub(crate) fn url_with_password(installation: &Installation) -> Result<String> {
    let password = secrets::read(installation, "redis-password")?;
    Ok(format!("redis://:{password}@127.0.0.1:{}/0", installation.ports.redis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_listens_on_this_machine_only_and_never_evicts() {
        let text = configuration(16_379, Path::new("/d"), Path::new("/s"), "pw", Stack::Main);
        for line in
            ["bind 127.0.0.1", "requirepass pw", "maxmemory-policy noeviction", "appendfsync everysec"]
        {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
    }
}
