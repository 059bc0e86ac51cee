//! The binary of the service `{{service}}`.

fn main() -> std::process::ExitCode {
    shinkofa_runtime::main::<{{service_crate}}::State>()
}
