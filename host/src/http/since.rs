//! Parses `since` of lists and reports: a duration before now, or a time.

use crate::clock::Timestamp;

/// Error message for an invalid value.
pub const FORM: &str =
    "must be a number with s, m, h, d or w (24h), or a time from 1970 to 9999 such as 2026-05-03T21:14:32.481Z";

/// Parses `<n>s|m|h|d|w` before `now`, or an ISO 8601 time.
pub fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(moment) = Timestamp::parse(text) {
        return Some(moment);
    }
    let unit = match text.chars().last()? {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 604_800_000,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().unwrap_or(i64::MAX);
    // Clamped to 1970, because years have four digits and nothing is older.
    Some(Timestamp::from_millis(now.millis().saturating_sub(count.saturating_mul(unit)).max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let now: i64 = 1_777_842_872_481;
        for (text, expected) in [
            ("0s", now),
            ("90s", now - 90_000),
            ("5m", now - 300_000),
            ("24h", now - 86_400_000),
            ("007d", now - 604_800_000),
            ("2w", now - 1_209_600_000),
            ("3000w", 0),
            ("99999999999999999999w", 0),
            ("2026-05-03T21:14:32.481Z", now),
            ("2026-05-03T23:14:32.481+02:00", now),
            ("2026-05-03T21:14:32Z", now - 481),
        ] {
            let read = parse(text, Timestamp::from_millis(now));
            assert_eq!(read, Some(Timestamp::from_millis(expected)), "{text}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "h",
            "24",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "1H",
            "1y",
            "now",
            "2026-05-03",
            "+10000-01-01T00:00:00Z",
            "24hh",
            "٣h",
            "1é",
        ] {
            assert_eq!(parse(text, Timestamp::from_millis(0)), None, "{text}");
        }
    }
}
