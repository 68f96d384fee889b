//! Rejections at install with their messages; and configurations that a plugin rejects.

use hyper::StatusCode;
use masker::app::load_plugins;
use masker::keys::SecretKey;
use masker::wasm::Wasm;
use masker_tests::{TestApp, components};
use serde_json::json;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn with_sections(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = COMPONENT.to_vec();
    for (id, content) in sections {
        bytes.extend([*id, u8::try_from(content.len()).expect("a short section")]);
        bytes.extend(*content);
    }
    bytes
}

fn named(before: &[u8], name: &str, after: &[u8]) -> Vec<u8> {
    let len = u8::try_from(name.len()).expect("a short name");
    [before, &[len], name.as_bytes(), after].concat()
}

/// `(component (import "NAME" (func)))`, in the component model's binary format.
fn importing_a_function(name: &str) -> Vec<u8> {
    with_sections(&[(7, &[1, 0x40, 0, 1, 0]), (10, &named(&[1, 0], name, &[1, 0]))])
}

/// `(component (import "NAME" (instance (export "get" (func)))))`.
fn importing_an_interface(name: &str) -> Vec<u8> {
    let interface = named(&[1, 0x42, 2, 1, 0x40, 0, 1, 0, 4, 0], "get", &[1, 0]);
    with_sections(&[(7, &interface), (10, &named(&[1, 0], name, &[5, 0]))])
}

/// `(component (instance $i) (export "NAME" (instance $i)))`.
fn exporting_an_empty_interface(name: &str) -> Vec<u8> {
    with_sections(&[(5, &[1, 1, 0]), (11, &named(&[1, 0], name, &[5, 0, 0]))])
}

