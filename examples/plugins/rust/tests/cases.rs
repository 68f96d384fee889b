//! Runs the pass natively on marked text. `masker plugin test` runs the same cases on the component.

use hospital_mrn::HospitalMrn;
use masker_plugin_sdk::testing::{check, configure};

#[test]
fn every_case_comes_out_as_it_is_marked() {
    let pass: HospitalMrn = configure("{}").expect("the defaults are sound");
    check(&pass, include_str!("../cases.txt")).expect("all as marked");
}

#[test]
fn the_prefix_is_a_setting() {
    let pass: HospitalMrn = configure(r#"{"prefix": "ZZ"}"#).expect("sound");
    check(&pass, "it says [MRN:ZZ-1234-5674], not LK-1234-5674").expect("as marked");
    assert!(configure::<HospitalMrn>(r#"{"prefx": "ZZ"}"#).is_err());
}
