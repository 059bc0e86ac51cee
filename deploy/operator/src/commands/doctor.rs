//! `ctl doctor`: what is wrong with this machine or this installation, each with its remedy.

use std::os::unix::fs::PermissionsExt;

use anyhow::Result;

use crate::installation::Installation;
use crate::layout::Stack;
use crate::preflight::{self, Facts, Finding, Severity};
use crate::supervisor::{ProcessState, Supervisor};
use crate::{gateway, secrets};

pub(crate) fn run(stack: Stack) -> Result<()> {
    let installation = Installation::attach(stack)?;
    let mut findings = Facts::gather(&installation).judge();
    findings.extend(exposed_secrets(&installation));
    findings.extend(unwell_processes(&installation)?);
    if findings.is_empty() {
        println!("nothing is wrong");
    }
    preflight::report(&findings)
}

fn exposed_secrets(installation: &Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for secret in secrets::inventory(installation) {
        let path = secrets::path(installation, &secret.name);
        let Ok(found) = std::fs::metadata(&path) else { continue };
        let mode = found.permissions().mode() & 0o777;
        if mode != 0o600 {
            findings.push(Finding {
                problem: format!("{} has mode {mode:o}", path.display()),
                remedy: format!(
                    "chmod 600 {}, and make the secret anew if others could read it",
                    path.display()
                ),
                severity: Severity::Warning,
            });
        }
    }
    findings
}

fn unwell_processes(installation: &Installation) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut find = |problem: String, remedy: String| {
        findings.push(Finding { problem, remedy, severity: Severity::Warning });
    };
    let Some(supervisor) = Supervisor::running(&installation.layout) else {
        find("nothing runs".to_owned(), "./deploy/up".to_owned());
        return Ok(findings);
    };
    let reports = supervisor.status()?;
    for report in reports.iter().filter(|report| report.state != ProcessState::Ready) {
        let reason = report.reason.as_deref().unwrap_or("no reason given");
        let problem = format!("{} is {}: {reason}", report.key(), report.state.as_str());
        find(problem, format!("./deploy/ctl logs {}", report.name));
    }
    if reports.iter().any(|report| report.key() == gateway::KEY)
        && let Err(fault) = gateway::check(installation)
    {
        find(format!("{fault:#}"), "./deploy/up renders the gateway's configuration anew".to_owned());
    }
    Ok(findings)
}
