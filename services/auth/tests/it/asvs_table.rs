//! The table of OWASP ASVS requirements in `docs/security/asvs.md` has a line for each, and names nothing that is not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../../../../docs/security/asvs.md");

/// The requirements of ASVS 5.0, chapters V6 to V10: section, how many of them there are up to the last of level 1 or 2, and
/// those among them of level 3 that we did not take on.
const SECTIONS: [(&str, u32, &[u32]); 26] = [
    ("6.1", 3, &[]),
    ("6.2", 12, &[]),
    ("6.3", 8, &[5, 6]),
    ("6.4", 4, &[]),
    ("6.5", 5, &[]),
    ("6.6", 3, &[]),
    ("6.8", 4, &[]),
    ("7.1", 3, &[]),
    ("7.2", 4, &[]),
    ("7.3", 2, &[]),
    ("7.4", 5, &[]),
    ("7.5", 3, &[]),
    ("7.6", 2, &[]),
    ("8.1", 2, &[]),
    ("8.2", 3, &[]),
    ("8.3", 1, &[]),
    ("8.4", 1, &[]),
    ("9.1", 3, &[]),
    ("9.2", 4, &[]),
    ("10.1", 2, &[]),
    ("10.2", 2, &[]),
    ("10.3", 4, &[]),
    ("10.4", 11, &[]),
    ("10.5", 5, &[]),
    ("10.6", 2, &[]),
    ("10.7", 3, &[]),
];
const VERDICTS: [&str; 4] = ["met", "not applicable", "deviation", "not met"];

struct Line {
    number: &'static str,
    level: &'static str,
    verdict: &'static str,
    evidence: &'static str,
}

fn lines() -> Vec<Line> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| no."));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _, level, verdict, evidence] = cells[..] else { panic!("five cells: {row}") };
        Line { number, level, verdict, evidence }
    })
    .collect()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn file(of: &str) -> PathBuf {
    let path = if let Some(test) = of.strip_prefix("it/") {
        format!("services/auth/tests/it/{test}")
    } else if let Some(source) = of.strip_prefix("src/") {
        format!("services/auth/src/{source}")
    } else {
        of.to_owned()
    };
    repository().join(path)
}

/// What stands between backticks and names a file: with what it shall hold, where that is named as well.
fn named(evidence: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let quoted = evidence.split('`').skip(1).step_by(2);
    let is_file = |path: &str| path.contains('/') && path.contains('.');
    quoted.filter_map(move |text| match text.split_once("::") {
        Some((path, item)) if is_file(path) => Some((path, Some(item))),
        None if is_file(text) => Some((text, None)),
        _ => None,
    })
}

/// A declaration of `item` in Rust: a test has to be a function.
fn declares(text: &str, item: &str, is_test: bool) -> bool {
    let kinds: &[&str] = if is_test {
        &["fn"]
    } else {
        &["fn", "const", "static", "struct", "enum", "mod", "type", "macro_rules!"]
    };
    kinds.iter().any(|kind| {
        let declared = format!("{kind} {item}");
        text.match_indices(&declared).any(|(at, _)| {
            let next = text[at + declared.len()..].chars().next();
            next.is_some_and(|c| !c.is_alphanumeric() && c != '_')
        })
    })
}

#[test]
fn every_requirement_has_one_line_with_a_verdict() {
    let mut expected: Vec<String> = Vec::new();
    for (section, last, left_out) in SECTIONS {
        expected.extend((1..=last).filter(|n| !left_out.contains(n)).map(|n| format!("{section}.{n}")));
    }
    let numbers: Vec<_> = lines().iter().map(|line| line.number).collect();
    assert_eq!(numbers, expected);
    let mut counts = BTreeMap::new();
    for line in lines() {
        assert!(VERDICTS.contains(&line.verdict), "{}: {}", line.number, line.verdict);
        assert!(!line.evidence.is_empty(), "{}", line.number);
        let third = ["6.3.7", "6.3.8", "7.5.3"].contains(&line.number);
        assert_eq!(line.level == "3", third, "{}", line.number);
        *counts.entry(line.verdict).or_insert(0) += 1;
        let proven = line.verdict != "met" || named(line.evidence).next().is_some();
        assert!(proven, "{} is met, and nothing shows it", line.number);
    }
    assert!(counts["met"] > 70, "{counts:?}");
}

#[test]
fn what_the_table_names_is_there() {
    let mut missing = Vec::new();
    for line in lines() {
        for (path, item) in named(line.evidence) {
            let text = fs::read_to_string(file(path));
            let there = match (&text, item) {
                (Err(_), _) => false,
                (Ok(_), None) => true,
                (Ok(text), Some(item)) => declares(text, item, path.starts_with("it/")),
            };
            if !there {
                missing.push(format!("{}: {path} {}", line.number, item.unwrap_or_default()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
