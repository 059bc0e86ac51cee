//! Sliding windows counted in process: what limits go by while Redis is away.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts, behind so many others.
    Taken { before: u32 },
    /// There is room again from then on.
    Full { until: DateTime<Utc> },
}

/// The attempts of at most so many keys, each for as long as its own policy looks back.
pub(crate) struct LocalWindows {
    most: usize,
    windows: HashMap<Arc<str>, Window>,
    /// When each window is over, in that order: whatever is over, or has to give way, stands in front.
    ends: BTreeSet<(DateTime<Utc>, Arc<str>)>,
}

struct Window {
    taken: VecDeque<DateTime<Utc>>,
    /// After it nothing that was taken counts any more.
    ends: DateTime<Utc>,
}

/// Windows that are over and looked at in one attempt, which makes one at most: they do not pile up, and nobody waits for a
/// sweep of all.
const FORGOTTEN_AT_ONCE: usize = 2;

impl LocalWindows {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, windows: HashMap::new(), ends: BTreeSet::new() }
    }

    /// Counts one attempt by `key`, unless `limit` stand within `window` before `now`.
    pub(crate) fn attempt(
        &mut self,
        key: &str,
        (limit, window): (u32, Duration),
        now: DateTime<Utc>,
    ) -> Verdict {
        self.forget_what_is_over(now);
        let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
        let mut taken = VecDeque::new();
        let known = self.windows.get_mut(key);
        if let Some(known) = known {
            while known.taken.front().is_some_and(|first| now - *first >= window) {
                known.taken.pop_front();
            }
            if let Some(first) = known.taken.front()
                && count(&known.taken) >= limit
            {
                return Verdict::Full { until: end_of(*first, window) };
            }
            taken = std::mem::take(&mut known.taken);
        }
        let before = count(&taken);
        taken.push_back(now);
        self.keep(key, Window { taken, ends: end_of(now, window) });
        Verdict::Taken { before }
    }

    fn forget_what_is_over(&mut self, now: DateTime<Utc>) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            if self.ends.first().is_none_or(|(end, _)| *end > now) {
                return;
            }
            self.forget_the_first();
        }
    }

    fn forget_the_first(&mut self) {
        if let Some((_, key)) = self.ends.pop_first() {
            self.windows.remove(&key);
        }
    }

    /// Writes a window in the place of the one before it. A new one takes the place of that which is over first.
    fn keep(&mut self, key: &str, window: Window) {
        let key: Arc<str> = match self.windows.remove_entry(key) {
            Some((key, before)) => {
                self.ends.remove(&(before.ends, key.clone()));
                key
            }
            None => key.into(),
        };
        if self.windows.len() >= self.most {
            self.forget_the_first();
        }
        self.ends.insert((window.ends, key.clone()));
        self.windows.insert(key, window);
    }
}

fn count(taken: &VecDeque<DateTime<Utc>>) -> u32 {
    u32::try_from(taken.len()).unwrap_or(u32::MAX)
}

fn end_of(instant: DateTime<Utc>, window: TimeDelta) -> DateTime<Utc> {
    instant.checked_add_signed(window).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_full_memory_keeps_the_hours_counts_when_minutes_are_counted() {
        let mut windows = LocalWindows::new(10);
        assert_eq!(windows.attempt("hourly", (1, HOUR), at(0)), Verdict::Taken { before: 0 });
        for n in 0..50 {
            windows.attempt(&format!("minutely {n}"), (1, MINUTE), at(100 + n));
        }
        let full = Verdict::Full { until: at(3_600) };
        assert_eq!(windows.attempt("hourly", (1, HOUR), at(200)), full);
        assert_eq!(windows.attempt("hourly", (1, HOUR), at(3_600)), Verdict::Taken { before: 0 });
    }

    #[test]
    fn no_more_keys_are_kept_than_there_is_room_for_and_the_newest_are() {
        let mut windows = LocalWindows::new(10);
        for n in 0..1_000 {
            windows.attempt(&n.to_string(), (1, MINUTE), at(0));
            windows.attempt(&n.to_string(), (1, MINUTE), at(0));
        }
        assert_eq!((windows.windows.len(), windows.ends.len()), (10, 10));
        let mut windows = LocalWindows::new(10);
        for n in 0..30 {
            windows.attempt(&n.to_string(), (1, MINUTE), at(n));
        }
        let is_full = |windows: &mut LocalWindows, n: i64| {
            matches!(windows.attempt(&n.to_string(), (1, MINUTE), at(30)), Verdict::Full { .. })
        };
        assert!((20..30).all(|n| is_full(&mut windows, n)));
        assert!(!is_full(&mut windows, 19));
    }

    /// However much is over at once, an attempt looks at two of them.
    #[test]
    fn windows_that_are_over_go_two_at_a_time() {
        let mut windows = LocalWindows::new(1_000);
        for n in 0..100 {
            windows.attempt(&n.to_string(), (1, MINUTE), at(0));
        }
        for n in 1..=50 {
            windows.attempt("late", (1_000, MINUTE), at(60));
            assert_eq!(windows.windows.len(), 100 - 2 * n + 1);
        }
        windows.attempt("99", (1, MINUTE), at(60));
        assert_eq!((windows.windows.len(), windows.ends.len()), (2, 2));
    }

    #[test]
    fn a_window_slides_and_a_refused_attempt_does_not_prolong_it() {
        let mut windows = LocalWindows::new(10);
        let mut attempt = |seconds: i64| windows.attempt("key", (2, MINUTE), at(seconds));
        assert_eq!(attempt(0), Verdict::Taken { before: 0 });
        assert_eq!(attempt(30), Verdict::Taken { before: 1 });
        assert_eq!(attempt(59), Verdict::Full { until: at(60) });
        assert_eq!(attempt(60), Verdict::Taken { before: 1 });
        assert_eq!(attempt(61), Verdict::Full { until: at(90) });
    }
}
