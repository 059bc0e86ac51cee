//! Who is asking: verification of user and service tokens, and the extractors that handlers take their caller from.

mod actor;
mod keyring;
mod machine;
mod permission;
mod revocation;
mod roles;
mod sealed;
mod service_token;
mod step_up;
mod tenants;
pub mod totp;
mod user_token;

pub use actor::{
    AccountActor, CurrentActor, EnrollingActor, HostTenant, Identity, LeavingActor, OwnActor,
    RequirePermission, bearer, denied, enrolment_required, people_only, read_only, unauthenticated,
};
pub use keyring::{Keyring, KeyringError};
pub use machine::{Machine, SERVICE_ACCOUNT};
pub use permission::{Grants, Permission, permissions};
pub use revocation::{Revocation, Revocations, Standing};
pub use roles::RoleDirectory;
pub use sealed::{SealingError, SealingKey};
pub use service_token::{RequireScope, Scope, ServiceCaller, ServiceClaims, ServiceTokens};
pub use step_up::{RECENT, RequireStepUp, is_stepped_up, step_up_required};
pub use tenants::TenantDirectory;
pub use user_token::{ActingParty, AssuranceLevel, LONGEST_TOKEN, TokenError, UserClaims, UserTokens};
