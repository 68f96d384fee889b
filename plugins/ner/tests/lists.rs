//! Each person or address in a list is a separate finding, and no finding includes a separator.

use masker_plugin_ner::{Ner, Settings};
use masker_plugin_sdk::{Message, Pass};

const THRESHOLD: f32 = 0.6;

const NAMES: &[[&str; 3]] = &[
    ["Ingrid Halvorsen", "Tobias Lindqvist", "Marta Oyelaran"],
    ["Karen Doyle", "Robert Whitfield", "Susan Petersen"],
    ["Michael Torres", "Linda Nakamura", "Emily Carter"],
    ["Hannah Fischer", "David Romero", "John Smith"],
    ["Maria Gonzalez", "Wei Chen", "Priya Patel"],
];

const ADDRESSES: &[[&str; 3]] = &[
    ["18 Maple Street", "205 Cedar Avenue", "9 Willow Road"],
    ["742 Evergreen Terrace", "1200 West 7th Street", "12 Oak Lane"],
    ["44 Birch Court", "88 Pine Drive", "1482 Elm Avenue"],
];

/// The text before a list, between its values, and after it.
const LISTS: &[(&str, &str, &str)] = &[
    ("Free doctors: ", ", ", ""),
    ("On call: ", "; ", ""),
    ("Owners: ", " / ", ""),
    ("Owners: ", "/", ""),
    ("| ", " | ", " |"),
    ("Free doctors:\n- ", "\n- ", ""),
    ("Free doctors:\n* ", "\n* ", ""),
    ("Free doctors:\n• ", "\n• ", ""),
    ("Waiting:\n", "\n", ""),
    ("Waiting:\r\n", "\r\n", ""),
    ("Waiting:\n\n", "\n\n", ""),
    ("They are \"", "\", \"", "\"."),
    ("They are \"", "\" and \"", "\"."),
    ("['", "', '", "']"),
    ("[\"", "\", \"", "\"]"),
    ("[\"", "\",\"", "\"]"),
    ("<ul><li>", "</li><li>", "</li></ul>"),
    ("<tr><td>", "</td><td>", "</td></tr>"),
    ("", "\t", ""),
    ("", " - ", ""),
    ("", " – ", ""),
    ("", "—", ""),
    ("", "    ", ""),
    ("Please book ", " and ", " for Monday"),
    ("Please book ", " or ", " for Monday"),
    ("I met ", ". ", " came later."),
    ("I met ", "! ", " came later."),
    ("(", ") (", ")"),
    ("", " & ", ""),
    ("", " + ", ""),
    ("", " -> ", ""),
    ("{\"a\":\"", "\",\"b\":\"", "\"}"),
];

fn found(pass: &Ner<'static>, text: &str, kind: &str) -> Vec<String> {
    let message = Message { role: "tool".into(), text: text.into(), search: true };
    let findings = pass.detect(&[message], &[]).expect("never fails");
    let sure = findings.into_iter().filter(|finding| finding.confidence >= THRESHOLD && finding.kind == kind);
    sure.map(|finding| text[finding.span].to_owned()).collect()
}

fn check_lists(kind: &str, lists: &[[&str; 3]]) {
    let pass = Ner::configure(Settings::default()).expect("the built-in weights fit");
    let mut wrong = Vec::new();
    let mut tried = 0;
    let mut check = |text: String, values: &[&str]| {
        tried += 1;
        let found = found(&pass, &text, kind);
        if found != values {
            wrong.push(format!("{text:?}: {found:?}"));
        }
    };
    for values in lists {
        for (head, separator, tail) in LISTS {
            check(format!("{head}{}{tail}", values[..2].join(separator)), &values[..2]);
            check(format!("{head}{}{tail}", values.join(separator)), values);
        }
        for number in ["1. ", "1) ", "(1) ", "a) ", "#1 ", "1: "] {
            let lines = values.iter().zip(1..).map(|(value, at)| number.replace('1', &at.to_string()) + value);
            check(lines.collect::<Vec<_>>().join("\n"), values);
        }
        check(format!("1) {} 2) {} 3) {}", values[0], values[1], values[2]), values);
    }
    assert!(wrong.is_empty(), "{} of {tried} lists:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_person_of_a_list_is_one_finding() {
    check_lists("NAME", NAMES);
}

#[test]
fn each_address_of_a_list_is_one_finding() {
    check_lists("ADDRESS", ADDRESSES);
}
