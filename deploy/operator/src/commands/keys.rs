//! `ctl keys rotate`: another key signs, without a token refused that was good.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bring_up::Lock;
use crate::files::write_private;
use crate::installation::Installation;
use crate::layout::Stack;
use crate::{keyring, secrets};

#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(crate) enum KeysVerb {
    /// Distributes the next key, signs with it, and retires the old one when no token of it is left.
    Rotate {
        #[arg(value_enum, default_value_t = Ring::User)]
        ring: Ring,
        /// Leaves the old key accepted: `ctl keys retire` removes it later.
        #[arg(long)]
        keep_old: bool,
    },
    /// Removes every key but the one that signs: its tokens are refused from then on.
    Retire {
        #[arg(value_enum, default_value_t = Ring::User)]
        ring: Ring,
    },
}

/// Which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ring {
    /// Those that sign access tokens of people.
    User,
    /// Those that sign tokens between services.
    Service,
}

/// Services look at the file every two seconds; a busy one may be late.
const SEEN_BY_ALL: Duration = Duration::from_secs(10);
/// An access token lives fifteen minutes, and clocks differ by half a minute.
const TOKENS_GONE: Duration = Duration::from_secs(16 * 60);

impl Ring {
    fn file(self, installation: &Installation) -> PathBuf {
        secrets::path(
            installation,
            match self {
                Self::User => "jwt-keyring",
                Self::Service => "jwt-service-keyring",
            },
        )
    }
}

pub(crate) fn run(stack: Stack, verb: KeysVerb) -> Result<()> {
    let installation = Installation::attach(stack)?;
    let _lock = Lock::take(&installation)?;
    match verb {
        KeysVerb::Rotate { ring, keep_old } => rotate(&installation, ring, keep_old),
        KeysVerb::Retire { ring } => retire(&installation, ring),
    }
}

fn rotate(installation: &Installation, ring: Ring, keep_old: bool) -> Result<()> {
    let next = secrets::keyring_line()?;
    let kid = next.split(':').next().unwrap_or_default().to_owned();
    change(installation, ring, |text| keyring::distributed(text, &next))?;
    println!("key {kid} is distributed: every service accepts it in a moment");
    let_pass(SEEN_BY_ALL);
    change(installation, ring, keyring::signing)?;
    println!("key {kid} signs; the old one is accepted for {} minutes more", TOKENS_GONE.as_secs() / 60);
    if keep_old {
        println!("then: deploy/ctl keys retire");
        return Ok(());
    }
    let_pass(SEEN_BY_ALL + TOKENS_GONE);
    change(installation, ring, keyring::retired)?;
    println!("the old key is retired");
    Ok(())
}

/// Nobody announces having read a file again, or that no token of an old key is left: time alone makes it so.
fn let_pass(time: Duration) {
    #[allow(clippy::disallowed_methods, reason = "there is no condition to ask for")]
    std::thread::sleep(time);
}

fn retire(installation: &Installation, ring: Ring) -> Result<()> {
    let text = read(installation, ring)?;
    if keyring::count(&text) < 2 {
        bail!("there is one key: nothing is left to retire");
    }
    change(installation, ring, keyring::retired)?;
    println!("the old keys are retired: tokens that they signed are refused from now on");
    Ok(())
}

fn read(installation: &Installation, ring: Ring) -> Result<String> {
    let path = ring.file(installation);
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// Replaces the file in one step: no service meets half a file.
fn change(installation: &Installation, ring: Ring, step: impl Fn(&str) -> Result<String>) -> Result<()> {
    let text = step(&read(installation, ring)?)?;
    write_private(&ring.file(installation), text.as_bytes(), &installation.account)?;
    Ok(())
}
