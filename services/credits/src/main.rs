//! The credits service.

fn main() -> std::process::ExitCode {
    shinkofa_runtime::main::<credits::Credits>()
}
