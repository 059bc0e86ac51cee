//! The programs of the services: built by cargo, copied to where the account may run them.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::installation::Installation;
use crate::layout::Stack;
use crate::procfs;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// What people run.
    Release,
    /// What the suite runs: quick to build, with points where a test may kill a process.
    Failpoints,
}

/// Where each program was put.
#[derive(Debug, Clone, Default)]
pub(crate) struct Binaries {
    paths: BTreeMap<String, PathBuf>,
}

impl Binaries {
    pub(crate) fn path(&self, binary: &str) -> Result<PathBuf> {
        self.paths.get(binary).cloned().with_context(|| format!("{binary} has not been built"))
    }
}

/// The cargo to call; cargo itself names it so when it runs us.
pub(crate) fn cargo(checkout: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout);
    command
}

/// This very program, also when a build has replaced it on the disk since it was started.
pub(crate) fn operator() -> Result<PathBuf> {
    procfs::program(std::process::id()).context("finding the operator's own program")
}

/// Builds every program that runs here and puts it in place.
pub(crate) fn build(installation: &Installation, build: Build) -> Result<Binaries> {
    compile(installation, build, &[])?;
    install(installation, build)
}

/// Booking with its guard compiled out, for the suite's proof that the guard is what keeps seats from being oversold.
/// Built before the guarded one, which then takes its place among cargo's products.
pub(crate) fn build_unguarded_booking(installation: &Installation) -> Result<PathBuf> {
    compile(installation, Build::Failpoints, &["booking/unguarded"])?;
    let target = target_folder(installation);
    let variant = target.join("variants/booking-unguarded");
    std::fs::create_dir_all(target.join("variants"))?;
    let unfinished = variant.with_extension("new");
    std::fs::copy(target.join("debug/booking"), &unfinished).context("keeping the unguarded booking")?;
    std::fs::rename(&unfinished, &variant)?;
    Ok(variant)
}

/// What measures a stack, built with it. It is no service: it runs where cargo put it.
pub(crate) fn bench(installation: &Installation) -> PathBuf {
    target_folder(installation).join("release/bench")
}

fn compile(installation: &Installation, build: Build, features: &[&str]) -> Result<()> {
    let checkout = &installation.layout.checkout;
    let mut command = cargo(checkout);
    command.args(["build", "--locked"]);
    for service in installation.services() {
        command.args(["--bin", &service.binary]);
    }
    if installation.layout.stack == Stack::Bench {
        command.args(["--package", "bench", "--bin", "bench"]);
    }
    match build {
        Build::Release => {
            command.arg("--release");
            command.args(installation.services().flat_map(|service| ["--package", &service.package]));
        }
        Build::Failpoints => {
            command.args(selection(installation));
            // Dependencies have the features of tests only where a test is built too. This is the smallest.
            command.args(["--test", "new_service"]);
        }
    }
    for feature in features {
        command.args(["--features", feature]);
    }
    let status = command.status().context("running cargo")?;
    if !status.success() {
        bail!("the build failed ({status}): see above");
    }
    Ok(())
}

/// What every build for tests selects. One selection for all of them: another would have other features of the
/// dependencies, and all of those would be compiled again. Points where a process may be killed and defences that can be taken
/// away do nothing until a test's environment names one.
pub(crate) fn selection(installation: &Installation) -> Vec<String> {
    let services = installation.services().filter(|service| service.database);
    let mut features: Vec<String> =
        services.map(|service| format!("{}/failpoints", service.package)).collect();
    features.push("auth/mutants".to_owned());
    ["--workspace".to_owned(), "--features".to_owned(), features.join(",")].into()
}

fn target_folder(installation: &Installation) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    installation.layout.checkout.join(target)
}

/// Takes what was built before, without building.
pub(crate) fn install(installation: &Installation, build: Build) -> Result<Binaries> {
    let folder = target_folder(installation).join(match build {
        Build::Release => "release",
        Build::Failpoints => "debug",
    });
    let mut binaries = Binaries::default();
    for service in installation.services() {
        let built = folder.join(&service.binary);
        let placed = place(installation, &built, &service.binary)?;
        binaries.paths.insert(service.binary.clone(), placed);
    }
    prune(installation, &binaries)?;
    Ok(binaries)
}

/// A copy under a name of its own per build: the account cannot enter a checkout below /root, a running program is not
/// overwritten, and a process started from an older build is told by its path.
fn place(installation: &Installation, built: &Path, name: &str) -> Result<PathBuf> {
    let found =
        std::fs::metadata(built).with_context(|| format!("{} has not been built", built.display()))?;
    let build = format!("{:x}{:x}", found.mtime(), found.mtime_nsec() ^ found.size().cast_signed());
    let placed = installation.layout.binaries().join(format!("{name}-{build}"));
    if placed.is_file() {
        return Ok(placed);
    }
    let unfinished = placed.with_extension("new");
    std::fs::copy(built, &unfinished).with_context(|| format!("copying {}", built.display()))?;
    std::fs::set_permissions(&unfinished, std::fs::Permissions::from_mode(0o500))?;
    chown(&unfinished, Some(installation.account.uid), Some(installation.account.gid))?;
    std::fs::rename(&unfinished, &placed)?;
    Ok(placed)
}

/// Older builds go, those that a process still runs excepted.
fn prune(installation: &Installation, current: &Binaries) -> Result<()> {
    let running: Vec<PathBuf> = crate::supervisor::owned_processes(&installation.layout.records())
        .into_iter()
        .filter_map(procfs::program)
        .collect();
    for entry in std::fs::read_dir(installation.layout.binaries())?.flatten() {
        let path = entry.path();
        if !current.paths.values().any(|kept| *kept == path) && !running.contains(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
