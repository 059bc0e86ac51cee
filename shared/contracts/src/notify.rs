//! How notify is called.

pub const SERVICE: &str = "notify";
