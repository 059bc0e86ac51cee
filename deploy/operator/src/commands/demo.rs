//! `ctl demo`: plays the whole story through the gateway.

use anyhow::{Result, bail};

use crate::installation::Installation;
use crate::layout::Stack;
use crate::story;

pub(crate) async fn run(stack: Stack) -> Result<()> {
    let installation = Installation::attach(stack)?;
    let stands_in = installation.services().any(|service| service.unless_setting.is_some());
    if !installation.settings.development() || !stands_in {
        bail!("the story pays at the Stripe stand-in, which runs in development without a Stripe key only");
    }
    story::play(&installation).await?;
    println!("\nthe story came out as it should");
    Ok(())
}
