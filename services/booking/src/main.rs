//! The `booking` binary.

fn main() -> std::process::ExitCode {
    shinkofa_runtime::main::<booking::Booking>()
}
