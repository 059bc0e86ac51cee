//! The words every service shares: typed ids, the clock, money, who acts and for which tenant.
//!
//! Nothing here does input or output. The database conversions that the id and enum macros write are
//! plain value conversions.

// The macros name this crate by its outside name, here too.
extern crate self as shinkofa_kernel;

mod actor;
mod clock;
pub mod defence;
pub mod failpoint;
mod ids;
mod money;
mod text_enum;

pub use actor::{Actor, Role, Tier};
pub use clock::Clock;
pub use ids::{RealmId, RequestId, SessionId, TenantId, UserId};
pub use money::{Currency, Money, UnknownCurrency};
pub use text_enum::UnknownName;

#[doc(hidden)]
pub mod macros {
    pub use {chrono, diesel, serde, utoipa, uuid};
}
