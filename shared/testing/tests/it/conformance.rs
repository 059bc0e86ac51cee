//! The middleware for Node services takes and refuses the same tokens as the extractors of the Rust services.

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
    for file in ["index.js", "conformance.test.js"] {
        std::fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    run(Command::new("node")
        .arg("--test")
        .current_dir(&folder)
        .env("CONFORMANCE_KIT", identity.join("conformance")));
}
