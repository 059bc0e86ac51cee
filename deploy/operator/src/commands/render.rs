//! `ctl render`: writes the files below `docker/` that come from the manifest.

use std::path::Path;

use anyhow::Result;

use crate::images;
use crate::installation::find_checkout;
use crate::manifest::Manifest;

pub(crate) fn run() -> Result<()> {
    let checkout = find_checkout()?;
    write(&checkout, &Manifest::load(&checkout)?)
}

pub(crate) fn write(workspace: &Path, manifest: &Manifest) -> Result<()> {
    let folder = workspace.join("docker");
    for (name, text) in images::render(manifest) {
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(&path, text)?;
        println!("docker/{name}");
    }
    Ok(())
}