/// A guest with every `from` replaced by `to`, of the same length.
fn changed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = components::guest("answers-error");
    let at: Vec<usize> =
        (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
    assert!(!at.is_empty(), "the guest holds {from}");
    for at in at {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// The error for a rejected component.
fn refused(bytes: Vec<u8>) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = folder.path().join("cache");
    let wasm = Wasm::start(cache.clone(), &SecretKey::new([1; 32]), 1).expect("the sandbox starts");
    let error = wasm.inspect(bytes).err().expect("refused").to_string();
    assert_eq!(std::fs::read_dir(cache).expect("a folder").count(), 0, "nothing is kept of what was refused");
    error
}

#[test]
fn what_is_no_component_is_refused() {
    assert!(refused(b"hello".to_vec()).starts_with("not a WebAssembly component"));
    assert!(refused(Vec::new()).starts_with("not a WebAssembly component"));
    let whole = components::guest("staff-id");
    assert!(refused(whole[..whole.len() / 2].to_vec()).starts_with("not a WebAssembly component"));
}

#[test]
fn a_core_module_is_refused_with_the_missing_step() {
    assert!(refused(b"\0asm\x01\0\0\0".to_vec()).contains("`masker plugin build` converts it"));
}

#[test]
fn a_component_that_imports_is_refused_with_the_import_and_the_way_out() {
    let error = refused(importing_a_function("read-clock"));
    assert!(error.contains("imports read-clock;") && error.contains("wasm32-unknown-unknown"), "{error}");
    let error = refused(importing_an_interface("wasi:cli/environment@0.2.0"));
    assert!(error.contains("imports wasi:cli/environment@0.2.0#get;") && error.contains("--stub-wasi"), "{error}");
}

#[test]
fn another_contract_version_is_refused_by_name() {
    let error = refused(changed("masker:plugin/pass@0.1.0", "masker:plugin/pass@0.2.0"));
    assert!(error.contains("masker:plugin/pass@0.2.0") && error.contains("supports 0.1"), "{error}");
}

#[test]
fn a_component_without_the_contracts_export_is_refused() {
    assert_eq!(refused(COMPONENT.to_vec()), "it does not export masker:plugin/pass");
    assert_eq!(
        refused(exporting_an_empty_interface("masker:other/pass@0.1.0")),
        "it does not export masker:plugin/pass"
    );
}

#[test]
fn an_export_of_the_right_name_and_the_wrong_shape_is_refused() {
    let error = refused(exporting_an_empty_interface("masker:plugin/pass@0.1.0"));
    assert!(error.starts_with("its exports do not match masker:plugin/pass@0.1"), "{error}");
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused_with_the_rule() {
    for (from, to, words) in [
        ("answers-error", "Answers Error", "name"),
        ("utf-8", "utf-9", "offset-unit"),
        ("1.0.0", "1.\n.0", "version contains control characters"),
        ("A guest of the tests.", "A guest of the tests\u{7}", "description contains control characters"),
    ] {
        let error = refused(changed(from, to));
        assert!(error.starts_with("manifest: ") && error.contains(words), "{words}: {error}");
    }
}

/// A guest with additional memories of these sizes in pages.
fn with_memories(pages: &[u16]) -> Vec<u8> {
    let mut bytes = components::guest("staff-id");
    let before = core_modules(&bytes);
    for (pages, module) in pages.iter().zip(before..) {
        // `(module (memory PAGES))`, and an instance of it.
        let [low, high] = [(*pages & 0x7f) as u8 | 0x80, (*pages >> 7) as u8];
        bytes.extend([1, 14, 0, b'a', b's', b'm', 1, 0, 0, 0, 5, 4, 1, 0, low, high]);
        bytes.extend([2, 4, 1, 0, module, 0]);
    }
    bytes
}

/// The number of core modules in a component's own sections.
fn core_modules(component: &[u8]) -> u8 {
    let (mut at, mut modules) = (COMPONENT.len(), 0);
    while let Some(id) = component.get(at) {
        let (mut size, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            size |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] < 0x80 {
                break;
            }
        }
        at += 1 + size;
        modules += u8::from(*id == 1);
    }
    modules
}

#[test]
fn a_component_with_more_memories_than_it_needs_is_refused() {
    assert_eq!(refused(with_memories(&[1; 24])), "it asks for 25 memories; a plugin may have 2");
}

#[test]
fn all_memories_of_a_component_share_one_limit() {
    let error = refused(with_memories(&[1023]));
    assert!(error.contains("describe() failed: more than 64 MiB of memory"), "{error}");
    let error = refused(with_memories(&[1025]));
    assert_eq!(error, "it asks for more than 64 MiB of memory");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = Wasm::start(folder.path().join("cache"), &SecretKey::new([1; 32]), 1).expect("the sandbox starts");
    assert!(wasm.inspect(with_memories(&[1])).is_ok(), "two memories are fine");
}

#[test]
fn a_file_in_the_plugin_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = Wasm::start(folder.path().join("cache"), &SecretKey::new([1; 32]), 1).expect("the sandbox starts");
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a folder");
    std::fs::write(plugins.join("README.md"), "not a plugin").expect("written");
    assert!(load_plugins(&wasm, Some(&plugins), vec![]).is_ok(), "other files are left alone");
    std::fs::write(plugins.join("mine.wasm"), importing_a_function("read-clock")).expect("written");
    let error = format!("{:#}", load_plugins(&wasm, Some(&plugins), vec![]).err().expect("refused"));
    assert!(error.contains("mine.wasm") && error.contains("imports read-clock"), "{error}");
    let error = format!("{:#}", load_plugins(&wasm, Some(&folder.path().join("none")), vec![]).err().expect("refused"));
    assert!(error.contains("MASKER_PLUGIN_DIR"), "{error}");
}

async fn check_configure(guest: &str, words: &str) {
    let app = TestApp::builder().guest(guest).start().await;
    let policy = format!(
        "name: refused\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
         passes: [{{plugin: {guest}, config: {{word: x}}}}]\nentities: {{NAME: {{}}, STAFF_ID: {{}}}}\n"
    );
    let body = json!({"name": "refused", "upstream": "stub", "policy_yaml": policy});
    let answer = app.api("POST", "/api/v1/agents", &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
    assert_eq!(answer.error_code(), "policy_yaml_invalid");
    assert!(answer.text().contains(guest) && answer.text().contains(words), "{}", answer.text());
    let listed = app.api("GET", "/api/v1/agents", &serde_json::Value::Null).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "nothing was made: {listed}");
    app.finish().await;
}

#[tokio::test]
async fn a_configuration_that_the_plugin_refuses_is_refused_in_its_words() {
    check_configure("configure-fails", "this word is not known").await;
}

#[tokio::test]
async fn a_plugin_that_panics_in_configure_makes_no_agent() {
    check_configure("configure-panics", "configure() failed").await;
}
