//! Telling the application what happened: signed, at least once, in no order that it may rely on.

pub mod delivery;
pub mod pump;
pub mod sender;
pub mod signature;
pub mod steering;
