//! Named places where a test may kill the process.
//!
//! With the `failpoints` feature off, [`failpoint!`](crate::failpoint!) compiles to nothing. With it on, a file
//! `<SHINKOFA_FAILPOINTS_DIR>/<name>` arms the point: the process that reaches it first renames the file to
//! `<name>.fired` and is gone as by `kill -9`, with no destructor run and nothing flushed.

/// Dies here if a test armed the point of this name.
#[macro_export]
macro_rules! failpoint {
    ($name:expr) => {
        $crate::failpoint::reach($name)
    };
}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_name: &str) {}

/// The rename is atomic, so of several processes at the same point exactly one dies.
#[cfg(feature = "failpoints")]
pub fn reach(name: &str) {
    let Some(folder) = std::env::var_os("SHINKOFA_FAILPOINTS_DIR") else { return };
    let armed = std::path::Path::new(&folder).join(name);
    let fired = armed.with_file_name(format!("{name}.fired"));
    if std::fs::rename(&armed, fired).is_ok() {
        std::process::abort();
    }
}
