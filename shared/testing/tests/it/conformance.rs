//! The middleware for Node services agrees with the conformance kit that the Rust services are tried with, and keeps the promises of
//! its own tests.

use std::path::Path;
use std::process::Command;

use shinkofa_testing::packages::{install_node_packages, run};

#[test]
fn v09_v10_the_node_middleware_agrees_with_the_conformance_kit() {
    let identity = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity");
    let sources = identity.join("node");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("identity-node");
    install_node_packages(&sources, &folder);
    // Node looks for packages beside the file that asks for them.
    for file in std::fs::read_dir(&sources).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "js") {
            std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
    }
    run(Command::new("node")
        .arg("--test")
        .current_dir(&folder)
        .env("CONFORMANCE_KIT", identity.join("conformance")));
}
