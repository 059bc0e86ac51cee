//! Checks that need nothing running: format, lints, shell scripts, the gateway's configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::process::Command;

use super::defence_table;
use super::tally::Tally;
use crate::binaries::cargo;
use crate::gateway::{self, Slots};
use crate::installation::Installation;
use crate::{certificates, installation};

pub(crate) async fn run(installation: &Installation) -> Result<Tally> {
    let mut tally = Tally::default();
    let checkout = &installation.layout.checkout;
    let mut format = Command::from(cargo(checkout));
    format.args(["fmt", "--all", "--check"]);
    tally += judge("cargo fmt", format).await?;
    if has_clippy(installation).await {
        let mut lints = Command::from(cargo(checkout));
        lints.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        tally += judge("cargo clippy", lints).await?;
    } else {
        // Debian packages no clippy for the compiler it packages.
        println!("left out   cargo clippy: this toolchain has none");
    }
    let mut shell = Command::new(installation::find_program("shellcheck")?);
    shell.arg("--external-sources").args(scripts(installation)?).current_dir(checkout);
    tally += judge("shellcheck", shell).await?;
    tally += report("nginx -t", gateway_is_sound(installation));
    tally += defence_table(checkout);
    Ok(tally)
}

/// The table of defences is about the source that is here.
pub(crate) fn defence_table(checkout: &Path) -> Tally {
    report("the table of defences", defence_table::check(checkout))
}

async fn judge(name: &str, mut command: Command) -> Result<Tally> {
    let status = command.kill_on_drop(true).status().await.with_context(|| format!("running {name}"))?;
    Ok(report(name, if status.success() { Ok(()) } else { Err(anyhow::anyhow!("{status}")) }))
}

fn report(name: &str, result: Result<()>) -> Tally {
    match result {
        Ok(()) => {
            println!("passed     {name}");
            Tally::passed()
        }
        Err(fault) => {
            println!("failed     {name}: {fault:#}");
            Tally::failed()
        }
    }
}

async fn has_clippy(installation: &Installation) -> bool {
    let mut command = Command::from(cargo(&installation.layout.checkout));
    command.args(["clippy", "--version"]).output().await.is_ok_and(|output| output.status.success())
}

/// The entry points and whatever else of ours begins like a shell script.
fn scripts(installation: &Installation) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for folder in ["deploy", ".ci", "docker"] {
        let folder = installation.layout.checkout.join(folder);
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
            let text = std::fs::read(&path)?;
            if text.starts_with(b"#!/usr/bin/env bash") || text.starts_with(b"#!/bin/sh") {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    Ok(scripts)
}

fn gateway_is_sound(installation: &Installation) -> Result<()> {
    certificates::ensure(installation)?;
    gateway::prepare(installation, &Slots::new())?;
    gateway::check(installation)
}
