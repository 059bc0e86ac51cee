//! What is decided without asking anybody: prices, the life of a payment, validity, signatures.

pub(crate) mod hold;
pub(crate) mod lot;
pub(crate) mod package;
pub(crate) mod payment;
pub(crate) mod signature;
