//! Shared helpers: requests, tokens in forwarded text, streams split in every way.

use std::os::fd::AsRawFd;
use std::path::Path;

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script};
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

/// A request with one user message.
pub fn ask(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

/// The same, with a streamed response.
pub fn ask_streamed(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}], "stream": true})
}

/// Every token in a text, in order.
pub fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')));
    let tokens = words.filter(|word| word.starts_with("MSKV1.") || word.starts_with("MSK1."));
    tokens.map(|word| word.trim_end_matches('.').to_owned()).collect()
}

/// The first token in a text.
///
/// # Panics
/// If there is none.
pub fn token(text: &str) -> String {
    tokens(text).into_iter().next().unwrap_or_else(|| panic!("there is no token in {text}"))
}

/// Makes the upstream answer with the result of `text` for the request's first token.
pub fn answer_with(app: &TestApp, text: impl Fn(&str) -> String + Send + Sync + 'static) {
    app.upstream.respond_with(move |request| Reply::text(&text(&token(&request.text()))));
}

/// Sends `I am E-12345.` repeatedly, with the upstream answering with `script`, built from the request's token and
/// split into pieces of every size from 1 to 64 bytes. Every response must pass `check`.
pub async fn cut_everywhere(
    app: &TestApp,
    script: impl Fn(&str) -> Script + Clone + Send + Sync + 'static,
    check: impl Fn(&Answer),
) {
    for size in 1..=64 {
        let script = script.clone();
        app.upstream.respond_with(move |request| Reply::stream(script(&token(&request.text())).cut_every(size)));
        let answer = app.chat(ask_streamed("I am E-12345.")).await;
        assert_eq!(answer.status, 200, "pieces of {size}: {}", answer.text());
        check(&answer);
    }
}

/// Replaces the journal's file with `/dev/full`: from now on the disk is full.
pub fn fill_the_disk_below(journal: &Path) {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full is there");
    let mut replaced = 0;
    for entry in std::fs::read_dir("/proc/self/fd").expect("/proc is mounted") {
        let path = entry.expect("an open file").path();
        if std::fs::read_link(&path).is_ok_and(|target| target == journal) {
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok()).expect("a number");
            // SAFETY: both are open, and the owner of `number` keeps an open file.
            assert_eq!(unsafe { libc::dup2(full.as_raw_fd(), number) }, number);
            replaced += 1;
        }
    }
    assert!(replaced > 0, "the journal is not open");
}
