//! The way from an empty folder to a platform that answers, in steps that may be repeated.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::binaries::{self, Binaries, Build};
use crate::front_door::{self, FrontDoor};
use crate::gateway::Slots;
use crate::installation::Installation;
use crate::journal::{Journal, fingerprint};
use crate::manifest::Service;
use crate::supervisor::{ProcessSpec, Signal, Supervisor};
use crate::{certificates, gateway, hosts_file, launch, layout, postgres, redis, secrets, seeds, stores};

const SERVICES_PATIENCE: Duration = Duration::from_secs(90);

/// Held while an installation is being changed; the kernel lets go of it however we end.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "held, never read")] File);

impl Lock {
    pub(crate) fn take(installation: &Installation) -> Result<Self> {
        let path = installation.layout.run.join("lock");
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        if file.try_lock().is_err() {
            bail!("another command is changing this installation ({} is locked)", path.display());
        }
        Ok(Self(file))
    }
}

/// Brings everything up, demo accounts and classes included where this is a development installation.
pub(crate) async fn run(installation: &Installation, build: Build) -> Result<()> {
    let mut journal = Journal::open(installation);
    if let Some(step) = journal.interrupted() {
        println!("an earlier run stopped during {step}: going on from there");
    }
    let mut steps = Steps { journal: &mut journal };
    steps.step("files", || {
        secrets::ensure(installation)?;
        secrets::store_settings(installation)?;
        certificates::ensure(installation)?;
        hosts_file::ensure(installation)?;
        create_state_folders(installation)?;
        installation.remember()
    })?;
    let binaries = steps.step("build", || binaries::build(installation, build))?;
    let supervisor = steps.step("stores", || {
        let supervisor = Supervisor::start(&installation.layout)?;
        stores::ensure(installation, &supervisor)?;
        Ok(supervisor)
    })?;
    let cluster = postgres::cluster_identity(installation)?;
    let script = postgres::provisioning_script(installation)?;
    steps.once("roles", &fingerprint(&[&cluster, &script]), || postgres::provision(installation))?;
    steps.step("migrations", || migrate(installation, &binaries))?;
    let keys = steps.step("services", || start_services(installation, &binaries, &supervisor))?;
    steps.step("gateway", || start_gateway(installation, &supervisor, &Slots::new()))?;
    supervisor.retain(
        keys.into_iter().chain([postgres::KEY, redis::KEY, gateway::KEY].map(str::to_owned)).collect(),
    )?;
    if installation.settings.development() {
        let people = seeds::people(installation)?;
        let known = fingerprint(&[&cluster, &serde_json::to_string(&people)?]);
        steps.once("accounts", &known, || seeds::create_accounts(installation, &binaries, &people))?;
        seeds::create_offers(installation, &people)
            .await
            .context("seeding packages, classes and sessions")?;
    }
    smoke(installation).await.context("the platform is up but does not answer as it should")
}

struct Steps<'a> {
    journal: &'a mut Journal,
}

impl Steps<'_> {
    /// A step that finds out by itself what is left to do.
    fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let began = Instant::now();
        self.journal.begin(name)?;
        let result = work().with_context(|| format!("step {name} failed"))?;
        self.journal.finish(name, "")?;
        println!("  {name:<12} {:>6.1} s", began.elapsed().as_secs_f64());
        Ok(result)
    }

    /// A step that is done once for what it is done from.
    fn once(&mut self, name: &str, from: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.journal.is_done(name, from) {
            return Ok(());
        }
        self.step(name, work)?;
        self.journal.finish(name, from)
    }
}

fn create_state_folders(installation: &Installation) -> Result<()> {
    for service in installation.services() {
        layout::create_private(&installation.layout.state_of(&service.name), &installation.account)?;
    }
    layout::create_private(&launch::failpoints(installation), &installation.account)
}

/// One after the other; the first that fails stops everything and says why.
fn migrate(installation: &Installation, binaries: &Binaries) -> Result<()> {
    for service in installation.services().filter(|service| service.database) {
        run_command(
            installation,
            binaries,
            service,
            &["migrate"],
            launch::migration_environment(installation, service)?,
        )
        .with_context(|| format!("the migrations of {} failed; nothing newer was started", service.name))?;
    }
    Ok(())
}

/// Runs a command of a service as the service's account and shows what it said when it fails.
pub(crate) fn run_command(
    installation: &Installation,
    binaries: &Binaries,
    service: &Service,
    arguments: &[&str],
    environment: std::collections::BTreeMap<String, String>,
) -> Result<()> {
    let output = installation
        .account
        .command(&binaries.path(&service.binary)?)
        .args(arguments)
        .envs(environment)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!(
            "{} {} ended with {}\n{}{}",
            service.name,
            arguments.first().unwrap_or(&""),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn start_services(
    installation: &Installation,
    binaries: &Binaries,
    supervisor: &Supervisor,
) -> Result<Vec<String>> {
    let mut specs = Vec::new();
    for service in installation.services() {
        for replica in 0..installation.replicas(service) {
            specs.push(launch::process(installation, binaries, service, replica)?);
        }
    }
    let keys: Vec<String> = specs.iter().map(ProcessSpec::key).collect();
    supervisor.ensure(specs)?;
    supervisor.wait_until_ready(&keys, SERVICES_PATIENCE)?;
    Ok(keys)
}

/// Starts the gateway, or lets a running one read what has changed without dropping a connection.
pub(crate) fn start_gateway(
    installation: &Installation,
    supervisor: &Supervisor,
    slots: &Slots,
) -> Result<()> {
    let changed = gateway::prepare(installation, slots)?;
    gateway::check(installation)?;
    let runs = supervisor.status()?.iter().any(|report| report.key() == gateway::KEY && report.pid.is_some());
    supervisor.ensure(vec![gateway::process(installation)?])?;
    if runs && changed {
        supervisor.signal(gateway::KEY, Signal::Hangup)?;
    }
    supervisor.wait_until_ready(&[gateway::KEY.to_owned()], Duration::from_secs(20))
}

/// One public answer of each kind, as a stranger gets it.
async fn smoke(installation: &Installation) -> Result<()> {
    let door = FrontDoor::open(installation)?;
    for path in ["/api/credits/packages", "/api/sessions", "/api/docs/auth.json"] {
        front_door::send(door.get(path)).await?.expect(200).with_context(|| format!("GET {path}"))?;
    }
    front_door::send(door.get("/internal/v1/events"))
        .await?
        .expect(404)
        .context("GET /internal/v1/events")?;
    Ok(())
}
