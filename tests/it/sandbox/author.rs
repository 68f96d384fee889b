//! A plugin's own error messages: shown to its author by the command line, never by a server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use masker::keys::SecretKey;
use masker::passes::{FaultKind, Message};
use masker::sensitive::SensitiveText;
use masker::wasm::Wasm;
use masker_tests::components;

const SAID: &str = "I am E-12345.";

fn key() -> SecretKey {
    SecretKey::new([1; 32])
}

fn for_author(folder: &Path) -> Wasm {
    Wasm::start_for_author(folder.join("cache"), &key()).expect("the sandbox starts")
}

/// How a call of a guest fails, and the guest's message.
fn fails(wasm: &Wasm, guest: &str) -> (FaultKind, Option<String>) {
    let plugin = wasm.inspect(components::guest(guest)).expect("a sound component");
    let pass = wasm.prepare(&plugin, "{}", &[]).expect("it can be prepared");
    let message = Message { role: "user", text: Arc::new(SensitiveText::from(SAID)), search: true };
    let (found, used) = pass.run_measured(&[message], &[], Duration::from_secs(10));
    let fault = found.expect_err("it fails");
    assert!(!fault.detail.to_string().contains("E-12345"), "{}", fault.detail);
    (fault.kind, used.said.map(|said| said.expose().clone()))
}

#[test]
fn the_words_of_a_panic_are_told_to_the_author() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (kind, said) = fails(&for_author(folder.path()), "panics");
    let said = said.expect("its words");
    assert_eq!(kind, FaultKind::Trap);
    assert!(said.starts_with("panicked at ") && said.contains("panics.rs:2:") && said.ends_with(SAID), "{said}");
}

#[test]
fn an_error_of_the_plugins_own_is_told_to_the_author() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (kind, said) = fails(&for_author(folder.path()), "answers-error");
    assert_eq!((kind, said.as_deref()), (FaultKind::Plugin, Some("internal: I am E-12345.")));
}

#[test]
fn a_plugin_that_traps_without_words_has_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(fails(&for_author(folder.path()), "out-of-bounds"), (FaultKind::Trap, None));
}

#[test]
fn a_panic_in_configure_is_told_to_the_author() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = for_author(folder.path());
    let plugin = wasm.inspect(components::guest("configure-panics")).expect("a sound component");
    let error = wasm.prepare(&plugin, "{}", &[]).err().expect("it fails").to_string();
    assert!(error.contains("configure() failed") && error.contains("configure_panics.rs:2:"), "{error}");
}

#[test]
fn what_serves_has_no_words_of_a_plugin() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = Wasm::start(folder.path().join("cache"), &key(), 1).expect("the sandbox starts");
    assert_eq!(fails(&wasm, "panics"), (FaultKind::Trap, None));
    assert_eq!(fails(&wasm, "answers-error"), (FaultKind::Plugin, None));
}
