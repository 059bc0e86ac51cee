//! `ctl reset`: gives up all data of an installation, after a copy of it was put aside.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::down;
use crate::bring_up::Lock;
use crate::installation::{Installation, find_program};
use crate::layout::{self, Stack};
use crate::supervisor::Supervisor;
use crate::{postgres, seeds, stores};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ResetArguments {
    /// Does not ask.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(stack: Stack, arguments: ResetArguments) -> Result<()> {
    let installation = Installation::attach(stack)?;
    if !installation.layout.home.is_dir() {
        println!("there is nothing to reset");
        return Ok(());
    }
    let _lock = Lock::take(&installation)?;
    if !arguments.yes && !confirmed(&installation.layout.home)? {
        bail!("nothing was changed");
    }
    if installation.layout.postgres_data().join("PG_VERSION").is_file() {
        let copy = back_up(&installation)?;
        println!("a copy of what was there: {}", copy.display());
    }
    down::stop(&installation)?;
    std::fs::remove_dir_all(&installation.layout.home)?;
    for name in ["journal.json", "ca.crt"] {
        remove_if_there(&installation.layout.run.join(name))?;
    }
    remove_if_there(&seeds::people_file(&installation))?;
    println!("{} is empty: ./deploy/up starts anew", installation.layout.home.display());
    Ok(())
}

fn confirmed(home: &Path) -> Result<bool> {
    print!("Delete all data in {}? Type yes: ", home.display());
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// The database as `pg_restore` reads it, with the secrets without which it is worth nothing.
fn back_up(installation: &Installation) -> Result<PathBuf> {
    let supervisor = Supervisor::start(&installation.layout)?;
    stores::ensure(installation, &supervisor).context("starting PostgreSQL for the copy")?;
    let stamp = crate::supervisor::now().replace(':', "");
    let folder = installation.layout.backups().join(stamp);
    layout::create_private(&installation.layout.backups(), &installation.account)?;
    layout::create_private(&folder, &installation.account)?;
    let dumped = installation
        .account
        .command(&find_program("pg_dump")?)
        .args(["--format=custom", "--username=postgres", "--dbname", postgres::DATABASE])
        .arg("--host")
        .arg(&installation.layout.sockets)
        .args(["--port", &installation.ports.postgres().to_string()])
        .arg("--file")
        .arg(folder.join("shinkofa.dump"))
        .output()?;
    if !dumped.status.success() {
        bail!("pg_dump failed, so nothing is deleted:\n{}", String::from_utf8_lossy(&dumped.stderr));
    }
    let secrets = folder.join("secrets");
    layout::create_private(&secrets, &installation.account)?;
    for entry in std::fs::read_dir(installation.layout.secrets())?.flatten() {
        let text = std::fs::read(entry.path())?;
        crate::files::write_private(&secrets.join(entry.file_name()), &text, &installation.account)?;
    }
    Ok(folder)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => Err(fault.into()),
        _ => Ok(()),
    }
}
