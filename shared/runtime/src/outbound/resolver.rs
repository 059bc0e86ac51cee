//! Asking for the addresses of a name.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

/// The addresses of a name, once they are known.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Whoever knows which addresses a name has now.
pub trait ResolveHost: Debug + Send + Sync {
    fn resolve(&self, host: String, port: u16) -> Resolving<'_>;
}

/// The operating system's way of asking.
#[derive(Debug)]
pub struct SystemResolver;

impl ResolveHost for SystemResolver {
    fn resolve(&self, host: String, port: u16) -> Resolving<'_> {
        Box::pin(async move {
            // An IPv6 address stands in brackets in a URL, and without them here.
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Ok(tokio::net::lookup_host((host, port)).await?.collect())
        })
    }
}
