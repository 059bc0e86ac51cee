//! `ctl new-service`: a small whole service under a name of its own, ready to be changed into what it shall be.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::render;
use crate::binaries::cargo;
use crate::installation::find_checkout;
use crate::manifest::Manifest;
use crate::scaffold;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NewServiceArguments {
    /// One word: it names the folder, the package, the schema and the path of the gateway.
    name: String,
    /// Another workspace than this checkout.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub(crate) fn run(arguments: &NewServiceArguments) -> Result<()> {
    let checkout = find_checkout()?;
    let workspace = arguments.into.as_deref().unwrap_or(&checkout);
    let name = &arguments.name;
    let manifest_path = workspace.join("deploy/services.toml");
    let before = std::fs::read_to_string(&manifest_path)
        .with_context(|| format!("reading {}", manifest_path.display()))?;
    scaffold::check_name(workspace, &Manifest::parse(&before)?, name)?;
    let after = scaffold::manifest_with(&before, name)?;

    let written = scaffold::write_files(&checkout, workspace, name)?;
    std::fs::write(&manifest_path, &after)?;
    render::write(workspace, &Manifest::parse(&after)?)?;
    format(&checkout, &written)?;
    lock(workspace)?;

    println!(
        "\nservices/{name} is there. It has one table, two endpoints and one event to replace with its own:"
    );
    println!("  docs/adding-a-service.md       what to do next");
    println!("  cargo nextest run -p {name}    its tests, after eval \"$(./deploy/ctl test-env)\"");
    println!("  ./deploy/up                    starts it with everything else");
    Ok(())
}

/// The order of imports depends on the name. Without rustfmt the files are as good, only not formatted.
fn format(checkout: &Path, written: &[PathBuf]) -> Result<()> {
    let roots = ["src/lib.rs", "src/main.rs", "tests/it/main.rs"];
    let files = written.iter().filter(|path| roots.iter().any(|root| path.ends_with(root)));
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--config-path"]).arg(checkout.join("rustfmt.toml")).args(files);
    match rustfmt.status() {
        Ok(status) if !status.success() => bail!("rustfmt does not understand the new files ({status})"),
        Ok(_) => Ok(()),
        Err(_) => {
            println!("left out: there is no rustfmt, so the new files are not formatted");
            Ok(())
        }
    }
}

/// Builds are locked, so the new package must be in the lock file. Everything it needs is there already.
fn lock(workspace: &Path) -> Result<()> {
    let status = cargo(workspace).args(["update", "--workspace", "--offline", "--quiet"]).status();
    let status = status.context("running cargo")?;
    if !status.success() {
        bail!("cargo could not add the service to Cargo.lock ({status})");
    }
    Ok(())
}
