//! Counts durations in buckets that grow with them: small, and never off by more than 2 %.

use std::time::Duration;

/// Buckets per doubling.
const STEPS: u64 = 64;
/// Below this many microseconds × [`UNIT`] each value has its own bucket.
const LINEAR: u64 = 2 * STEPS;
/// Parts of a microsecond that are told apart.
const UNIT: u64 = 8;

/// Durations, from an eighth of a microsecond to hours.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: Duration,
}

impl Histogram {
    pub(super) fn record(&mut self, duration: Duration) {
        let bucket = bucket(units(duration));
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(duration);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the longest one, exactly.
    pub(super) fn max_us(&self) -> f64 {
        self.max.as_nanos() as f64 / 1000.0
    }

    /// Returns what `share` (0 to 1) of all do not exceed, in microseconds; 0 if there are none.
    pub(super) fn quantile_us(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return (upper(bucket) as f64 / UNIT as f64).min(self.max_us());
            }
        }
        0.0
    }
}

fn units(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos() * u128::from(UNIT) / 1000).unwrap_or(u64::MAX)
}

fn bucket(units: u64) -> usize {
    if units < LINEAR {
        return units as usize;
    }
    let doublings = u64::from((units / LINEAR).ilog2()) + 1;
    (doublings * STEPS + (units >> doublings)) as usize
}

/// Highest value in a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < LINEAR {
        return bucket;
    }
    let doublings = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_less_than_two_percent_wide() {
        let mut last = 0;
        for units in (0..100_000).chain((17..60).map(|shift| (1 << shift) + 1)) {
            let bucket = bucket(units);
            let upper = upper(bucket);
            assert!(
                upper >= units && (upper - units) as f64 <= units as f64 * 0.02,
                "{units} in bucket {bucket} to {upper}"
            );
            assert!(units >= 100_000 || bucket == last || bucket == last + 1, "no gap before {units}");
            last = bucket;
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|n| histogram.record(Duration::from_micros(n)));
        for (share, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = histogram.quantile_us(share);
            assert!((found / expected - 1.0).abs() < 0.02, "{share}: {found}");
        }
        assert_eq!(histogram.max_us(), 1000.0);
        assert_eq!(Histogram::default().quantile_us(0.5), 0.0);
    }
}
