//! The notify service's binary.

fn main() -> std::process::ExitCode {
    shinkofa_runtime::main::<notify::Notify>()
}
