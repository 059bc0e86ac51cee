//! How tests make deliveries worse than they would be: copies, disorder, pauses, losses.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// The settings as a test writes them; what it leaves out stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteeringChange {
    duplicates: Option<usize>,
    shuffle: Option<bool>,
    seed: Option<u64>,
    paused: Option<bool>,
    drop_first: Option<usize>,
    parallel: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// How many copies follow each event besides itself.
    pub duplicates: usize,
    /// Whether what is due at the same time goes out in random order.
    pub shuffle: bool,
    /// Nothing goes out while this holds.
    pub paused: bool,
    /// How many of the next attempts are lost on their way.
    pub drop_first: usize,
    /// How many attempts are under way at once.
    pub parallel: usize,
}

const GENTLE: Settings =
    Settings { duplicates: 0, shuffle: false, paused: false, drop_first: 0, parallel: 1 };
const MOST_PARALLEL: usize = 64;
const MOST_DUPLICATES: usize = 100;

pub struct Steering(Mutex<Wheel>);

struct Wheel {
    settings: Settings,
    order: StdRng,
}

impl Default for Steering {
    fn default() -> Self {
        Self(Mutex::new(Wheel { settings: GENTLE, order: StdRng::seed_from_u64(0) }))
    }
}

impl Steering {
    pub fn settings(&self) -> Settings {
        self.lock().settings
    }

    pub fn change(&self, change: &SteeringChange) -> Settings {
        let mut wheel = self.lock();
        let old = wheel.settings;
        wheel.settings = Settings {
            duplicates: change.duplicates.unwrap_or(old.duplicates).min(MOST_DUPLICATES),
            shuffle: change.shuffle.unwrap_or(old.shuffle),
            paused: change.paused.unwrap_or(old.paused),
            drop_first: change.drop_first.unwrap_or(old.drop_first),
            parallel: change.parallel.unwrap_or(old.parallel).clamp(1, MOST_PARALLEL),
        };
        if let Some(seed) = change.seed {
            wheel.order = StdRng::seed_from_u64(seed);
        }
        wheel.settings
    }

    pub fn reset(&self) {
        *self.lock() = Wheel { settings: GENTLE, order: StdRng::seed_from_u64(0) };
    }

    /// The order in which what is due goes out, copies included. A copy may overtake any other
    /// event, but without shuffling the first ones keep their order.
    pub fn arrange<T: Clone>(&self, due: Vec<T>) -> Vec<T> {
        let mut wheel = self.lock();
        let copies = due.clone();
        let mut arranged = due;
        for copy in copies {
            for _ in 0..wheel.settings.duplicates {
                let place = wheel.order.random_range(0..=arranged.len());
                arranged.insert(place, copy.clone());
            }
        }
        if wheel.settings.shuffle {
            arranged.shuffle(&mut wheel.order);
        }
        arranged
    }

    /// Whether the next attempt is to be lost.
    pub fn drops_next(&self) -> bool {
        let mut wheel = self.lock();
        let drops = wheel.settings.drop_first > 0;
        wheel.settings.drop_first = wheel.settings.drop_first.saturating_sub(1);
        drops
    }

    fn lock(&self) -> MutexGuard<'_, Wheel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(change: &str) -> Vec<u8> {
        let steering = Steering::default();
        steering.change(&serde_json::from_str(change).unwrap());
        steering.arrange((0..6).collect())
    }

    #[test]
    fn the_same_seed_gives_the_same_disorder() {
        let shuffled = arranged(r#"{"shuffle":true,"seed":4,"duplicates":2}"#);
        assert_eq!(shuffled, arranged(r#"{"shuffle":true,"seed":4,"duplicates":2}"#));
        assert_ne!(shuffled, arranged(r#"{"shuffle":true,"seed":5,"duplicates":2}"#));
        assert_eq!(shuffled.len(), 18);
        assert_eq!(arranged("{}"), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn only_the_first_attempts_are_dropped() {
        let steering = Steering::default();
        steering.change(&serde_json::from_str(r#"{"drop_first":2}"#).unwrap());
        let drops: Vec<bool> = (0..3).map(|_| steering.drops_next()).collect();
        assert_eq!(drops, [true, true, false]);
    }
}
