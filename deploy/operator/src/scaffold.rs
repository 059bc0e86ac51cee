//! A new service: its files from the template, its entry in the manifest, and which names cannot be one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::manifest::{Manifest, REPLICA_SLOTS, Service};
use crate::ports::REPLICA_STEP;

const TEMPLATE: &str = "deploy/operator/templates/service";
/// Cargo would take a file of this name in the template for a package of the workspace.
const TEMPLATE_SUFFIX: &str = ".template";
const LONGEST_NAME: usize = 30;
/// Where the ranges of listeners begin; the first service is one above.
const PUBLIC_PORTS: u16 = 18_100;
const INTERNAL_PORTS: u16 = 18_200;

/// What a name means already: to Rust, to PostgreSQL (it becomes a schema), or to the supervisor (it becomes a process).
const MEANINGS: [(&str, &str); 3] = [
    (
        "a word of Rust",
        "abstract alloc as async await become box break const continue core crate do dyn else enum extern false final fn \
         for gen if impl in let loop macro match mod move mut override priv pub ref return self static std struct super \
         test trait true try type typeof unsafe unsized use virtual where while yield",
    ),
    (
        "a word of SQL",
        "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation \
         column concurrently constraint create cross default deferrable desc distinct do else end except false fetch for \
         foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral \
         leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer \
         overlaps placing primary public references returning right select similar some symmetric table tablesample then \
         to trailing true union unique user using variadic verbose when where window with",
    ),
    ("a process of every installation", "gateway postgres redis supervisor"),
];

/// Refuses what cannot be the name of a service in this workspace.
pub(crate) fn check_name(workspace: &Path, manifest: &Manifest, name: &str) -> Result<()> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !plain || name.len() > LONGEST_NAME {
        bail!(
            "{name:?}: a name is lower-case letters and digits, a letter first, at most {LONGEST_NAME} of them"
        );
    }
    if let Some((meaning, _)) =
        MEANINGS.iter().find(|(_, words)| words.split_whitespace().any(|word| word == name))
    {
        bail!("{name} is {meaning}: take another name");
    }
    if manifest.service(name).is_some() || workspace.join("services").join(name).exists() {
        bail!("there is a service {name} already");
    }
    let lock = std::fs::read_to_string(workspace.join("Cargo.lock")).unwrap_or_default();
    if lock.lines().any(|line| line == format!("name = \"{name}\"")) {
        bail!("{name} is the name of a package that this workspace uses: take another name");
    }
    Ok(())
}

/// The text of `services.toml` with the new service in it, whole and checked.
pub(crate) fn manifest_with(text: &str, name: &str) -> Result<String> {
    let manifest = Manifest::parse(text)?;
    let (public, internal) = free_ports(&manifest.services).context("every port of a service is taken")?;
    let entry = format!(
        "\n[[service]]\nname = \"{name}\"\npackage = \"{name}\"\nbinary = \"{name}\"\npublic_port = {public}\n\
         internal_port = {internal}\nreplicas = 1\ndatabase = true\npeers = []\nfeeds = [\"auth\"]\nroutes = [\n  \
         {{ host = \"app\", path = \"/api/{name}\" }},\n  \
         {{ host = \"app\", path = \"/api/docs/{name}.json\", exact = true }},\n]\n"
    );
    let text = format!("{}\n{entry}", text.trim_end());
    Manifest::parse(&text).with_context(|| format!("{name} does not fit into the manifest"))?;
    Ok(text)
}

/// The first pair whose ports, those of all replicas included, belong to nobody.
fn free_ports(services: &[Service]) -> Option<(u16, u16)> {
    let taken: BTreeSet<u16> = services.iter().flat_map(Service::ports_of_all_slots).collect();
    (1..=REPLICA_STEP).map(|number| (PUBLIC_PORTS + number, INTERNAL_PORTS + number)).find(
        |(public, internal)| {
            (0..REPLICA_SLOTS)
                .flat_map(|slot| [public, internal].map(|port| port + REPLICA_STEP * slot))
                .all(|port| !taken.contains(&port))
        },
    )
}

/// Copies the template with the name filled in. Returns what was written.
pub(crate) fn write_files(checkout: &Path, workspace: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let template = checkout.join(TEMPLATE);
    let target = workspace.join("services").join(name);
    let mut written = Vec::new();
    for source in files_below(&template)? {
        let inner = source.strip_prefix(&template)?.to_string_lossy().into_owned();
        let path = target.join(inner.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(&inner));
        let text =
            std::fs::read_to_string(&source).with_context(|| format!("reading {}", source.display()))?;
        std::fs::create_dir_all(path.parent().unwrap_or(&target))?;
        let text = text.replace("{{service_crate}}", name).replace("{{service}}", name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../services.toml");

    fn checkout() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn refusal(name: &str) -> String {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        check_name(&checkout(), &manifest, name).unwrap_err().to_string()
    }

    #[test]
    fn a_name_that_could_not_be_built_migrated_or_started_is_refused() {
        for name in ["", "Notes", "my-notes", "my_notes", "1notes", "../notes", "n".repeat(31).as_str()] {
            assert!(refusal(name).contains("a name is"), "{name}");
        }
        assert!(refusal("match").contains("Rust") && refusal("user").contains("SQL"));
        assert!(refusal("gateway").contains("process"));
    }

    #[test]
    fn a_name_that_is_taken_is_refused() {
        assert!(refusal("booking").contains("already") && refusal("tokio").contains("package"));
        check_name(&checkout(), &Manifest::parse(MANIFEST).unwrap(), "learning").unwrap();
    }

    #[test]
    fn a_new_service_gets_ports_and_routes_that_nobody_has() {
        let one = manifest_with(MANIFEST, "ninth").unwrap();
        let two = Manifest::parse(&manifest_with(&one, "tenth").unwrap()).unwrap();
        let [ninth, tenth] = ["ninth", "tenth"].map(|name| two.service(name).unwrap());
        assert!(ninth.database && ninth.public_port + 1 == tenth.public_port);
        assert_eq!(ninth.internal_port, Some(ninth.public_port + 100));
        assert_eq!(ninth.routes.len(), 2);
        assert!(manifest_with(MANIFEST, "classes").is_err(), "/api/classes belongs to booking");
    }

    #[test]
    fn a_template_leaves_no_placeholder_behind() {
        let workspace = tempfile::tempdir().unwrap();
        let written = write_files(&checkout(), workspace.path(), "ninth").unwrap();
        assert!(written.iter().any(|path| path.ends_with("services/ninth/Cargo.toml")));
        for path in written {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("{{service"), "{}", path.display());
        }
    }
}
