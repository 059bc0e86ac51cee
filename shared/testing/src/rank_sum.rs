//! Do two samples come from one distribution? The rank sum test of Mann and Whitney (1947), which asks nothing of the
//! distribution itself: times of requests have none that has a name.

/// What the ranks of two samples say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankSum {
    /// How often a value of the first sample is above one of the second; half for a tie.
    pub u: f64,
    /// The probability, were the distributions the same, of ranks that differ at least so much.
    pub p: f64,
}

impl RankSum {
    /// Both tails, by the normal approximation with the corrections for ties and for continuity: good from about eight
    /// values in each sample on.
    pub fn of(first: &[f64], second: &[f64]) -> Self {
        let (n, m) = (count(first), count(second));
        let (ranks, ties) = ranks_of_first(first, second);
        let u = ranks - n * (n + 1.0) / 2.0;
        let all = n + m;
        let variance = n * m / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)));
        let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
        let p = if variance > 0.0 { 2.0 * upper_tail(distance / variance.sqrt()) } else { 1.0 };
        Self { u, p: p.min(1.0) }
    }
}

/// The sum of the ranks that the first sample has among both, and the sum of t³ − t over every run of t equal values.
fn ranks_of_first(first: &[f64], second: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> = first.iter().map(|value| (*value, true)).collect();
    all.extend(second.iter().map(|value| (*value, false)));
    all.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    for run in all.chunk_by(|(one, _), (other, _)| one == other) {
        let length = count(run);
        // Equal values share the mean of the ranks that they take together.
        let rank = before + f64::midpoint(length, 1.0);
        ranks += rank * count(&run.iter().filter(|(_, is_first)| *is_first).collect::<Vec<_>>());
        ties += length.powi(3) - length;
        before += length;
    }
    (ranks, ties)
}

#[expect(clippy::cast_precision_loss, reason = "samples are small")]
fn count<T>(sample: &[T]) -> f64 {
    sample.len() as f64
}

/// The share of the normal distribution above `z` ≥ 0, to seven digits (Abramowitz and Stegun 26.2.17).
fn upper_tail(z: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] =
        [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let polynomial = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial
}

/// The middle of a sample.
pub fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_says(first: &[f64], second: &[f64], u: f64, p: f64) {
        let found = RankSum::of(first, second);
        assert!((found.u - u).abs() < 1e-9 && (found.p - p).abs() < 1e-6, "{found:?}, not {u} and {p}");
    }

    /// The values of the documentation of `scipy.stats.mannwhitneyu` (method "asymptotic"), of Hollander and Wolfe's example in
    /// R's `wilcox.test`, and two worked out with the error function of a C library.
    #[test]
    fn known_samples_have_their_known_u_and_p() {
        assert_says(&[19., 22., 16., 29., 24.], &[20., 11., 17., 12.], 17.0, 0.111_346_886_5);
        let at_term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        assert_says(&at_term, &[1.15, 0.88, 0.90, 0.74, 1.21], 35.0, 0.244_623_605_1);
        assert_says(&[1., 2., 2., 3., 5.], &[2., 3., 4., 4., 6., 7.], 6.5, 0.138_625_879_9);
        let counted: Vec<f64> = (0..40).map(f64::from).collect();
        assert_says(&counted[..20], &counted[20..], 0.0, 6.795_6e-8);
    }

    #[test]
    fn samples_that_cannot_be_told_apart_are_not() {
        assert_says(&[1.0; 5], &[1.0; 6], 15.0, 1.0);
        let interleaved: Vec<f64> = (0..200).map(f64::from).collect();
        let (even, odd): (Vec<f64>, Vec<f64>) = interleaved.iter().partition(|value| *value % 2.0 == 0.0);
        assert!(RankSum::of(&even, &odd).p > 0.8);
    }

    #[test]
    fn the_two_samples_may_change_places() {
        let (one, other) = ([1.0, 4.0, 4.0, 9.0], [2.0, 4.0, 8.0, 16.0, 32.0]);
        let (there, back) = (RankSum::of(&one, &other), RankSum::of(&other, &one));
        assert!((there.p - back.p).abs() < 1e-12 && (there.u + back.u - 20.0).abs() < 1e-12);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
    }
}
