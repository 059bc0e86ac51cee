//! Tests of a service through HTTP, on a database of their own, with the clock in hand.
//!
//! Needs a PostgreSQL and a Redis for tests: `eval "$(./deploy/ctl test-env)"`.

mod annotations;
mod api_document;
mod app;
mod catalogue;
mod cluster;
mod eventually;
mod observer;
pub mod packages;
mod peer;
mod rank_sum;
mod request;
mod routes_page;
mod schema;
mod timing;
mod token;

pub use annotations::{assert_columns_are_annotated, assert_copy_holds_personal_columns};
pub use api_document::{assert_answer_fits, assert_document_reads_like_a_product, example_of};
pub use app::{TestApp, TestAppBuilder};
pub use catalogue::assert_tenant_tables_are_protected;
pub use cluster::{Superuser, TestDatabase};
pub use eventually::eventually;
pub use observer::{Observed, Observer};
pub use peer::{FakeFeed, FakePeer, problem};
pub use rank_sum::{RankSum, median};
pub use request::{Answer, Call};
pub use routes_page::{
    Route, assert_every_route_asks_who, assert_routes_page, assert_service_accounts_are_kept_out, routes_of,
};
pub use schema::assert_schema_file;
pub use timing::assert_times_tell_nothing;
pub use token::TestUser;
pub use wiremock;
