//! What an operator does from the command line.

pub(crate) mod grant;
