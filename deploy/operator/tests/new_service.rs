//! Follows `docs/adding-a-service.md` as a newcomer would: makes one more service in a scratch workspace and runs its tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CTL: &str = env!("CARGO_BIN_EXE_ctl");
/// What the tests of a fresh service promise: health, sign-in, row-level security and an event.
const PROMISES: [&str; 5] = [
    "the_internal_listener_says_that_the_service_lives_and_is_ready",
    "whoever_is_not_signed_in_is_refused",
    "a_query_without_its_tenant_sees_nothing",
    "a_note_is_told_in_the_feed_once_it_is_committed",
    "the_schema_file_and_the_routes_page_tell_the_truth",
];

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout")
}

/// The words of the command on the page, after the program: `new-service notes`.
fn command_of_the_page() -> Vec<String> {
    let page = std::fs::read_to_string(checkout().join("docs/adding-a-service.md")).expect("the page");
    let (_, after) = page.split_once("`./deploy/ctl ").expect("the page names the command");
    let (command, _) = after.split_once('`').expect("the command ends");
    command.split_whitespace().map(str::to_owned).collect()
}

/// The workspace without its services: the shared crates by link, and a manifest and a lock file to be changed.
fn scratch_workspace(folder: &Path) {
    let checkout = checkout();
    let root = std::fs::read_to_string(checkout.join("Cargo.toml")).expect("the workspace");
    let (before, after) = root.split_once("members = [").expect("the members");
    let (_, after) = after.split_once(']').expect("the end of the members");
    let root = format!("{before}members = [\"services/*\", \"shared/*\"]{after}");
    std::fs::write(folder.join("Cargo.toml"), root).expect("a workspace file");
    std::fs::create_dir_all(folder.join("deploy")).expect("a folder");
    for file in ["Cargo.lock", "clippy.toml", "rustfmt.toml", "deploy/services.toml"] {
        std::fs::copy(checkout.join(file), folder.join(file)).expect("a copy");
    }
    std::os::unix::fs::symlink(checkout.join("shared"), folder.join("shared")).expect("a link");
}

/// What the tests of this checkout were built into, so that nothing is compiled a second time.
fn target_folder() -> PathBuf {
    Path::new(CTL).ancestors().nth(2).expect("the target folder").to_owned()
}

fn new_service(workspace: &Path) -> Output {
    Command::new(CTL)
        .args(command_of_the_page())
        .arg("--into")
        .arg(workspace)
        .env("SHINKOFA_CHECKOUT", checkout())
        .output()
        .expect("the operator starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_service_made_as_the_page_says_builds_and_keeps_its_promises() {
    let scratch = tempfile::tempdir().unwrap();
    scratch_workspace(scratch.path());
    let made = new_service(scratch.path());
    assert!(made.status.success(), "{}", text(&made));
    let name = command_of_the_page().pop().unwrap();
    let compose = std::fs::read_to_string(scratch.path().join("docker/compose.yaml")).unwrap();
    assert!(compose.contains(&format!("\n  {name}:\n")), "the images know the service");

    let tested = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--offline", "--locked", "--package", &name])
        .current_dir(scratch.path())
        .env("CARGO_TARGET_DIR", target_folder())
        .output()
        .unwrap();
    assert!(tested.status.success(), "{}", text(&tested));
    for promise in PROMISES {
        assert!(text(&tested).contains(&format!("test {promise} ... ok")), "{promise}\n{}", text(&tested));
    }

    let again = new_service(scratch.path());
    assert!(!again.status.success() && text(&again).contains("already"), "{}", text(&again));
}
