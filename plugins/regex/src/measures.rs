//! Fields that hold a count, a measure or a time: `created_at`, `size_bytes`, `latitude`. A number under such a name
//! identifies no person, whatever its length. A name whose last words announce an identifier (`reach_me_at`,
//! `max_member_id`) is not a measure.

use crate::keywords::NOTHING;
use crate::turn::Turn;

/// Words that mark a measure at the end of a name.
const LAST: &[&str] = &[
    // Times and durations.
    "at",
    "on",
    "time",
    "times",
    "timestamp",
    "timestamps",
    "ts",
    "epoch",
    "unix",
    "created",
    "updated",
    "modified",
    "deleted",
    "expires",
    "expiry",
    "exp",
    "iat",
    "nbf",
    "since",
    "until",
    "ms",
    "ns",
    "us",
    "msec",
    "millis",
    "milliseconds",
    "micros",
    "microseconds",
    "nanos",
    "nanoseconds",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "duration",
    "elapsed",
    "timeout",
    "ttl",
    "interval",
    "delay",
    "latency",
    "uptime",
    "eta",
    // Counts.
    "count",
    "counts",
    "counter",
    "total",
    "totals",
    "subtotal",
    "sum",
    "population",
    "quantity",
    "qty",
    "size",
    "sizes",
    "length",
    "len",
    "bytes",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "rows",
    "columns",
    "items",
    "results",
    "hits",
    "visits",
    "views",
    "tokens",
    "words",
    "chars",
    "characters",
    "lines",
    "calls",
    "attempts",
    "attempt",
    "retries",
    "errors",
    "pages",
    // Indexes, settings.
    "page",
    "limit",
    "offset",
    "skip",
    "index",
    "idx",
    "position",
    "pos",
    "rank",
    "step",
    "steps",
    "level",
    "depth",
    "version",
    "build",
    "revision",
    "seed",
    "port",
    "priority",
    "ctx",
    "threads",
    "workers",
    "capacity",
    "usage",
    "used",
    "available",
    "remaining",
    "max",
    "maximum",
    "minimum",
    "top",
    "k",
    "n",
    // Measures.
    "score",
    "ratio",
    "rate",
    "percent",
    "percentage",
    "pct",
    "avg",
    "average",
    "mean",
    "median",
    "width",
    "height",
    "weight",
    "distance",
    "radius",
    "altitude",
    "elevation",
    "area",
    "volume",
    "speed",
    "temperature",
    "latitude",
    "longitude",
    "lat",
    "lng",
    "lon",
    "x",
    "y",
    "z",
    "bmi",
    "bp",
    "hr",
    "bpm",
    "pulse",
    "glucose",
    "cholesterol",
    "dose",
    "dosage",
    "pixels",
    "px",
    "meters",
    "metres",
    "miles",
    "km",
    "kg",
    "lbs",
    // Money.
    "price",
    "prices",
    "amount",
    "amounts",
    "cost",
    "costs",
    "fee",
    "fees",
    "balance",
    "cents",
    "dollars",
    "usd",
    "eur",
    "gbp",
    "tax",
    "discount",
    "budget",
    "revenue",
    "salary",
    "income",
    "copay",
    "deductible",
];

/// Words that mark a measure at the beginning of a longer name.
const FIRST: &[&str] = &["num", "max", "min", "total", "avg", "mean", "median", "sum", "count", "number"];

/// Whether the field name read as `turn` is a count, a measure or a time.
pub fn is_measure(turn: &Turn<'_>) -> bool {
    let Some(last) = turn.tokens.len().checked_sub(1) else { return false };
    let is = |at: usize, list: &[&str]| list.iter().any(|word| turn.str_at(at).eq_ignore_ascii_case(word));
    let announced = turn.cues.last().is_some_and(|cue| cue.rule != NOTHING && cue.last as usize == last);
    !announced && (is(last, LAST) || last > 0 && is(0, FIRST))
}

/// Whether a value is one number: "1795532400", "-33.8688", "1.8e9". With two points it is a date or a version.
pub fn is_number(text: &str) -> bool {
    let bytes = text.trim_ascii().as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |at: &mut usize| {
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        *at > from
    };
    if !digits(&mut at) {
        return false;
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        if !digits(&mut at) {
            return false;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        if !digits(&mut at) {
            return false;
        }
    }
    at == bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plugin;
    use crate::field;
    use masker_plugin_sdk::testing::configure;

    #[test]
    fn names_say_whether_they_measure() {
        let plugin: Plugin = configure("{}").expect("the default settings are valid");
        for name in [
            "created_at",
            "createdAt",
            "epoch",
            "ms",
            "timestamp",
            "timestamp_ms",
            "population",
            "duration_ns",
            "total",
            "count",
            "size_bytes",
            "latitude",
            "price",
            "amount",
            "price_cents",
            "version",
            "page",
            "limit",
            "offset",
            "num_ctx",
            "maxTokens",
            "account_balance",
            "phone_verified_at",
            "patient_count",
            "bmi",
            "eta",
            "expires_on",
            "TOTAL-COUNT",
            "numberOfVisits",
        ] {
            assert!(field::summary(&plugin, name).measure, "{name}");
        }
        for name in [
            "phone",
            "mrn",
            "ssn",
            "account",
            "member_id",
            "memberId",
            "id",
            "user_id",
            "reach_me_at",
            "max_member_id",
            "total_phone",
            "patient_number",
            "callback",
            "num",
            "room",
            "note",
            "",
            "phoneNumber",
            "account_number",
            "fax",
        ] {
            assert!(!field::summary(&plugin, name).measure, "{name}");
        }
    }

    #[test]
    fn a_number_is_no_date_and_no_code() {
        for text in ["1795532400", " 12 ", "-33.8688197", "+4.5", "1.795e9", "3125550147.0", "1E+9"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1-2", "14.03.1962", "2026-11-24", "+1 415 555 0100", "x1", "1e", "415.555.0100"] {
            assert!(!is_number(text), "{text}");
        }
    }
}
