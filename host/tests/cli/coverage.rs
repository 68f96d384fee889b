//! The shipped test set: recall of each kind, and that the coverage matrix of reports is computed from it.

use std::fs;

use serde_json::Value;

use super::{folder, masker, run, workspace};

/// Minimum recall of each kind on whole spans, in percent. The current figures are in
/// `host/core/src/report/coverage.json`.
const FLOOR: f64 = 75.0;
/// Minimum recall over all kinds together.
const FLOOR_OF_ALL: f64 = 96.0;

#[test]
fn every_kind_of_the_shipped_test_set_is_found_above_its_floor_and_the_matrix_knows_the_figures() {
    let folder = folder();
    let measured = folder.path().join("coverage.json");
    let set = workspace().join("tests/detection/safe-harbor.jsonl");
    let mut command = masker(&["eval", "--json", "--data"]);
    let ran = run(command.arg(set).arg("--coverage").arg(&measured));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let measured = fs::read_to_string(measured).expect("the measurement");
    let coverage: Value = serde_json::from_str(&measured).expect("JSON");
    let (mut all, mut found) = (0.0, 0.0);
    for (kind, counts) in coverage["kinds"].as_object().expect("kinds") {
        let count = |name: &str| counts[name].as_f64().expect("a number");
        let share = 100.0 * count("whole") / count("spans");
        assert!(share >= FLOOR, "{kind}: {share:.1} % of {} spans", count("spans"));
        (all, found) = (all + count("spans"), found + count("whole"));
    }
    assert!(100.0 * found / all >= FLOOR_OF_ALL, "{found} of {all}");

    let kept = workspace().join("host/core/src/report/coverage.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&kept, &measured).expect("it can be written");
    }
    let known: Value = serde_json::from_str(&fs::read_to_string(&kept).expect("what the matrix knows")).expect("JSON");
    assert_eq!(known, coverage, "coverage.json is out of date: run with UPDATE=1 to update it");
}
