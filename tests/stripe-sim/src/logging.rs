//! Logs: JSON lines on the standard output, filtered by `SHINKOFA_LOG`.

use tracing_subscriber::EnvFilter;

pub fn to_standard_output() {
    let filter = EnvFilter::try_from_env("SHINKOFA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
}
