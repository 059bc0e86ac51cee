//! The installation's own PostgreSQL cluster: its files, its process, and the roles and schemas of the services.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::files::write_private;
use crate::installation::{Installation, find_program};
use crate::layout::Stack;
use crate::manifest::Service;
use crate::secrets;
use crate::supervisor::{ProcessSpec, Readiness, Signal};

pub(crate) const DATABASE: &str = "shinkofa";
pub(crate) const KEY: &str = "postgres.0";

/// Writes the configuration and, once, the cluster. True when the configuration changed.
pub(crate) fn prepare(installation: &Installation) -> Result<bool> {
    initialize(installation)?;
    let folder = installation.layout.home.join("etc");
    let account = &installation.account;
    let changed =
        write_private(&folder.join("postgresql.conf"), configuration(installation).as_bytes(), account)?;
    let access = access_rules(installation.layout.stack);
    let changed = write_private(&folder.join("pg_hba.conf"), access.as_bytes(), account)? || changed;
    let identities = identity_map(&account.name);
    Ok(write_private(&folder.join("pg_ident.conf"), identities.as_bytes(), account)? || changed)
}

/// Made beside its place and moved there, so that a half-made cluster is never taken for a whole one.
fn initialize(installation: &Installation) -> Result<()> {
    let data = installation.layout.postgres_data();
    if data.join("PG_VERSION").is_file() {
        return Ok(());
    }
    let unfinished = installation.layout.home.join("postgres.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    let made = installation
        .account
        .command(&find_program("initdb")?)
        .arg("--pgdata")
        .arg(&unfinished)
        .args([
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--lc-messages=C",
            "--data-checksums",
        ])
        .args(["--auth-local=peer", "--auth-host=scram-sha-256"])
        .output()
        .context("running initdb")?;
    if !made.status.success() {
        bail!("initdb failed:\n{}", String::from_utf8_lossy(&made.stderr));
    }
    std::fs::rename(&unfinished, &data).context("moving the new cluster into its place")
}

fn configuration(installation: &Installation) -> String {
    let port = installation.ports.postgres();
    let sockets = quoted(&installation.layout.sockets.to_string_lossy());
    let etc = installation.layout.home.join("etc");
    let access = quoted(&etc.join("pg_hba.conf").to_string_lossy());
    let identities = quoted(&etc.join("pg_ident.conf").to_string_lossy());
    let data = quoted(&installation.layout.postgres_data().to_string_lossy());
    let mut text = format!(
        "data_directory = {data}\nhba_file = {access}\nident_file = {identities}\n\
         listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = {sockets}\n\
         max_connections = 300\nshared_buffers = 256MB\neffective_cache_size = 1GB\nwork_mem = 8MB\n\
         max_wal_size = 2GB\njit = off\npassword_encryption = scram-sha-256\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n\
         idle_in_transaction_session_timeout = 60s\nlog_line_prefix = '%m [%p] %q%u@%d '\nlog_lock_waits = on\n\
         lc_messages = 'C'\n"
    );
    text.push_str(match installation.layout.stack {
        Stack::Main | Stack::Suite => "",
        // Thousands of short-lived databases whose loss costs nothing.
        Stack::TestStores => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
        // Says where the time of a measured statement went. BEGIN and COMMIT are not looked at, on either side.
        Stack::Bench => {
            "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track_utility = off\n"
        }
    });
    text
}

/// The sockets lie in a folder that only the account (and root) can enter; tests need no password there.
fn access_rules(stack: Stack) -> String {
    let local = match stack {
        Stack::TestStores => "local all all trust\n",
        Stack::Main | Stack::Suite | Stack::Bench => {
            "local all postgres peer map=operator\nlocal all all scram-sha-256\n"
        }
    };
    format!("{local}host all all 127.0.0.1/32 scram-sha-256\n")
}

/// Who may act as the superuser: the account itself, and root, who could become it anyway.
fn identity_map(account: &str) -> String {
    format!("operator {account} postgres\noperator root postgres\n")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn process(installation: &Installation) -> Result<ProcessSpec> {
    let configuration = installation.layout.home.join("etc/postgresql.conf");
    let sockets = installation.layout.sockets.clone();
    let port = installation.ports.postgres();
    Ok(ProcessSpec {
        name: "postgres".to_owned(),
        replica: 0,
        program: find_program("postgres")?,
        arguments: vec!["-c".to_owned(), format!("config_file={}", configuration.display())],
        environment: BTreeMap::new(),
        account: installation.account.clone(),
        ports: vec![port],
        log: installation.layout.logs().join("postgres.log"),
        own_logs: Vec::new(),
        readiness: Readiness::Postgres { pg_isready: find_program("pg_isready")?, sockets, port },
        // Fast shutdown: ends sessions, keeps every commit.
        stop_signal: Signal::Interrupt,
        stop_within_seconds: 60,
        rank: 0,
    })
}

/// The database, and for each service its schema and roles. Safe to repeat.
pub(crate) fn provision(installation: &Installation) -> Result<()> {
    let exists =
        query(installation, "postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"))?;
    if exists.trim().is_empty() {
        query(installation, "postgres", &format!("CREATE DATABASE {DATABASE}"))?;
    }
    query(installation, DATABASE, &provisioning_script(installation)?).map(|_| ())
}

pub(crate) fn provisioning_script(installation: &Installation) -> Result<String> {
    let mut script = String::from(QUIETLY);
    for service in installation.services().filter(|service| service.database) {
        script.push_str(&service_rules(installation, service)?);
    }
    Ok(script)
}

/// Tells this cluster from one that was made anew in its place.
pub(crate) fn cluster_identity(installation: &Installation) -> Result<String> {
    let found = std::fs::metadata(installation.layout.postgres_data().join("PG_VERSION"))?;
    Ok(format!("{}:{}:{}", found.dev(), found.ino(), found.mtime()))
}

/// A password must not reach the server's log with a statement that failed.
const QUIETLY: &str = "SET log_min_error_statement = panic;\nSET client_min_messages = warning;\n";
/// Tests provision their databases by the same text.
const PROVISION: &str = include_str!("../../../shared/db/provision.sql");

fn service_rules(installation: &Installation, service: &Service) -> Result<String> {
    let migrator = secrets::read(installation, &format!("{}-migrator-password", service.name))?;
    let runtime = secrets::read(installation, &format!("{}-rt-password", service.name))?;
    Ok(render_service_rules(&service.name, &quoted(&migrator), &quoted(&runtime)))
}

/// The same for a database that somebody else starts: psql reads the passwords from the files of a container's secrets.
pub(crate) fn container_script(services: &[&Service]) -> String {
    let mut script = QUIETLY.to_owned();
    for Service { name, .. } in services.iter().filter(|service| service.database) {
        for role in ["migrator", "rt"] {
            script += &format!("\\set {name}_{role} `cat /run/secrets/{name}-{role}-password`\n");
        }
        script += &render_service_rules(name, &format!(":'{name}_migrator'"), &format!(":'{name}_rt'"));
    }
    script
}

/// Passwords come as SQL expressions.
fn render_service_rules(name: &str, migrator_password: &str, runtime_password: &str) -> String {
    let rules = PROVISION.replace("{service}", name).replace("{database}", DATABASE);
    format!(
        "{rules}ALTER ROLE {name}_migrator PASSWORD {migrator_password};\n\
         ALTER ROLE {name}_rt PASSWORD {runtime_password};\n"
    )
}

/// Runs SQL as the superuser and returns unaligned rows. The text goes by standard input: it may hold passwords.
pub(crate) fn query(installation: &Installation, database: &str, sql: &str) -> Result<String> {
    let mut psql = installation
        .account
        .command(&find_program("psql")?)
        .args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
            "--username=postgres",
        ])
        .arg("--host")
        .arg(&installation.layout.sockets)
        .args(["--port", &installation.ports.postgres().to_string(), "--dbname", database])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("running psql")?;
    psql.stdin.take().context("psql without input")?.write_all(sql.as_bytes())?;
    let output = psql.wait_with_output()?;
    if !output.status.success() {
        bail!("psql failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The address a role of a service connects to: the socket, whose folder is written percent-encoded.
pub(crate) fn url(installation: &Installation, role: &str) -> String {
    let sockets = percent_encoded(&installation.layout.sockets.to_string_lossy());
    format!("postgres://{role}@{sockets}:{}/{DATABASE}", installation.ports.postgres())
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_role_can_neither_truncate_nor_bypass_row_level_security() {
        let rules = render_service_rules("booking", "'one'", "'two'");
        assert!(rules.contains("ALTER ROLE booking_rt LOGIN") && rules.contains("NOBYPASSRLS"));
        assert!(rules.contains("ALTER ROLE booking_rt PASSWORD 'two';") && !rules.contains('{'));
        assert!(!rules.contains("TRUNCATE") && !rules.contains("booking_owner TO booking_rt"));
    }

    #[test]
    fn only_the_account_and_root_become_superuser_without_a_password() {
        assert!(!access_rules(Stack::Main).contains("trust"));
        assert!(access_rules(Stack::Main).starts_with("local all postgres peer map=operator"));
        assert_eq!(identity_map("shinkofa").lines().count(), 2);
    }

    #[test]
    fn a_socket_folder_with_odd_letters_survives_in_a_url() {
        assert_eq!(percent_encoded("/tmp/a b"), "%2Ftmp%2Fa%20b");
    }
}
