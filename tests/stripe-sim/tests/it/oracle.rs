//! Stripe's own SDKs drive the stand-in: what they refuse, Stripe would not have sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use shinkofa_testing::packages::{install_node_packages, install_python_packages, run};

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
    install_python_packages(&sources(), &folder);
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(sources().join("drive.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    drive(command).await;
}

#[tokio::test]
async fn the_node_sdk_finds_the_manners_of_stripe() {
    let folder = installed().join("node");
    install_node_packages(&sources(), &folder);
    let mut command = Command::new("node");
    command.arg(sources().join("drive.cjs")).env("NODE_PATH", folder.join("node_modules"));
    drive(command).await;
}
