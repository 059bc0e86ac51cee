//! Where the stack is that is measured: the operator, who started it, says so in the environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Debug, Clone)]
pub struct Stack {
    pub checkout: PathBuf,
    /// Data, secrets and logs of the stack.
    pub home: PathBuf,
    /// Where scripts and logs of this run go.
    pub output: PathBuf,
    pub sockets: PathBuf,
    pub postgres_port: u16,
    pub pgbench: PathBuf,
    /// Booking's own listener: the gateway is not what is measured.
    pub booking: SocketAddr,
    /// Auth's own listeners.
    pub auth: SocketAddr,
    pub auth_internal: SocketAddr,
    pub redis: SocketAddr,
    /// The host that requests name.
    pub host: String,
    /// The issuer of tokens.
    pub issuer: String,
    operator: PathBuf,
    name: String,
}

/// A process that the operator keeps running.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub name: String,
    pub replica: u16,
    pub pid: Option<u32>,
    pub restarts: u32,
}

impl Stack {
    pub fn from_environment() -> Result<Self> {
        let variable = |name: &str| {
            let name = format!("SHINKOFA_BENCH_{name}");
            std::env::var(&name).with_context(|| format!("{name} is not set: run ./deploy/bench"))
        };
        let port = |name: &str| -> Result<u16> {
            variable(name)?.parse().with_context(|| format!("SHINKOFA_BENCH_{name} is no port"))
        };
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let domain = variable("DOMAIN")?;
        Ok(Self {
            checkout: variable("CHECKOUT")?.into(),
            home: variable("HOME")?.into(),
            output: variable("OUTPUT")?.into(),
            sockets: variable("POSTGRES_SOCKET")?.into(),
            postgres_port: port("POSTGRES_PORT")?,
            pgbench: variable("PGBENCH")?.into(),
            booking: local(port("BOOKING_PORT")?),
            auth: local(port("AUTH_PORT")?),
            auth_internal: local(port("AUTH_INTERNAL_PORT")?),
            redis: local(port("REDIS_PORT")?),
            host: format!("app.{domain}"),
            issuer: variable("ISSUER")?,
            operator: variable("CTL")?.into(),
            name: variable("STACK")?,
        })
    }

    pub fn secret(&self, name: &str) -> Result<String> {
        let path = self.home.join("secrets").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    pub fn postgres_log(&self) -> PathBuf {
        self.home.join("logs/postgres.log")
    }

    /// Asks every query of `services/*/invariants*.sql`. Returns the operator's closing line, or fails with all that it said.
    pub fn check_invariants(&self) -> Result<String> {
        let output =
            self.operator().args(["invariants", "--settled"]).output().context("asking for invariants")?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("the invariants do not hold:\n{said}{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }

    fn operator(&self) -> Command {
        let mut command = Command::new(&self.operator);
        command.args(["--stack", &self.name]).env("SHINKOFA_CHECKOUT", &self.checkout);
        command
    }

    /// Everything that the operator runs here. Fails when a process died: its figures would be worth nothing.
    pub fn members(&self) -> Result<Vec<Member>> {
        let output =
            self.operator().args(["status", "--json"]).output().context("asking for the processes")?;
        let members: Vec<Member> = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the operator's status: {}", String::from_utf8_lossy(&output.stderr)))?;
        match members.iter().find(|member| member.pid.is_none() || member.restarts > 0) {
            Some(gone) => bail!("{} died during the run", gone.name),
            None => Ok(members),
        }
    }
}
