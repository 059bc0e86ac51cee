//! The boot of every binary: configuration, listeners, background work, telemetry, drain.
//!
//! A service implements [`Service`] and hands itself to [`main`]; everything that all services do is here.

mod background;
mod command;
mod confirmed;
mod documentation;
mod environment;
mod health;
mod keys;
mod known_hosts;
pub mod outbound;
mod platform;
mod platform_events;
mod privacy;
mod processing;
mod server;
mod service;
mod settings;
mod telemetry;
mod tenants;
mod trust;

pub use command::main;
pub use confirmed::Confirmed;
pub use documentation::{openapi, openapi_internal};
pub use environment::{Environment, Faults};
pub use platform::Platform;
pub use platform_events::PlatformEvents;
pub use processing::processing_register;
pub use server::{Server, migrations};
pub use service::{Service, StartError, Subscriptions};
pub use settings::{Secrets, Settings, TenantDomain};
pub use tenants::{Tenant, save_role, tenants};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
