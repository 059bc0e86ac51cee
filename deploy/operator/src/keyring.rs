//! The steps in which a key takes the place of another: distributed, signing, alone.

use anyhow::{Result, bail};

/// The keys of a file, one `kid:base64` line each; comments and empty lines are no keys.
fn keys(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The next key last: everybody accepts it, nobody signs with it yet.
pub(crate) fn distributed(text: &str, next: &str) -> Result<String> {
    let mut lines = keys(text);
    if lines.len() != 1 {
        bail!(
            "the file holds {} keys: finish the rotation that is under way with `ctl keys retire`",
            lines.len()
        );
    }
    lines.push(next.trim());
    Ok(lines.join("\n") + "\n")
}

/// The last key first: it signs, the others are still accepted.
pub(crate) fn signing(text: &str) -> Result<String> {
    let mut lines = keys(text);
    let Some(next) = lines.pop() else { bail!("the file holds no key") };
    lines.insert(0, next);
    Ok(lines.join("\n") + "\n")
}

/// The first key alone.
pub(crate) fn retired(text: &str) -> Result<String> {
    match keys(text).first() {
        Some(key) => Ok(format!("{key}\n")),
        None => bail!("the file holds no key"),
    }
}

/// How many keys there are.
pub(crate) fn count(text: &str) -> usize {
    keys(text).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_before_it_signs_and_the_old_one_until_it_is_retired() {
        let two = distributed("# made by hand\nold:AAA\n", "new:BBB\n").unwrap();
        assert_eq!(two, "old:AAA\nnew:BBB\n");
        let turned = signing(&two).unwrap();
        assert_eq!(turned, "new:BBB\nold:AAA\n");
        assert_eq!(retired(&turned).unwrap(), "new:BBB\n");
    }

    #[test]
    fn one_rotation_ends_before_the_next_begins() {
        assert!(distributed("a:1\nb:2\n", "c:3").is_err());
        assert!(distributed("", "c:3").is_err() && signing("").is_err() && retired("# none\n").is_err());
        assert_eq!(count("a:1\n\n# x\nb:2\n"), 2);
    }
}
