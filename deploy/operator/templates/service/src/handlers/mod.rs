//! One file per endpoint.

pub(crate) mod create_note;
pub(crate) mod read_note;
