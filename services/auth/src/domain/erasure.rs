//! Being forgotten: asked for, waited for, carried out, confirmed.

use chrono::TimeDelta;
use shinkofa_kernel::text_enum;

text_enum! {
    /// How far a request to be forgotten has come.
    ErasureState {
        /// It can still be taken back.
        Scheduled => "scheduled",
        Cancelled => "cancelled",
        /// Auth has forgotten the person; the other services are asked whether they have.
        Erasing => "erasing",
        Done => "done",
    }
}

/// How long somebody may change their mind.
pub const GRACE: TimeDelta = TimeDelta::days(14);

/// Every service is told twice. The first telling reaches it while it may still be working through what was told before; once it
/// is past that, the second finds everything there will ever be.
pub const ROUNDS: i32 = 2;
