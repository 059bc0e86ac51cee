//! Figures that every report shows.

use std::fmt::Write as _;

use crate::processes::Memory;

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// The time that `percent` of the times do not exceed: one that was measured. In milliseconds; of nothing it is zero.
pub fn percentile(microseconds: &[u32], percent: usize) -> f64 {
    let mut sorted = microseconds.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).map_or(0.0, |time| f64::from(*time) / 1000.0)
}

pub fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

pub fn memory(idle: &[Memory]) -> String {
    let mut text = String::new();
    for memory in idle {
        let _ = writeln!(
            text,
            "  {:<14} {:>5} MiB resident  {:>5} MiB with shared pages split  {:>3} process{}",
            memory.name,
            mebibytes(memory.resident),
            mebibytes(memory.proportional),
            memory.processes,
            if memory.processes == 1 { "" } else { "es" },
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_one_bad_round() {
        assert!((median([0.7, 0.1, 0.72, 0.69, 0.71]) - 0.7).abs() < 1e-9);
        assert!((median([1.0, 3.0]) - 2.0).abs() < 1e-9);
        assert!(median([]).is_nan());
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<u32> = (1..=200).map(|n| n * 1000).rev().collect();
        assert!((percentile(&times, 50) - 100.0).abs() < 1e-9);
        assert!((percentile(&times, 99) - 198.0).abs() < 1e-9);
        assert!((percentile(&[7000], 99) - 7.0).abs() < 1e-9);
        assert!(percentile(&[], 99).abs() < 1e-9);
    }
}
