//! The negative control of the seat race: two booking processes whose guard is compiled out, on a database of their own.

use std::path::PathBuf;
use std::process::Stdio;

use reqwest::Method;
use tokio::process::{Child, Command};

use crate::understudy::free_ports;
use crate::{Call, Stack, until};

/// Both processes. They end with it.
pub struct UnguardedBooking<'a> {
    stack: &'a Stack,
    pub database: String,
    processes: Vec<Replica>,
}

struct Replica {
    public_port: u16,
    internal_port: u16,
    _process: Child,
}

const REPLICAS: usize = 2;
/// Nobody listens there: a booking that guards nothing must not touch the credits of the stack.
const NOBODY: &str = "http://127.0.0.1:9";

impl<'a> UnguardedBooking<'a> {
    /// Migrates a fresh database with the unguarded build, and starts the two processes on it.
    pub async fn start(stack: &'a Stack) -> Self {
        let program = std::env::var_os("SHINKOFA_SUITE_UNGUARDED_BOOKING").map(PathBuf::from);
        let program =
            program.expect("SHINKOFA_SUITE_UNGUARDED_BOOKING is set: these tests are run by ./deploy/test");
        let database = stack.fresh("unguarded").replace('-', "_");
        stack.superuser_of("postgres").await.run(&format!("CREATE DATABASE {database}")).await;
        let provision = include_str!("../../../shared/db/provision.sql")
            .replace("{service}", "booking")
            .replace("{database}", &database);
        stack.superuser_of(&database).await.run(&provision).await;
        let mut control = Self { stack, database, processes: Vec::new() };
        let migrated = control.command(&program, "migrator", 0, [0, 0]).arg("migrate").output().await;
        let migrated = migrated.expect("the unguarded build starts");
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        for number in 0..REPLICAS {
            let [public_port, internal_port] = free_ports();
            let mut command = control.command(&program, "rt", number, [public_port, internal_port]);
            let process = command.arg("serve").spawn().expect("the unguarded build starts");
            control.processes.push(Replica { public_port, internal_port, _process: process });
        }
        control.wait_until_ready().await;
        control
    }

    fn command(&self, program: &PathBuf, role: &str, replica: usize, ports: [u16; 2]) -> Command {
        let stack = self.stack;
        let secret = |name: &str| stack.home.join("secrets").join(name);
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("SHINKOFA_PUBLIC_ADDR", format!("127.0.0.1:{}", ports[0]))
            .env("SHINKOFA_INTERNAL_ADDR", format!("127.0.0.1:{}", ports[1]))
            .env("SHINKOFA_REPLICA", replica.to_string())
            .env("SHINKOFA_REPLICAS", REPLICAS.to_string())
            .env("SHINKOFA_BASE_DOMAIN", &stack.domain)
            .env("SHINKOFA_PUBLIC_URL", format!("https://app.{}:{}", stack.domain, stack.gateway_port))
            .env("SHINKOFA_LIMITS", "relaxed")
            .env("SHINKOFA_LOG", "error")
            .env("DATABASE_URL", stack.database_url(&format!("booking_{role}"), &self.database))
            .env("DATABASE_PASSWORD_FILE", secret(&format!("booking-{role}-password")))
            .env("JWT_SECRET_FILE", secret("jwt-keyring"))
            .env("JWT_SERVICE_SECRET_FILE", secret("jwt-service-keyring"))
            .env("SHINKOFA_PEER_AUTH", self.address_of_auth())
            .env("SHINKOFA_PEER_CREDITS", NOBODY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Tenants and revocations come from the stack's own auth, which reading does not disturb.
    fn address_of_auth(&self) -> String {
        // The gateway's port tells how far this stack's ports are shifted: 8443 and 18201 move together.
        format!("http://127.0.0.1:{}", 18_201 + self.stack.gateway_port - 8_443)
    }

    async fn wait_until_ready(&self) {
        for replica in &self.processes {
            let url = format!("http://127.0.0.1:{}/readyz", replica.internal_port);
            until("the unguarded booking is ready", async || {
                let answer = self.stack.call(Method::GET, url.clone()).try_send().await.ok()?;
                (answer.status == 200).then_some(())
            })
            .await;
        }
    }

    /// A request of one of the two, straight at its public listener.
    pub fn post(&self, number: usize, path: &str) -> Call {
        let replica = &self.processes[number % self.processes.len()];
        let call = self.stack.call(Method::POST, format!("http://127.0.0.1:{}{path}", replica.public_port));
        call.header("host", &format!("app.{}", self.stack.domain))
    }

    /// For how many people a session is confirmed.
    pub async fn confirmed(&self, session: &str) -> i64 {
        let query = format!(
            "SELECT count(DISTINCT customer_id) AS n FROM booking.reservations \
             WHERE session_id = '{session}' AND status = 'confirmed'"
        );
        self.stack.superuser_of(&self.database).await.number(&query).await
    }

    /// Ends the processes and removes their database.
    pub async fn stop(mut self) {
        self.processes.clear();
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        self.stack.superuser_of("postgres").await.run(&drop).await;
    }
}
