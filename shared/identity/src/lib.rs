//! Who is asking: verification of user and service tokens, and the extractors that handlers take their caller from.

mod actor;
mod keyring;
mod permission;
mod revocation;
mod sealed;
mod service_token;
mod tenants;
mod user_token;

pub use actor::{CurrentActor, HostTenant, Identity, RequirePermission, denied, read_only, unauthenticated};
pub use keyring::{Keyring, KeyringError};
pub use permission::{Grants, Permission, permissions};
pub use revocation::{Revocation, Revocations};
pub use sealed::{SealingError, SealingKey};
pub use service_token::{RequireScope, Scope, ServiceCaller, ServiceClaims, ServiceTokens};
pub use tenants::TenantDirectory;
pub use user_token::{ActingParty, AssuranceLevel, TokenError, UserClaims, UserTokens};
