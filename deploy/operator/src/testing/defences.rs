//! The defences that a test may take away, and the tests named by the failure that they show, as they stand in the source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::failures::FAILURES;

#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Each defence, by its name, and the files that it stands in.
    pub(crate) defences: BTreeMap<String, BTreeSet<PathBuf>>,
    pub(crate) tests: Vec<NamedTest>,
}

/// A test named `v02_v25_...`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedTest {
    pub(crate) numbers: Vec<usize>,
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) package: String,
}

/// The suite's tests play on a stack of their own, which `deploy/test` starts once.
const SUITE: &str = "suite";

/// What a mutant need not repeat: a race of a thousand shows what one of fifty does, which stands beside it as a test of its own and
/// fails without the same defence, and the middleware for Node is no part of what a mutant changes.
pub(crate) const LEFT_OUT: [&str; 2] = ["thousand", "node_middleware"];

impl Source {
    pub(crate) fn read(checkout: &Path) -> Result<Self> {
        let mut source = Self::default();
        for folder in ["services", "shared", "tests"] {
            source.read_folder(checkout, Path::new(folder))?;
        }
        Ok(source)
    }

    /// The packages whose own tests show this failure.
    pub(crate) fn packages(&self, number: usize) -> BTreeSet<&str> {
        let of_number = self.tests.iter().filter(|test| test.numbers.contains(&number));
        of_number.map(|test| test.package.as_str()).filter(|package| *package != SUITE).collect()
    }

    /// How many tests of this failure the stage of the mutants runs.
    pub(crate) fn count_run(&self, number: usize) -> usize {
        let is_run = |test: &&NamedTest| {
            test.package != SUITE && !LEFT_OUT.iter().any(|left_out| test.name.contains(left_out))
        };
        self.tests.iter().filter(|test| test.numbers.contains(&number)).filter(is_run).count()
    }

    /// Does a test of this name stand in this file?
    pub(crate) fn is_in(&self, name: &str, file: &str) -> bool {
        self.tests.iter().any(|test| test.name == name && test.file == Path::new(file))
    }

    pub(crate) fn suite_tests(&self, number: usize) -> impl Iterator<Item = &NamedTest> {
        self.tests.iter().filter(move |test| test.package == SUITE && test.numbers.contains(&number))
    }

    fn read_folder(&mut self, checkout: &Path, folder: &Path) -> Result<()> {
        let path = checkout.join(folder);
        let entries = std::fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let inner = folder.join(&name);
            let is_ours = !["target", "node_modules"].iter().any(|other| name == *other);
            if entry.file_type()?.is_dir() && is_ours {
                self.read_folder(checkout, &inner)?;
            } else if inner.extension().is_some_and(|extension| extension == "rs") {
                self.read_text(&inner, &std::fs::read_to_string(entry.path())?, || {
                    package_of(checkout, &inner)
                })?;
            }
        }
        Ok(())
    }

    pub(crate) fn read_text(
        &mut self,
        file: &Path,
        text: &str,
        package: impl Fn() -> Result<String>,
    ) -> Result<()> {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            for name in line.split("defended!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                number_of(name).with_context(|| format!("{}: {name:?}", file.display()))?;
                self.defences.entry(name.to_owned()).or_default().insert(file.to_owned());
            }
            let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            let Some(name) = declared.and_then(|rest| rest.split('(').next()) else { continue };
            let numbers = numbers_of(name);
            if !numbers.is_empty() {
                let (name, file) = (name.to_owned(), file.to_owned());
                self.tests.push(NamedTest { numbers, name, file, package: package()? });
            }
        }
        Ok(())
    }
}

/// `V14-replay` is a defence against failure 14.
pub(crate) fn number_of(name: &str) -> Result<usize> {
    let (number, part) = name.split_once('-').unwrap_or((name, "whole"));
    let is_part = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let digits = number.strip_prefix('V').filter(|digits| digits.len() == 2 && is_part);
    let number = digits.and_then(|digits| digits.parse::<usize>().ok());
    match number.filter(|number| (1..=FAILURES.len()).contains(number)) {
        Some(number) => Ok(number),
        None => bail!("a defence is named like V03 or V14-replay"),
    }
}

/// The failures that a test says it shows, by the beginning of its name.
pub(crate) fn numbers_of(test: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut rest = test;
    while let Some((digits, after)) = rest.strip_prefix('v').and_then(|rest| rest.split_once('_'))
        && digits.len() == 2
        && let Ok(number) = digits.parse()
    {
        numbers.push(number);
        rest = after;
    }
    numbers
}

fn package_of(checkout: &Path, file: &Path) -> Result<String> {
    let manifests = file.ancestors().map(|folder| checkout.join(folder).join("Cargo.toml"));
    let manifest = manifests.skip(1).find(|manifest| manifest.is_file());
    let manifest = manifest.with_context(|| format!("{} is in no package", file.display()))?;
    let text = std::fs::read_to_string(&manifest)?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("reading {}", manifest.display()))?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.with_context(|| format!("{} names no package", manifest.display()))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defences_and_tests_are_found_by_their_names() {
        let text = r#"
            // defended!("V99") in a comment is none.
            if defended!("V03-once") && defended!("V25") { return; }
            #[actix_web::test]
            async fn v02_v25_a_token_opens_its_own_door_alone() {}
            fn v26_lookalikes() {}
            async fn v25_of_a_thousand_tokens_one_opens() {}
            fn version_of() {}
        "#;
        let mut source = Source::default();
        source.read_text(Path::new("a.rs"), text, || Ok("auth".to_owned())).unwrap();
        assert_eq!(source.defences.keys().collect::<Vec<_>>(), ["V03-once", "V25"]);
        let found: Vec<_> =
            source.tests.iter().map(|test| (test.numbers.clone(), test.name.as_str())).collect();
        assert_eq!(
            found,
            [
                (vec![2, 25], "v02_v25_a_token_opens_its_own_door_alone"),
                (vec![26], "v26_lookalikes"),
                (vec![25], "v25_of_a_thousand_tokens_one_opens"),
            ]
        );
        assert_eq!([25, 26, 27].map(|number| source.count_run(number)), [1, 1, 0]);
        assert_eq!(source.packages(25), BTreeSet::from(["auth"]));
        assert!(source.is_in("v26_lookalikes", "a.rs") && !source.is_in("v26_lookalikes", "b.rs"));
    }

    #[test]
    fn a_name_that_says_no_failure_is_refused() {
        assert_eq!(number_of("V14-replay").unwrap(), 14);
        assert_eq!(number_of("V06").unwrap(), 6);
        for wrong in ["V6", "V00", "V29", "V14-", "V14-Replay", "14", "", "V14 replay"] {
            assert!(number_of(wrong).is_err(), "{wrong:?}");
        }
    }
}
