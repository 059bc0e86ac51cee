//! A process of a service beside the stack's own, on a database of its own: for what the stack itself is not configured for.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use reqwest::Method;
use tokio::process::{Child, Command};

use crate::sql::Superuser;
use crate::{Call, Stack, until};

/// The process ends with it; [`stop`](Understudy::stop) removes its database too.
pub struct Understudy<'a> {
    stack: &'a Stack,
    service: &'static str,
    pub database: String,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    ports: [u16; 2],
    process: Option<Child>,
}

impl<'a> Understudy<'a> {
    /// Makes the database of a process that does not run yet. It is the same program as the stack's own, with the same
    /// secrets and peers.
    pub async fn of(stack: &'a Stack, service: &'static str) -> Self {
        let database = stack.fresh(service).replace('-', "_");
        stack.superuser_of("postgres").await.run(&format!("CREATE DATABASE {database}")).await;
        let provision = include_str!("../../../shared/db/provision.sql")
            .replace("{service}", service)
            .replace("{database}", &database);
        stack.superuser_of(&database).await.run(&provision).await;
        let (program, mut environment) = stack.program_of(service).await;
        let ports = free_ports();
        let addresses = ["SHINKOFA_PUBLIC_ADDR", "SHINKOFA_INTERNAL_ADDR"];
        for (name, port) in addresses.iter().zip(ports) {
            environment.insert((*name).to_owned(), format!("127.0.0.1:{port}"));
        }
        let understudy = Self { stack, service, database, program, environment, ports, process: None };
        let migrated = understudy.command("migrator").arg("migrate").output().await;
        let migrated = migrated.expect("the program starts");
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        understudy
    }

    /// Copies rows of a table that the stack's own process has.
    pub async fn adopt(&self, table: &str) {
        let table = format!("{}.{table}", self.service);
        let rows = self.stack.superuser().await.rows(&format!("SELECT * FROM {table}")).await;
        let rows = serde_json::Value::from(rows).to_string().replace('\'', "''");
        let copy = format!(
            "INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, '{rows}') ON CONFLICT DO NOTHING"
        );
        self.superuser().await.run(&copy).await;
    }

    /// Starts it with further settings, and waits until it is ready.
    pub async fn serve(&mut self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.environment.insert((*name).to_owned(), (*value).to_owned());
        }
        self.process = Some(self.command("rt").arg("serve").spawn().expect("the program starts"));
        let url = self.internal_url("/readyz");
        until(&format!("the understudy of {} is ready", self.service), async || {
            let answer = self.stack.call(Method::GET, url.clone()).try_send().await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
    }

    fn command(&self, role: &str) -> Command {
        let password = format!("secrets/{}-{role}-password", self.service);
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(&self.environment)
            .env("DATABASE_URL", self.stack.database_url(&format!("{}_{role}", self.service), &self.database))
            .env("DATABASE_PASSWORD_FILE", self.stack.home.join(password))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// A request of its public listener, under the platform's host.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = self.stack.call(method, format!("http://127.0.0.1:{}{path}", self.ports[0]));
        call.header("host", &format!("app.{}", self.stack.domain))
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn internal_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[1])
    }

    /// Runs a command of the service on its database.
    pub async fn run(&self, arguments: &[&str]) {
        let output = self.command("rt").args(arguments).stdout(Stdio::piped()).output().await;
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub async fn superuser(&self) -> Superuser {
        self.stack.superuser_of(&self.database).await
    }

    /// Ends the process and removes its database.
    pub async fn stop(mut self) {
        self.process = None;
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        self.stack.superuser_of("postgres").await.run(&drop).await;
    }
}

/// Two ports that were free a moment ago.
pub fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}
