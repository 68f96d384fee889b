//! Histogram buckets for the latency that Masker adds: percentiles are computed from counts per bucket, without
//! reading every session.
//!
//! Sixteen buckets for each power of two, in whole microseconds. A percentile is the middle of its bucket, so its
//! error is at most 1/32 (3.1 %); below 16 microseconds it is exact.

/// Buckets per power of two.
const STEPS: u64 = 16;
/// Its logarithm.
const STEPS_LOG: u32 = STEPS.ilog2();

/// The bucket of a duration in milliseconds.
pub fn bucket(millis: f64) -> u32 {
    // NaN and negative durations count as zero.
    let micros = (millis * 1000.0).round() as u64;
    if micros < STEPS {
        return micros as u32;
    }
    let doublings = micros.ilog2() - STEPS_LOG;
    let step = (micros >> doublings) as u32 - STEPS as u32;
    (doublings + 1) * STEPS as u32 + step
}

/// The middle of a bucket, in milliseconds.
pub fn middle(bucket: u32) -> f64 {
    let (doublings, step) = (bucket / STEPS as u32, bucket % STEPS as u32);
    let micros = match doublings.checked_sub(1) {
        None => f64::from(step),
        Some(doublings) => {
            let width = 2f64.powi(doublings as i32);
            f64::from(STEPS as u32 + step) * width + (width - 1.0) / 2.0
        }
    };
    micros / 1000.0
}

/// The nearest-rank percentile, in milliseconds. `buckets` is sorted and holds the count of each bucket; `None` when
/// it is empty.
pub fn percentile(buckets: &[(u32, u64)], percent: u64) -> Option<f64> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let rank = (all * percent).div_ceil(100);
    let mut below = 0;
    let found = buckets.iter().find(|(_, count)| {
        below += count;
        below >= rank
    });
    found.filter(|_| all > 0).map(|(bucket, _)| middle(*bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_off_by_a_thirty_second_at_most() {
        for micros in (0..5000).chain((0..45).map(|exponent| 1 << exponent)).chain([12_345_678, 86_400_000_000u64]) {
            let millis = micros as f64 / 1000.0;
            let found = middle(bucket(millis));
            assert!((found - millis).abs() <= millis / 32.0 + 1e-9, "{millis} ms became {found}");
        }
        let buckets: Vec<u32> = (0..5000).map(|micros| bucket(f64::from(micros) / 1000.0)).collect();
        assert!(buckets.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "none is left out");
    }

    #[test]
    fn what_is_no_duration_is_zero() {
        for millis in [f64::NAN, -1.0, f64::NEG_INFINITY, 0.0] {
            assert_eq!(bucket(millis), 0);
        }
        assert!(bucket(f64::INFINITY) < 1024);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let one_each: Vec<(u32, u64)> = (1..=15).map(|bucket| (bucket, 1)).collect();
        for (buckets, percent, expected) in [
            (&one_each[..], 50, Some(0.008)),
            (&one_each, 95, Some(0.015)),
            (&one_each[..1], 95, Some(0.001)),
            (&[(3, 95), (9, 5)], 95, Some(0.003)),
            (&[(3, 94), (9, 6)], 95, Some(0.009)),
            (&[(3, 0)], 50, None),
            (&[], 50, None),
        ] {
            assert_eq!(percentile(buckets, percent), expected, "{buckets:?} {percent}");
        }
    }
}
