//! The auth service's binary.

fn main() -> std::process::ExitCode {
    shinkofa_runtime::main::<auth::Auth>()
}
