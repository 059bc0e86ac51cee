//! Every action that the trail knows is named by a test.

use std::fs;
use std::path::Path;

const ACTIONS: &str = include_str!("../../src/domain/audit.rs");

/// What `AuditAction` lists, as the trail writes it.
fn actions() -> Vec<&'static str> {
    let (_, listed) = ACTIONS.split_once("AuditAction {").expect("the actions");
    let (listed, _) = listed.split_once("AuditSubject {").expect("what follows them");
    let lines = listed.lines().filter_map(|line| line.split_once(" => \""));
    lines.map(|(_, rest)| rest.split('"').next().expect("a name")).collect()
}

/// The text of every source file in a folder and those within it.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn every_action_of_the_trail_is_named_by_a_test() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = String::new();
    for folder in ["tests", "../../tests/suite"] {
        sources(&service.join(folder), &mut tests);
    }
    let actions = actions();
    assert!(actions.len() > 90, "{actions:?}");
    // Within quotes: in Rust, or in a question to the database.
    let is_named =
        |action: &&str| tests.contains(&format!("\"{action}\"")) || tests.contains(&format!("'{action}'"));
    let unnamed: Vec<_> = actions.into_iter().filter(|action| !is_named(action)).collect();
    assert!(unnamed.is_empty(), "no test names {unnamed:?}");
}
