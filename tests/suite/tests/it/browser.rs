//! What people do in a browser: Chromium, driven by the stories of `tests/browser`, against the real gateway.

use std::path::{Path, PathBuf};
use std::process::Command;

use shinkofa_testing::packages::install_node_packages;
use suite::{Person, Stack, invariants};

/// Has the story of this name told to its end, about `person`.
async fn tell(stack: &Stack, story: &str, person: &Person) {
    let packages = installed();
    let mut command = Command::new("node");
    command
        .arg(sources().join(format!("{story}.cjs")))
        .env("NODE_PATH", packages.join("node_modules"))
        .env("STORY_DOMAIN", &stack.domain)
        .env("STORY_PORT", stack.gateway_port.to_string())
        .env("STORY_AUTHORITY", &stack.authority)
        .env("STORY_EMAIL", &person.email)
        .env("STORY_PASSWORD", &person.password);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let output = output.expect("node can be run");
    assert!(
        output.status.success(),
        "{story} is not told to its end\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../browser")
}

/// Where Playwright is installed once and found again: inside the build folder.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the build folder").join("browser");
    install_node_packages(&sources(), &folder);
    folder
}

/// V22 with a real scanner, and the short code for another browser.
#[tokio::test]
async fn v22_a_mailed_link_signs_in_a_person_and_no_link_scanner() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    tell(&stack, "magic_link", &person).await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_passkey_signs_in_alone_and_as_a_second_factor_in_a_real_browser() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    tell(&stack, "passkeys", &person).await;
    invariants::check(&stack).await;
}

#[tokio::test]
async fn cookie_mode_spans_two_subdomains_and_keeps_everybody_else_out() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    tell(&stack, "cookie_mode", &person).await;
    invariants::check(&stack).await;
}
