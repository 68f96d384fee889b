//! Each value in a list is a separate finding, and no finding includes a separator.

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::{Message, Pass, testing::configure};

/// The announcement of a list, and its values.
const LISTS: &[(&str, [&str; 3])] = &[
    ("Call ", ["617-555-0129", "206-555-0173", "415-555-0134"]),
    ("phones: ", ["617.555.0129", "206.555.0173", "415.555.0134"]),
    ("Call ", ["(617) 555-0129", "(206) 555-0173", "(415) 555-0134"]),
    ("Call ", ["6175550129", "2065550173", "4155550134"]),
    ("Call ", ["617 555 0129", "206 555 0173", "415 555 0134"]),
    ("Call ", ["+1 617 555 0129", "+1 206 555 0173", "+1 415 555 0134"]),
    ("MRNs: ", ["52817346", "60391827", "71920835"]),
    ("Member IDs: ", ["QX7021934", "ZW8830412", "PL5519023"]),
    ("policies ", ["XKJ-48211-07", "QRT-55120-11", "BVN-90817-23"]),
    ("SSNs: ", ["512-10-2462", "523-11-4471", "534-12-8812"]),
    ("Cards: ", ["4539 1488 0343 6467", "4242 4242 4242 4242", "5555 5555 5555 4444"]),
    ("accounts ", ["4471902285", "5582013396", "6693124407"]),
    ("offices: ", ["18 Maple Street", "205 Cedar Avenue", "9 Willow Road"]),
    ("born ", ["03/14/1962", "04/15/1973", "05/16/1984"]),
    ("dates: ", ["1962-03-14", "1973-04-15", "1984-05-16"]),
    ("write to ", ["jo@example.com", "al@example.com", "max@example.org"]),
    ("see ", ["https://example.com/a", "https://example.org/b", "https://example.net/c"]),
    ("hosts ", ["10.20.30.40", "10.20.30.41", "10.20.30.42"]),
];

/// The separators between two values.
const SEPARATORS: &[&str] = &[
    ", ",
    ",",
    "   ",
    "; ",
    " | ",
    " / ",
    " - ",
    " – ",
    "\n",
    "\r\n",
    "\n- ",
    "\n* ",
    "\n• ",
    "\t",
    "\", \"",
    "', '",
    "</li><li>",
    " and ",
    " or ",
    ". ",
    " (",
    ") ",
    " & ",
    " + ",
];

#[test]
fn each_value_of_a_list_is_one_finding() {
    let plugin: Plugin = configure("{}").expect("the default settings are valid");
    let mut wrong = Vec::new();
    let mut tried = 0;
    let mut check = |text: String, values: &[&str]| {
        tried += 1;
        let message = Message { role: "tool".into(), text: text.clone(), search: true };
        let mut spans: Vec<_> = plugin.detect(&[message], &[]).expect("detects").into_iter().map(|f| f.span).collect();
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut end = 0;
        // Of two overlapping findings, the longer.
        spans.retain(|span| {
            let before = end;
            end = end.max(span.end);
            before < span.end
        });
        let found: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
        if found != values {
            wrong.push(format!("{text:?}: {found:?}"));
        }
    };
    for (head, values) in LISTS {
        for separator in SEPARATORS {
            check(format!("{head}{}", values[..2].join(separator)), &values[..2]);
            check(format!("{head}{}", values.join(separator)), values);
            check(format!("{head}{}. Thank you", values.join(separator)), values);
        }
        for number in ["1. ", "1) ", "1 - "] {
            let lines = values.iter().zip(1..).map(|(value, at)| number.replace('1', &at.to_string()) + value);
            check(lines.collect::<Vec<_>>().join("\n"), values);
        }
    }
    assert!(tried > 1000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried} lists:\n{}", wrong.len(), wrong.join("\n"));
}
