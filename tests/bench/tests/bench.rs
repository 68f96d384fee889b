//! Tests of the bench with a stand-in: it measures a correct one, and prints no figures for a broken one.
#![allow(clippy::unwrap_used, reason = "a test panics when its own setup fails")]

use std::process::{Command, Output};

fn bench(stand_in: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_masker-bench"))
        .args(["--quick", "--stand-in", "--only", "sandbox"])
        .env("STAND_IN", stand_in)
        .output()
        .unwrap()
}

#[test]
fn a_proxy_that_does_the_work_is_measured() {
    let output = bench("");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    assert!(out.contains("| measure") && out.contains("not measured"), "{out}");
}

#[test]
fn a_proxy_that_leaks_gets_no_figures() {
    refused("leak", "reached the upstream unmasked");
}

#[test]
fn a_proxy_that_does_not_restore_gets_no_figures() {
    refused("forget", "was not restored");
}

fn refused(stand_in: &str, why: &str) {
    let output = bench(stand_in);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(why), "{errors}");
}
