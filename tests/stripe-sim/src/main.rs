//! The process of the Stripe stand-in.

use stripe_sim::{Config, clock, logging};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    logging::to_standard_output();
    let config = Config::from_environment(|name| std::env::var(name).ok())?;
    stripe_sim::start(config, clock::system)?.run().await
}
