//! Defences that a test may take away, to prove that its tests fail without them.
//!
//! With the `mutants` feature off, [`defended!`](crate::defended!) is the constant `true` and nothing of it is left in the
//! binary. With it on, the environment variable `SHINKOFA_DEFENCE_OFF` names the one defence that is off in this process.
//! Builds for tests have the feature, as they have that of [`failpoint`](crate::failpoint); no release can have it.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("a release is built with all of its defences");

/// Is the defence of this name on? Written as a condition at the place that defends: `if defended!("V03") { ... }`.
///
/// A name is a failure of the auth design page, and what of it is defended here where that is done in several places:
/// `V14-replay`. What runs without it is the mistake that others made. `ctl test --only mutants` takes one after the other
/// away and demands that a test of its number fails.
#[macro_export]
macro_rules! defended {
    ($name:literal) => {
        $crate::defence::is_on($name)
    };
}

#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn is_on(_name: &str) -> bool {
    true
}

#[cfg(feature = "mutants")]
pub fn is_on(name: &str) -> bool {
    use std::ffi::OsString;
    use std::sync::OnceLock;

    static OFF: OnceLock<Option<OsString>> = OnceLock::new();
    OFF.get_or_init(|| std::env::var_os("SHINKOFA_DEFENCE_OFF")).as_ref().is_none_or(|off| off != name)
}
