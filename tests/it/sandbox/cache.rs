//! Compiled plugins on disk: built once, verified every time.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use masker::keys::SecretKey;
use masker::passes::{DeferredDrops, Message, PassRunner};
use masker::sensitive::SensitiveText;
use masker::wasm::Wasm;
use masker_tests::components;

fn start(folder: &Path) -> Wasm {
    Wasm::start(folder.join("cache"), &SecretKey::new([1; 32]), 1).expect("the sandbox starts")
}

/// Prepares `staff-id` and checks that it works.
fn prepare(wasm: &Wasm, config: &str) {
    let plugin = wasm.inspect(components::guest("staff-id")).expect("a sound plugin");
    assert_eq!(plugin.manifest.name, "staff-id");
    let pass = wasm.prepare(&plugin, config, &[]).expect("it can be prepared");
    assert_eq!(found(&*pass), 1);
}

fn found(pass: &dyn PassRunner) -> usize {
    let message = Message { role: "user", text: Arc::new(SensitiveText::from("I am E-12345.")), search: true };
    pass.run(&[message], &[], Duration::from_secs(10), &mut DeferredDrops::new()).expect("it runs").len()
}

fn compiled(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("cache")).expect("the cache").map(|file| file.expect("a file").path());
    let mut compiled: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "cwasm")).collect();
    compiled.sort();
    compiled
}

/// Changes when a file is rebuilt: it is renamed into place.
fn identity(file: &Path) -> u64 {
    fs::metadata(file).expect("a file").ino()
}

#[test]
fn a_second_start_takes_what_the_first_one_compiled() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare(&start(folder.path()), "{}");
    let files = compiled(folder.path());
    assert_eq!(files.len(), 1);
    let made = identity(&files[0]);
    prepare(&start(folder.path()), "{}");
    assert_eq!((compiled(folder.path()), identity(&files[0])), (files, made));
}

#[test]
fn each_configuration_has_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = start(folder.path());
    prepare(&wasm, "{}");
    prepare(&wasm, r#"{"word":"x"}"#);
    assert_eq!(compiled(folder.path()).len(), 2);
}

#[test]
fn a_flipped_byte_is_noticed_and_the_file_made_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare(&start(folder.path()), "{}");
    let file = compiled(folder.path()).remove(0);
    let sound = fs::read(&file).expect("a file");
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    fs::write(&file, &damaged).expect("written");
    prepare(&start(folder.path()), "{}");
    assert!(fs::read(&file).expect("a file") != damaged, "the damaged file is gone");
}

#[test]
fn a_compiled_file_without_its_mac_is_not_loaded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare(&start(folder.path()), "{}");
    let file = compiled(folder.path()).remove(0);
    let made = identity(&file);
    fs::remove_file(file.with_extension("mac")).expect("the MAC");
    prepare(&start(folder.path()), "{}");
    assert_ne!(identity(&file), made);
    assert!(file.with_extension("mac").exists());
}

#[test]
fn a_changed_manifest_is_read_from_the_plugin_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare(&start(folder.path()), "{}");
    let manifest = fs::read_dir(folder.path().join("cache"))
        .expect("the cache")
        .map(|file| file.expect("a file").path())
        .find(|file| file.extension().is_some_and(|kind| kind == "manifest"))
        .expect("the manifest is kept");
    let forged = String::from_utf8_lossy(&fs::read(&manifest).expect("a file")).replace("staff-id", "staff-ix");
    fs::write(&manifest, forged).expect("written");
    prepare(&start(folder.path()), "{}");
}

#[test]
fn threads_that_prepare_the_same_pass_at_the_same_time_all_get_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = start(folder.path());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| prepare(&wasm, "{}"));
        }
    });
}
