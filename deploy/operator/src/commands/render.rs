//! `ctl render`: writes the files below `docker/` that come from the manifest.

use std::path::Path;

use anyhow::Result;

use crate::images;
use crate::installation::Installation;
use crate::layout::Stack;

pub(crate) fn run(stack: Stack) -> Result<()> {
    let installation = Installation::open(stack)?;
    let folder = installation.layout.checkout.join("docker");
    for (name, text) in images::render(&installation.manifest) {
        let path = folder.join(&name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(&path, text)?;
        println!("docker/{name}");
    }
    Ok(())
}
