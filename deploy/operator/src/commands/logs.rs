//! `ctl logs`: the last lines of the logs, and with `-f` every line as it comes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::installation::Installation;
use crate::layout::Stack;
use crate::supervisor::tail;
use crate::wait;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LogsArguments {
    /// A process; all of them if none is named.
    name: Option<String>,
    /// Goes on printing what is written.
    #[arg(short, long)]
    follow: bool,
    /// How many lines of each log come first.
    #[arg(short = 'n', long, default_value_t = 20)]
    lines: usize,
}

struct Followed {
    name: String,
    path: PathBuf,
    read: u64,
}

pub(crate) fn run(stack: Stack, arguments: &LogsArguments) -> Result<()> {
    let installation = Installation::attach(stack)?;
    let folder = installation.layout.logs();
    let mut logs = Vec::new();
    for entry in
        std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?.flatten()
    {
        let path = entry.path();
        let Some(name) =
            entry.file_name().to_str().and_then(|name| name.strip_suffix(".log")).map(str::to_owned)
        else {
            continue;
        };
        let wanted = arguments.name.as_ref().is_none_or(|wanted| belongs_to(&name, wanted));
        if wanted {
            let read = std::fs::metadata(&path)?.len();
            logs.push(Followed { name, path, read });
        }
    }
    if logs.is_empty() {
        bail!("there is no log of {}", arguments.name.as_deref().unwrap_or("anything"));
    }
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    for log in &logs {
        for line in tail(&log.path, arguments.lines).lines() {
            println!("{:<16} {line}", log.name);
        }
    }
    if arguments.follow {
        // Ends when the reader interrupts it.
        wait::until(Duration::MAX, || {
            logs.iter_mut().for_each(Followed::print_new);
            None::<()>
        });
    }
    Ok(())
}

/// `booking` is also `booking.1`, its second replica.
fn belongs_to(log: &str, wanted: &str) -> bool {
    log == wanted || log.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

impl Followed {
    fn print_new(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let length = file.metadata().map_or(0, |found| found.len());
        if length < self.read {
            // It was rotated: what follows starts anew.
            self.read = 0;
        }
        let mut text = Vec::new();
        if file.seek(SeekFrom::Start(self.read)).is_err() || file.read_to_end(&mut text).is_err() {
            return;
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        for line in String::from_utf8_lossy(&text[..whole]).lines() {
            println!("{:<16} {line}", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_all_replicas_and_no_other_process() {
        assert!(belongs_to("booking", "booking") && belongs_to("booking.1", "booking"));
        assert!(!belongs_to("bookings", "booking"));
    }
}
