//! HTTP as every service speaks it: problems, bodies, pages, idempotency keys, rate limits, request ids.

mod body;
mod entity_tag;
mod fault;
mod html;
pub mod idempotency;
mod local_windows;
mod locale;
mod observe;
mod page;
mod parameters;
mod problem;
mod rate_limit;
mod redis_pool;
mod refusals;
mod request_context;
mod trace_context;

pub use body::{Body, RawBody};
pub use entity_tag::{EntityTag, IfMatch};
pub use fault::Fault;
pub use html::html_page;
pub use locale::{Locale, Message};
pub use observe::{ContinueTrace, observe};
pub use page::{Cursor, Page, PageLimit};
pub use parameters::{Path, Query};
pub use problem::{FieldError, Problem, ProblemDocument, ProblemForm};
pub use rate_limit::{Decision, RateLimiter, RatePolicy, Strictness};
pub use redis_pool::Redis;
pub use refusals::{
    BodyRefusals, CallerRefusals, ConfirmedUnavailability, NotFoundRefusal, ParameterRefusal, RateRefusal,
    Unavailability, VersionRefusals,
};
pub use request_context::{ClientNetwork, RequestContext};
pub use trace_context::{current_traceparent, in_trace};

/// The tables that this crate needs in a service's schema.
pub const MIGRATIONS: diesel_migrations::EmbeddedMigrations = diesel_migrations::embed_migrations!();

#[doc(hidden)]
pub mod macros {
    pub use {actix_web, diesel, shinkofa_db};
}
