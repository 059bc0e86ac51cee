//! Reads and writes, inside somebody else's transaction.

pub(crate) mod notes;
pub(crate) mod schema;
