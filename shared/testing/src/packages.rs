//! Programs of other languages that tests run: what they need is installed once, inside the build folder.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a command to its end and shows what it said when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Makes a virtual environment in `folder` with what `requirements.txt` in `sources` pins.
pub fn install_python_packages(sources: &Path, folder: &Path) {
    let pins = sources.join("requirements.txt");
    install(folder, &pins, || {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&pins));
    });
}

/// Makes `folder/node_modules` with what `package-lock.json` in `sources` pins.
pub fn install_node_packages(sources: &Path, folder: &Path) {
    install(folder, &sources.join("package-lock.json"), || {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sources.join(file), folder.join(file)).expect("a copy in the build folder");
        }
        run(Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder));
    });
}

/// Installs once for each content of `pins`. The folder is complete when the note of what it holds is written, so an
/// installation that was cut off is made anew.
fn install(folder: &Path, pins: &Path, make: impl FnOnce()) {
    let note = folder.join("installed");
    let wanted = std::fs::read(pins).expect("a list of pinned packages");
    if std::fs::read(&note).is_ok_and(|found| found == wanted) {
        return;
    }
    drop(std::fs::remove_dir_all(folder));
    std::fs::create_dir_all(folder).expect("a folder inside the build folder");
    make();
    std::fs::write(note, wanted).expect("a note in the build folder");
}
