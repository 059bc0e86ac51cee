//! Passwords that are tried first because others had them: 1.4 million of those that a password of ours could be.
//!
//! Kept as digests, so that the repository holds nobody's password. The list is what [`pack`] makes: how many digests begin with each
//! pair of bytes, 65,536 counts of one byte; then, in their order, what follows those two bytes: three bytes of each. Of passwords
//! that are not listed one in 770,000 is taken for one that is. Where they come from and under which licence stands in
//! `common_passwords.LICENSE`; `examples/pack_common_passwords.rs` makes the file.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};

const BUCKETS: usize = 1 << 16;
/// What is kept of a digest behind its bucket.
const REMAINDER: usize = 3;

type Entry = (u16, [u8; REMAINDER]);

static LISTED: LazyLock<CommonPasswords> =
    LazyLock::new(|| CommonPasswords::open(include_bytes!("common_passwords.bin")));

/// Is it listed, whatever the case of its letters? Some microseconds, the first time a millisecond.
pub fn is_listed(password: &str) -> bool {
    LISTED.contain(password)
}

struct CommonPasswords {
    /// Where the remainders of each bucket begin, and where the last one ends.
    starts: Box<[usize]>,
    remainders: &'static [u8],
}

impl CommonPasswords {
    fn open(list: &'static [u8]) -> Self {
        let (counts, remainders) = list.split_at_checked(BUCKETS).unwrap_or_default();
        let ends = counts.iter().scan(0, |end, count| {
            *end += usize::from(*count) * REMAINDER;
            Some(*end)
        });
        Self { starts: std::iter::once(0).chain(ends).collect(), remainders }
    }

    fn contain(&self, password: &str) -> bool {
        let (bucket, remainder) = entry(password);
        let bucket = usize::from(bucket);
        let place = self.starts.get(bucket).zip(self.starts.get(bucket + 1));
        let remainders = place.and_then(|(start, end)| self.remainders.get(*start..*end)).unwrap_or_default();
        remainders.chunks_exact(REMAINDER).any(|listed| listed == remainder)
    }
}

fn entry(password: &str) -> Entry {
    let digest = digest(&SHA256, password.to_lowercase().as_bytes());
    match digest.as_ref() {
        [a, b, c, d, e, ..] => (u16::from_be_bytes([*a, *b]), [*c, *d, *e]),
        _ => (0, [0; REMAINDER]),
    }
}

/// The list of these passwords, in any order and case. `None` when a bucket would hold more than its count can say.
pub fn pack<'a>(passwords: impl IntoIterator<Item = &'a str>) -> Option<Vec<u8>> {
    let mut entries: Vec<Entry> = passwords.into_iter().map(entry).collect();
    entries.sort_unstable();
    entries.dedup();
    let mut list = vec![0_u8; BUCKETS];
    for (bucket, _) in &entries {
        let count = list.get_mut(usize::from(*bucket))?;
        *count = count.checked_add(1)?;
    }
    list.extend(entries.iter().flat_map(|(_, remainder)| remainder));
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_listed_in_any_case_and_nothing_else_is() {
        let packed = pack(["Motdepasse2026", "correct horse battery staple", "motdepasse2026"]).unwrap();
        assert_eq!(packed.len(), BUCKETS + 2 * REMAINDER);
        let list = CommonPasswords::open(packed.leak());
        assert!(list.contain("MOTDEPASSE2026") && list.contain("Correct Horse Battery Staple"));
        assert!(!list.contain("motdepasse2027") && !list.contain(""));
    }

    #[test]
    fn the_list_at_hand_is_whole_and_holds_more_than_a_million() {
        let ends = *LISTED.starts.last().unwrap();
        assert_eq!(LISTED.remainders.len(), ends);
        assert!(ends / REMAINDER > 1_400_000);
        let mut buckets = LISTED.starts.windows(2).map(|place| &LISTED.remainders[place[0]..place[1]]);
        let sorted = |bucket: &[u8]| bucket.chunks_exact(REMAINDER).is_sorted_by(|a, b| a < b);
        assert!(buckets.all(sorted));
    }

    #[test]
    fn what_people_choose_when_twelve_characters_are_asked_for_is_listed() {
        for common in [
            "password1234",
            "Password2026!",
            "123456789012",
            "QWERTYUIOPAS",
            "iloveyou1234",
            "motdepasse123",
            "motdepasse2026",
            "azertyuiop12",
            "correct horse battery staple",
            "correcthorsebatterystaple",
        ] {
            assert!(is_listed(common), "{common}");
        }
        for fine in ["a long and private sentence", "eleven grey horses in the rain", "tfqj-71bd-pwzz-90xk"] {
            assert!(!is_listed(fine), "{fine}");
        }
    }

    /// Others are not refused by mistake: one in 770,000 is.
    #[test]
    fn passwords_that_nobody_had_are_hardly_ever_taken_for_listed_ones() {
        let taken =
            (0..100_000).filter(|n| is_listed(&format!("{n} horses wait in the rain for me"))).count();
        assert!(taken <= 3, "{taken} of 100,000");
    }
}
