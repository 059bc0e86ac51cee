//! `ctl secrets list`: which secrets there are, what for, and where they lie; never what they say.

use anyhow::Result;

use crate::installation::Installation;
use crate::layout::Stack;
use crate::secrets;

#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(crate) enum SecretsVerb {
    /// Names, purposes and files.
    List,
}

pub(crate) fn run(stack: Stack, verb: SecretsVerb) -> Result<()> {
    let SecretsVerb::List = verb;
    let installation = Installation::attach(stack)?;
    println!("in {}", installation.layout.secrets().display());
    for secret in secrets::inventory(&installation) {
        let there = secrets::path(&installation, &secret.name).is_file();
        let state = if there { "" } else { "  (not made yet)" };
        println!("  {:<28} {}{state}", secret.name, secret.purpose);
    }
    Ok(())
}
