//! What the stand-in knows about payments: plain types and functions, without HTTP or files.

pub mod charge;
pub mod checkout_session;
pub mod currency;
pub mod customer;
pub mod event;
pub mod form;
pub mod ids;
pub mod listing;
pub mod payment;
pub mod payment_intent;
pub mod refund;
pub mod rejection;
