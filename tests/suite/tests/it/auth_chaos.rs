//! Auth while Redis, PostgreSQL or the mail server are gone, and after they came back with an older memory: nobody gets in who
//! should not, nothing that was taken back is good again, and within five seconds everything is as it was. And auth itself, killed
//! while people write.

mod mail;
mod postgres;
mod redis;
pub mod revocation;
mod traffic;
mod writes;

use std::time::Duration;

/// So soon after what was gone is back, everything works as before; and so soon every service knows what was taken back.
const PROMISED: Duration = Duration::from_secs(5);
