//! A number word or a count beside a written value never leaves the value unmasked: every kind, every announcing
//! phrase and every adjacent word, in all combinations.

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::{Message, Pass, testing::configure};

/// A value and its announcing phrases: unambiguous ones, weaker ones, and "" where the format is enough.
const VALUES: &[(&str, &[&str])] = &[
    ("415-555-0134", &["my phone number is ", "my number is ", ""]),
    ("(415) 555-0134", &["my phone number is ", "my number is ", ""]),
    ("+1 415 555 0134", &["call me at ", "my cell is ", ""]),
    ("4155550134", &["my phone number is ", "my number is ", ""]),
    ("415.555.0134", &["my fax number is ", "my number is ", ""]),
    ("512-10-2462", &["my social security number is ", "my social is ", ""]),
    ("512 10 2462", &["my ssn is ", "my social is ", ""]),
    ("512102462", &["my ssn is ", "my social is ", ""]),
    ("4539 1488 0343 6467", &["my credit card number is ", "my card is ", ""]),
    ("4539148803436467", &["my credit card number is ", "my card is ", ""]),
    ("4539-1488-0343-6467", &["my credit card number is ", "my card is ", ""]),
    ("52817346", &["my mrn is ", "the chart is ", ""]),
    ("4471902285", &["my account number is ", "my account is ", ""]),
    ("447190228531", &["my account number is ", "my savings is ", ""]),
    ("XKJ4821107", &["my member id is ", "my insurance is ", ""]),
    ("XKJ-48211-07", &["my policy number is ", "my policy is ", ""]),
    ("1EG4-TE5-MK73", &["my medicare number is ", "my plan is ", ""]),
    ("94110", &["my zip code is ", "i live in Austin, TX "]),
    ("94110-1234", &["my zip code is ", ""]),
    ("03/14/1962", &["my date of birth is ", "on ", ""]),
    ("1962-03-14", &["my date of birth is ", "on ", ""]),
    ("03141962", &["my date of birth is ", ""]),
    ("D1234567", &["my driver's license is ", "my license is ", ""]),
    ("X12345678", &["my passport number is ", ""]),
    ("GB82WEST12345698765432", &["my iban is ", ""]),
    ("GB82 WEST 1234 5698 7654 32", &["my iban is ", ""]),
    ("1HGCM82633A004352", &["my vin is ", ""]),
    ("A9-44719-22", &["the serial number is ", "the device is ", ""]),
    ("490154203237518", &["my imei is ", ""]),
    ("021000021", &["the routing number is ", ""]),
    ("10.20.30.40", &["my ip address is ", ""]),
    ("jo82@example.com", &["my email is ", ""]),
];

/// Words right before a value.
const BEFORE: &[&str] = &[
    "the new one ",
    "for one ",
    "one moment ",
    "two of them ",
    "oh ",
    "oh wait ",
    "one more thing ",
    "the other two ",
    "2 numbers: ",
    "take 2 ",
    "both, one ",
    "number two ",
    "four ",
    "three, ",
    "ten ",
    "twenty one ",
];

/// Words right after a value.
const AFTER: &[&str] = &[
    " one more thing",
    " oh wait",
    " oh",
    " one moment",
    " two of them",
    " for one",
    " one",
    " two",
    " oh sorry",
    " one second please",
    " two days ago",
    " ten minutes ago",
    " two thousand",
    " 2 of them",
    ", two",
    ". Two more",
];

/// The part of `value`, which begins at `start`, that no finding covers.
fn left(plugin: &Plugin, text: &str, start: usize, value: &str) -> String {
    let message = Message { role: "user".into(), text: text.into(), search: true };
    let findings = plugin.detect(&[message], &[]).expect("detects");
    let covered = |at: usize| findings.iter().any(|finding| finding.span.contains(&at));
    let left = value.char_indices().filter(|(at, c)| c.is_alphanumeric() && !covered(start + at));
    left.map(|(_, c)| c).collect()
}

#[test]
fn a_number_word_beside_a_value_leaves_nothing_of_it_in_clear() {
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    let mut leaks = Vec::new();
    let mut tried = 0;
    let mut check = |head: &str, value: &str, tail: &str| {
        tried += 1;
        let text = format!("{head}{value}{tail}");
        let left = left(&plugin, &text, head.len(), value);
        if !left.is_empty() {
            leaks.push(format!("{text:?} leaves {left:?}"));
        }
    };
    for (value, cues) in VALUES {
        for cue in *cues {
            check(cue, value, "");
            for after in AFTER {
                check(cue, value, after);
            }
            for before in BEFORE {
                // The announcement of a place does not reach over other words.
                if !cue.ends_with("TX ") {
                    check(&format!("{cue}{before}"), value, "");
                }
                check(&format!("{before}{cue}"), value, "");
                for after in AFTER {
                    check(&format!("{before}{cue}"), value, after);
                }
            }
        }
    }
    assert!(tried > 20_000, "{tried}");
    assert!(leaks.is_empty(), "{} of {tried} leave something:\n{}", leaks.len(), leaks.join("\n"));
}

/// The words beside a value stay unmasked where they can be told from its digits.
#[test]
fn a_number_word_that_is_not_of_the_value_stays() {
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    let mut wrong = Vec::new();
    for (value, cues) in VALUES {
        for (before, after) in [
            ("the new one ", ""),
            ("for one ", ""),
            ("", " one more thing"),
            ("", " oh wait"),
            ("", " two of them"),
            ("", " one moment"),
            ("the new one ", " one more thing"),
            ("2 numbers: ", " oh sorry"),
        ] {
            let text = format!("{before}{}{value}{after}", cues[0]);
            let message = Message { role: "user".into(), text: text.clone(), search: true };
            let place = before.len() + cues[0].len()..text.len() - after.len();
            for finding in plugin.detect(&[message], &[]).expect("detects") {
                if finding.span.start < place.start.saturating_sub(1) || finding.span.end > place.end {
                    wrong.push(format!("{text:?}: {:?}", &text[finding.span.clone()]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
