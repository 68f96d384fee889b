//! The pass on marked text, natively: `[STAFF_BADGE:WX-40417]` says what must be found, no mark that nothing may be.

use masker_plugin_sdk::testing::{configure, marked, unmark};
use staff_badge::StaffBadge;

fn check(context: &[(&str, &str)], case: &str) {
    let pass: StaffBadge = configure("{}").expect("the default settings are valid");
    assert_eq!(marked(&pass, context, &unmark(case)).expect("detects"), case);
}

#[test]
fn a_badge_number_is_found() {
    check(&[], "this is nurse Ellis, badge [STAFF_BADGE:WX-40417]");
    check(&[], "[STAFF_BADGE:WX40417] calling");
    check(&[], "the pump is model ZX-40417 and costs 40417 dollars");
}

#[test]
fn digits_alone_are_found_after_the_question() {
    check(&[("assistant", "What is your badge number?")], "it's [STAFF_BADGE:40417]");
    check(&[("assistant", "What is the ward's extension?")], "it's 40417");
}

#[test]
fn a_wrong_setting_is_refused_with_its_place() {
    let refused = |config: &str| configure::<StaffBadge>(config).err().expect("refused");
    assert_eq!(refused(r#"{"prefix": "wx"}"#).path.as_deref(), Some("/prefix"));
    assert!(refused(r#"{"prefx": "WX"}"#).message.contains("prefx"));
}
