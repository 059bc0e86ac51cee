//! `ctl audit verify`: walks the sealed audit trail and names the first event that is not what it was.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::binaries::{self, Build};
use crate::installation::Installation;
use crate::launch;
use crate::layout::Stack;

#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum AuditVerb {
    /// Verifies the chain of every tenant, and that it still holds what it held the last time.
    Verify {
        /// Only this tenant's: its id or its short name.
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// False when a chain is not intact.
pub(crate) fn run(stack: Stack, verb: &AuditVerb) -> Result<bool> {
    let AuditVerb::Verify { tenant } = verb;
    let installation = Installation::attach(stack)?;
    let build = if stack == Stack::Suite { Build::Failpoints } else { Build::Release };
    let binaries = binaries::install(&installation, build)?;
    let auth = installation.manifest.service("auth").context("the manifest has no auth")?;
    // Kept here and not in the database: whoever cuts off the end of a chain there cannot make this forget it.
    let folder = installation.layout.state_of("auth");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    std::os::unix::fs::chown(&folder, Some(installation.account.uid), Some(installation.account.gid))?;
    let heads = folder.join("audit-heads.json");

    let mut command = installation.account.command(&binaries.path(&auth.binary)?);
    command.arg("audit-verify").arg("--heads").arg(&heads);
    if let Some(tenant) = tenant {
        command.args(["--tenant", tenant]);
    }
    let status = command
        .envs(launch::command_environment(&installation, auth)?)
        .stdin(Stdio::null())
        .status()
        .context("running auth audit-verify")?;
    Ok(status.success())
}
