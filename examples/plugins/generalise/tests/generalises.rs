//! Findings of earlier passes, and their generalisations.

use generalise::Generalise;
use masker_plugin_sdk::testing::configure;
use masker_plugin_sdk::{Finding, Message, Pass as _};

fn becomes(kind: &'static str, value: &str) -> Option<String> {
    let pass: Generalise = configure("{}").expect("the defaults are sound");
    let text = format!("é, it is {value}.");
    let message = Message { role: "user".into(), text, search: true };
    let earlier = Finding::new(0, 10..10 + value.len(), kind, 0.9);
    let mut found = pass.detect(&[message], std::slice::from_ref(&earlier)).expect("detects");
    let found = found.pop()?;
    assert_eq!((&found.span, &found.kind), (&earlier.span, &earlier.kind));
    found.replacement
}

#[test]
fn a_date_becomes_its_year() {
    assert_eq!(becomes("DATE", "March 14, 2019").as_deref(), Some("2019"));
    assert_eq!(becomes("DATE", "2019-03-14").as_deref(), Some("2019"));
    assert_eq!(becomes("DOB", "14 March 1982").as_deref(), Some("1982"));
}

#[test]
fn a_birth_that_tells_an_age_above_89_is_not_told() {
    assert_eq!(becomes("DOB", "14 March 1936").as_deref(), Some("90 or more years ago"));
    assert_eq!(becomes("AGE", "93").as_deref(), Some("90 or older"));
}

#[test]
fn a_zip_code_becomes_three_digits_and_a_small_area_zeros() {
    assert_eq!(becomes("ZIP", "94107-1234").as_deref(), Some("941"));
    assert_eq!(becomes("ZIP", "03601").as_deref(), Some("000"));
}

#[test]
fn what_is_not_certain_stays_with_the_pass_that_found_it() {
    for (kind, value) in [("DATE", "03/14/82"), ("DATE", "the fourteenth of march"), ("ZIP", "SW1A 1AA"), ("NAME", "Ellis 1982")] {
        assert_eq!(becomes(kind, value), None, "{value}");
    }
}
