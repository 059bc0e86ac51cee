//! Defences that a test may take away, to prove that its tests fail without them.
//!
//! With the `mutants` feature off, [`defended!`](crate::defended!) is the constant `true` and nothing of it is left in the
//! binary. With it on, the environment variable `SHINKOFA_DEFENCE_OFF` names the one defence that is off in this process.
//! Only `ctl test --only mutants` builds with the feature; no configuration of a service turns it on.

/// Is the defence of this name on? Written as a condition at the place that defends: `if defended!("V03") { ... }`.
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
    std::env::var_os("SHINKOFA_DEFENCE_OFF").is_none_or(|off| off != name)
}
