//! Systems that are not ours.

pub(crate) mod stripe;
