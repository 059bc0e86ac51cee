//! Names below the base domain, for programs that do not resolve `*.localhost` by themselves.

use std::net::ToSocketAddrs;
use std::path::Path;

use anyhow::Result;

use crate::installation::Installation;

const BEGIN: &str = "# shinkofa begin: written by deploy/up";
const END: &str = "# shinkofa end";

/// Writes the block only as root, in development, and where the names do not resolve already.
pub(crate) fn ensure(installation: &Installation) -> Result<()> {
    let domain = &installation.settings.base_domain;
    let resolves = (format!("app.{domain}"), 0).to_socket_addrs().is_ok();
    if !installation.account.switched || !installation.settings.development() || resolves {
        return Ok(());
    }
    let path = Path::new("/etc/hosts");
    let before = std::fs::read_to_string(path)?;
    let after = with_block(&before, domain, &installation.hosts());
    if before != after {
        std::fs::write(path, after)?;
        println!("/etc/hosts: added the names below {domain}");
    }
    Ok(())
}

/// Replaces our block and touches nothing else.
fn with_block(text: &str, domain: &str, hosts: &[String]) -> String {
    let mut ours = false;
    let mut kept = String::new();
    for line in text.lines() {
        ours |= line == BEGIN;
        if !ours {
            kept.push_str(line);
            kept.push('\n');
        }
        ours &= line != END;
    }
    let names: Vec<String> = hosts.iter().map(|host| format!("{host}.{domain}")).collect();
    let names = names.join(" ");
    format!("{kept}{BEGIN}\n127.0.0.1 {domain} {names}\n::1 {domain} {names}\n{END}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_replaced_and_other_lines_stay() {
        let hosts = ["app".to_owned()];
        let once = with_block("127.0.0.1 localhost\n", "a.localhost", &hosts);
        assert!(
            once.starts_with("127.0.0.1 localhost\n") && once.contains("::1 a.localhost app.a.localhost\n")
        );
        let twice = with_block(&format!("{once}10.0.0.1 other\n"), "b.localhost", &hosts);
        assert_eq!(twice.matches("shinkofa begin").count(), 1);
        assert!(twice.contains("10.0.0.1 other") && !twice.contains("a.localhost app"));
    }
}
