//! Stripe's own SDKs drive the stand-in: what they refuse, Stripe would not have sent.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::endpoint::Endpoint;
use crate::harness::{API_KEY, Sim, WEBHOOK_SECRET};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

/// Where the SDKs are installed once and found again: inside the build folder.
fn installed() -> PathBuf {
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    build.join("stripe-oracle")
}

/// Runs a command to its end and shows what it said when it fails.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Installs once for each content of `pins`. The folder is complete when the note of what it holds
/// is written, so an installation that was cut off is made anew.
fn install(folder: &Path, pins: &Path, make: impl FnOnce()) {
    let note = folder.join("installed");
    let wanted = std::fs::read(pins).unwrap();
    if std::fs::read(&note).is_ok_and(|found| found == wanted) {
        return;
    }
    drop(std::fs::remove_dir_all(folder));
    std::fs::create_dir_all(folder).unwrap();
    make();
    std::fs::write(note, wanted).unwrap();
}

fn install_python(folder: &Path) {
    let pins = sources().join("requirements.txt");
    install(folder, &pins, || {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&pins));
    });
}

fn install_node(folder: &Path) {
    let lock = sources().join("package-lock.json");
    install(folder, &lock, || {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sources().join(file), folder.join(file)).unwrap();
        }
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder));
    });
}

async fn drive(mut command: Command) {
    let endpoint = Endpoint::start().await;
    let sim = Sim::sending_to(&endpoint).await;
    // The Node script reads webhooks that were sent before it began to look.
    sim.paid_session().await;
    endpoint.wait_for(4).await;
    command
        .env("STRIPE_SIM_URL", &sim.url)
        .env("STRIPE_SIM_API_KEY", API_KEY)
        .env("STRIPE_SIM_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("RECEIVED_URL", endpoint.received_url())
        .env("NO_PROXY", "*");
    tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
}

#[tokio::test]
async fn the_python_sdk_finds_the_shapes_and_manners_of_stripe() {
    let folder = installed().join("python");
    install_python(&folder);
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(sources().join("drive.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    drive(command).await;
}

#[tokio::test]
async fn the_node_sdk_finds_the_manners_of_stripe() {
    let folder = installed().join("node");
    install_node(&folder);
    let mut command = Command::new("node");
    command.arg(sources().join("drive.cjs")).env("NODE_PATH", folder.join("node_modules"));
    drive(command).await;
}
