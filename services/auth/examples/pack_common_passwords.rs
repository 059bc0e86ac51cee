//! Makes `src/domain/common_passwords.bin` of lists of passwords, one to a line:
//!
//! ```text
//! cargo run -p auth --example pack_common_passwords -- FILE... > common_passwords.bin
//! ```
//!
//! Ours, `common_passwords.txt` beside this file, is always among them. What the least length refuses anyway is left out.

use std::collections::HashSet;
use std::io::Write as _;

use anyhow::Context as _;
use auth::{SHORTEST_PASSWORD, pack_common_passwords};

fn main() -> anyhow::Result<()> {
    let mut passwords: HashSet<String> =
        include_str!("common_passwords.txt").lines().map(str::to_lowercase).collect();
    for path in std::env::args().skip(1) {
        // Lists of leaked passwords are not always UTF-8 throughout.
        let bytes = std::fs::read(&path).with_context(|| format!("{path} cannot be read"))?;
        let text = String::from_utf8_lossy(&bytes);
        passwords.extend(text.lines().map(|line| line.trim_end_matches('\r').to_lowercase()));
    }
    passwords.retain(|password| password.chars().count() >= SHORTEST_PASSWORD);
    let list = pack_common_passwords(passwords.iter().map(String::as_str))
        .context("too many passwords for this form")?;
    std::io::stdout().write_all(&list)?;
    Ok(())
}
