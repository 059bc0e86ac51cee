//! Arming the points where a process dies as by `kill -9`.

use std::path::{Path, PathBuf};

use crate::{Stack, until};

impl Stack {
    /// The next process that reaches the point `name` dies there.
    pub fn arm(&self, name: &str) {
        let fired = self.fired_file(name);
        if fired.exists() {
            std::fs::remove_file(&fired).unwrap_or_else(|error| panic!("{}: {error}", fired.display()));
        }
        let armed = self.failpoints.join(name);
        std::fs::write(&armed, b"").unwrap_or_else(|error| panic!("{}: {error}", armed.display()));
    }

    pub fn has_fired(&self, name: &str) -> bool {
        self.fired_file(name).exists()
    }

    /// Waits until the point has killed a process, and fails the test when nobody ever comes there.
    pub async fn wait_until_fired(&self, name: &str) {
        until(&format!("the failpoint {name} fires"), async || self.has_fired(name).then_some(())).await;
    }

    pub fn disarm_all(&self) {
        let Ok(entries) = std::fs::read_dir(&self.failpoints) else { return };
        for entry in entries.flatten() {
            // A process may just be renaming it; then the next test clears it.
            let _ = std::fs::remove_file(entry.path());
        }
    }

    fn fired_file(&self, name: &str) -> PathBuf {
        self.failpoints.join(format!("{name}.fired"))
    }

    /// Every point that a service declares in its `FAILPOINTS`, read from the sources that the stack was built from: a
    /// point cannot be declared without being tried.
    pub fn declared_failpoints(&self) -> Vec<String> {
        let mut points = Vec::new();
        let services = self.checkout.join("services");
        for service in folders(&services) {
            visit(&service.join("src"), &mut |source| points.extend(declared_in(source)));
        }
        points.sort();
        assert!(points.iter().any(|point| point.starts_with("booking.")), "booking declares no failpoint");
        assert!(points.iter().any(|point| point.starts_with("credits.")), "credits declares no failpoint");
        points
    }
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn visit(folder: &Path, see: &mut impl FnMut(&str)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
}

/// The names between the brackets of `FAILPOINTS: &[&str] = &[...]`, written out or as constants of the same file.
fn declared_in(source: &str) -> Vec<String> {
    let Some((_, after)) = source.split_once("FAILPOINTS: &[&str] = &[") else { return Vec::new() };
    let list = after.split(']').next().unwrap_or_default();
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| literal(item, source).to_owned()).collect()
}

fn literal<'a>(item: &'a str, source: &'a str) -> &'a str {
    if let Some(name) = item.strip_prefix('"') {
        return name.trim_end_matches('"');
    }
    let constant = format!("const {item}: &str = \"");
    let name = source.split_once(constant.as_str()).and_then(|(_, after)| after.split('"').next());
    name.unwrap_or_else(|| panic!("FAILPOINTS names {item}, which is no text constant of its file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_name_is_read() {
        let source = "pub const FAILPOINTS: &[&str] = &[\n    \"a.b.before\",\n    \"a.b.after\",\n];\nlet x = \"no\";";
        assert_eq!(declared_in(source), ["a.b.before", "a.b.after"]);
        let by_constant = "pub const FAILPOINTS: &[&str] = &[BEFORE];\nconst BEFORE: &str = \"a.b.before\";";
        assert_eq!(declared_in(by_constant), ["a.b.before"]);
        assert!(declared_in("fn main() {}").is_empty());
    }
}
