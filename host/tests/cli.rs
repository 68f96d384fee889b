//! The command line as a user runs it: standard output, standard error and exit codes (docs/cli.md).
//!
//! The plugins are those of `make plugins`. Their compiled code is cached in `target/test-cache`, so that only the
//! first run of these tests compiles them.

#[path = "cli/admin.rs"]
mod admin;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/coverage.rs"]
mod coverage;
#[path = "cli/kill.rs"]
mod kill;
#[path = "cli/owner.rs"]
mod owner;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/stop.rs"]
mod stop;
#[path = "cli/tail.rs"]
mod tail;
#[path = "cli/traces.rs"]
mod traces;
#[path = "cli/vault.rs"]
mod vault;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use masker::clock::Clock;
use masker::config::{Config, Environment};
use masker::store::journal::Journal;
use masker::store::{Store, StorePaths};
use tempfile::TempDir;

const TEXT: &str = "Hello.\nMy number is 415-555-0123, and the mail is ann.lee@example.com\n";
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// A secret in an environment variable, which error messages must not repeat.
const SECRET: &str = "this-is-a-secret-that-is-no-key";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn masker(arguments: &[&str]) -> Command {
    let cache = workspace().join("target/test-cache");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache).expect("the target folder can be written to");
    let mut command = Command::new(env!("CARGO_BIN_EXE_masker"));
    command
        .args(arguments)
        .env_clear()
        .env("MASKER_PLUGIN_DIR", workspace().join("target/plugins"))
        .env("XDG_CACHE_HOME", cache)
        .stdin(Stdio::null());
    command
}

/// Output and exit code of a finished command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn finished(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
    let ran = Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    assert!(!ran.err.contains("thread '"), "it panicked: {}", ran.err);
    ran
}

fn run(command: &mut Command) -> Ran {
    finished(command.output().expect("masker starts"))
}

/// Runs a command with this text on standard input.
fn run_on(command: &mut Command, input: &[u8]) -> Ran {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("masker starts");
    // A command that rejects its arguments does not read its input.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    finished(child.wait_with_output().expect("masker ends"))
}

fn mask(arguments: &[&str], text: &str) -> Ran {
    run_on(masker(&["mask", "--passes", "regex"]).args(arguments).env("MASKER_KEY_K_HEALTHCARE", KEY), text.as_bytes())
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a file in a temporary folder");
    path.to_str().expect("a UTF-8 path").to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn mask_puts_tokens_in_the_place_of_what_it_finds_and_leaves_the_rest() {
    let ran = mask(&[], TEXT);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("Hello.\nMy number is MSKV1.PHONE.K_HEALTHCARE."), "{}", ran.out);
    assert!(ran.out.contains(", and the mail is MSKV1.EMAIL.K_HEALTHCARE."), "{}", ran.out);
    assert!(ran.out.ends_with('\n') && !ran.out.contains("555-01") && !ran.out.contains("ann.lee"), "{}", ran.out);
}

#[test]
fn the_same_key_makes_the_same_tokens_and_another_key_others() {
    let first = mask(&[], TEXT).out;
    assert_eq!(first, mask(&[], TEXT).out);
    let other = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
    let ran = run_on(masker(&["mask", "--passes", "regex"]).env("MASKER_KEY_K_HEALTHCARE", other), TEXT.as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_ne!(first, ran.out);
}

#[test]
fn without_a_key_the_tokens_hold_for_one_run_and_it_says_so_unless_quiet() {
    let plain = |arguments: &[&str]| run_on(masker(&["mask", "--passes", "regex"]).args(arguments), TEXT.as_bytes());
    let (first, second) = (plain(&[]), plain(&["--quiet"]));
    assert_eq!((first.code, second.code), (0, 0));
    assert_ne!(first.out, second.out);
    assert!(first.err.contains("valid for this run only"), "{}", first.err);
    assert_eq!(second.err, "");
}

#[test]
fn a_key_that_cannot_be_used_is_an_error_that_does_not_repeat_it() {
    let ran = run_on(masker(&["mask", "--passes", "regex"]).env("MASKER_KEY_K_HEALTHCARE", SECRET), TEXT.as_bytes());
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("MASKER_KEY_K_HEALTHCARE") && !ran.err.contains(SECRET), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn mask_keeps_every_line_end_as_it_was() {
    for text in ["a\r\nb\n\nc", "no end", "\n", ""] {
        assert_eq!(mask(&[], text).out, text);
    }
}

#[test]
fn input_may_be_a_file_or_a_dash() {
    let folder = folder();
    let path = file(&folder, "text.txt", TEXT);
    let from_stdin = mask(&[], TEXT).out;
    assert_eq!(mask(&["--input", &path], "").out, from_stdin);
    assert_eq!(mask(&["--input", "-"], TEXT).out, from_stdin);
}

#[test]
fn schemes_of_mask() {
    let scheme = |name: &str| mask(&["--scheme", name], TEXT).out;
    assert!(scheme("redact").contains("My number is [REDACTED:PHONE], and the mail is [REDACTED:EMAIL]\n"));
    assert!(scheme("reversible-aead").contains("MSK1.PHONE.K_HEALTHCARE."));
    assert!(scheme("vault-deterministic").contains("MSKV1.PHONE.K_HEALTHCARE."));
    let synthetic = scheme("synthetic");
    assert!(synthetic.contains("-555-01") && !synthetic.contains("415-555-0123"), "{synthetic}");
    assert!(synthetic.contains("@example.com") && !synthetic.contains("ann.lee"), "{synthetic}");
    assert_eq!(mask(&["--scheme", "rot13"], TEXT).code, 64);
}

#[test]
fn mask_as_json_gives_one_object_for_each_line() {
    let ran = mask(&["--json"], "Hello.\r\nCall 415-555-0123");
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0], serde_json::json!({"line": 1, "masked": "Hello.", "count": 0}));
    assert_eq!((&lines[1]["line"], &lines[1]["count"]), (&2.into(), &1.into()));
    assert_eq!(lines.len(), 2);
}

#[test]
fn detect_says_where_what_and_how_sure() {
    let ran = run_on(&mut masker(&["detect", "--passes", "regex"]), "é 415-555-0123".as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let fields: Vec<&str> = ran.out.trim_end().split('\t').collect();
    assert_eq!((fields[0], fields[1], fields[3], fields[4]), ("1:2-14", "PHONE", "regex", "415-555-0123"));
    assert!((0.0..=1.0).contains(&fields[2].parse::<f32>().expect("a number")));
}

#[test]
fn detect_as_json_counts_characters() {
    let ran = run_on(&mut masker(&["detect", "--json", "--passes", "regex"]), "é\né 415-555-0123\n".as_bytes());
    let found: serde_json::Value = serde_json::from_str(&ran.out).expect("one object");
    assert_eq!((&found["line"], &found["start"], &found["end"]), (&2.into(), &2.into(), &14.into()));
    assert_eq!(
        (&found["kind"], &found["action"], &found["text"]),
        (&"PHONE".into(), &"tokenize".into(), &"415-555-0123".into())
    );
}

#[test]
fn every_pass_of_the_default_policy_runs_unless_some_are_named() {
    let text = "My name is Maria Gonzalez and my number is 415-555-0123.";
    let kinds = |arguments: &[&str]| {
        let ran = run_on(masker(&["detect"]).args(arguments), text.as_bytes());
        let mut kinds: Vec<String> =
            ran.out.lines().map(|line| line.split('\t').nth(1).expect("a kind").to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&[]), ["NAME", "PHONE"]);
    assert_eq!(kinds(&["--passes", "regex"]), ["PHONE"]);
    assert_eq!(kinds(&["--passes", "gemma"]), ["NAME"]);
    assert_eq!(kinds(&["--passes", "regex", "--threshold", "1"]), [""; 0]);
}

#[test]
fn require_match_ends_with_2_when_nothing_was_found() {
    for command in ["mask", "detect"] {
        let ran = |text: &str| {
            run_on(&mut masker(&[command, "--passes", "regex", "--require-match", "--quiet"]), text.as_bytes())
        };
        assert_eq!(ran(TEXT).code, 0, "{command}");
        assert_eq!(ran("Hello.\n").code, 2, "{command}");
    }
    assert_eq!(mask(&[], "Hello.\n").code, 0);
}

#[test]
fn a_wrong_call_ends_with_64() {
    for arguments in [
        &["mask", "--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["mask", "--threshold", "high"],
        &["mask", "--threshold", "1.5"],
        &["mask", "--threshold", "NaN"],
        &["mask", "--passes", "no-such-pass"],
        &["policy", "validate"],
        &["policy", "validate", "a.yaml", "--policy", "b.yaml"],
        &["agents", "list", "--policy", "b.yaml"],
        &["token", "create", "--name", "x"],
        &["token", "create", "--name", "x", "--scope", "everything"],
        &["token", "create", "--name", "", "--scope", "admin"],
        &["token", "create", "--name", &"x".repeat(70_000), "--scope", "admin"],
    ] {
        let ran = run(&mut masker(arguments));
        assert_eq!(ran.code, 64, "{arguments:?}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_option_that_would_be_ignored_is_refused() {
    for arguments in [
        &["token", "create", "--name", "x", "--scope", "admin", "--server", "http://127.0.0.1:1"][..],
        &["admin", "login-link", "--server", "http://127.0.0.1:1"],
        &["vault", "export", "--server", "http://127.0.0.1:1"],
        &["plugin", "list", "--dir", ".", "--server", "http://127.0.0.1:1"],
        &["agents", "list", "--policy", "x.yaml"],
        &["agents", "create", "--name", "x", "--upstream", "stub", "--policy-name", "x", "--policy", "y"],
        &["detect", "--scheme", "redact"],
        &["demo", "--config", "x.toml"],
        &["mask", "-v"],
        &["serve", "--json"],
        &["man", "--quiet"],
    ] {
        let ran = run(&mut masker(arguments));
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{arguments:?}");
        assert!(ran.err.contains(" has no effect here"), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_file_holds_the_policy_and_the_settings_of_the_service() {
    let folder = folder();
    let policy = "name: own\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\npasses: [regex]\nentities:\n  EMAIL: {action: redact}\n";
    let policy = file(&folder, "own.yaml", policy.as_bytes());
    let data = folder.path().join("data").display().to_string();
    let config = format!("policy = \"{policy}\"\n[service]\ndev = true\ndata_dir = \"{data}\"\n");
    let config = file(&folder, "masker.toml", config.as_bytes());
    let kinds = |arguments: &[&str]| {
        let ran = run_on(masker(&["detect", "--config", &config, "--json"]).args(arguments), TEXT.as_bytes());
        assert_eq!(ran.code, 0, "{}", ran.err);
        (ran.out.contains("\"EMAIL\""), ran.out.contains("\"PHONE\""))
    };
    assert_eq!(kinds(&[]), (true, false), "the policy from the settings file");
    assert_eq!(kinds(&["--policy", "healthcare-default"]), (true, true), "the option takes precedence");

    install(Path::new(&data));
    let link = run(masker(&["admin", "login-link"]).current_dir(folder.path()));
    assert_eq!(link.code, 0, "./masker.toml names the data folder: {}", link.err);
    let elsewhere = folder.path().join("elsewhere");
    let link = run(masker(&["admin", "login-link", "--config", &config]).env("MASKER_DATA_DIR", &elsewhere));
    assert!(link.code == 1 && link.err.contains("elsewhere"), "the environment takes precedence: {}", link.err);

    let config = file(&folder, "wrong.toml", b"[service]\nlisten_adr = \"x\"\n");
    let ran = run(&mut masker(&["serve", "--config", &config]));
    assert!(ran.code == 64 && ran.err.contains("line 2: [service]: unknown setting listen_adr"), "{}", ran.err);
}

#[test]
fn help_and_version_are_answers() {
    for flag in ["--help", "--version"] {
        let ran = run(&mut masker(&[flag]));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.contains("masker"), "{}", ran.out);
    }
}

#[test]
fn input_that_cannot_be_read_is_named() {
    let folder = folder();
    let path = file(&folder, "latin1.txt", b"Hello. Jos\xe9");
    for (arguments, input, words) in [
        (&["--input", "no/such/file.txt"][..], &b""[..], "no/such/file.txt: No such file"),
        (&["--input", &path], b"", "latin1.txt: not UTF-8 at byte 10"),
        (&[], b"\xff", "standard input: not UTF-8 at byte 0"),
        (&["--policy", "no/such/policy.yaml"], b"", "no/such/policy.yaml: No such file"),
    ] {
        let ran = run_on(masker(&["mask"]).args(arguments), input);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let folder = folder();
    let path = file(&folder, "long.txt", "Call 415-555-0123 now.\n".repeat(20_000));
    for command in ["mask", "detect"] {
        let mut child = masker(&[command, "--passes", "regex", "--quiet", "--input", &path])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("masker starts");
        let mut line = String::new();
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        reader.read_line(&mut line).expect("a first line");
        drop(reader);
        let ran = finished(child.wait_with_output().expect("masker ends"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let folder = folder();
    let path = file(&folder, "text.txt", "Call 415-555-0123 now.");
    let ran = run(masker(&["mask", "--passes", "regex", "--quiet", "--input", &path]).stdout(full));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("standard output"), "{}", ran.err);
}

const BAD_POLICY: &str = "name: test
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [regexx]
entities:
  PHONE: {acton: redact}
deny:
  - {text: Jane Secret-Name, kind: nope}
";

#[test]
fn policy_validate_lists_every_mistake_with_its_path_and_line() {
    let folder = folder();
    let path = file(&folder, "bad.yaml", BAD_POLICY);
    let ran = run(&mut masker(&["policy", "validate", &path]));
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    for words in [
        "passes[0]",
        "did you mean regex?",
        "(line 5)",
        "entities.PHONE.acton",
        "did you mean action?",
        "(line 7)",
        "deny[0].kind",
        "(line 9)",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(!ran.err.contains("Secret-Name"), "{}", ran.err);
}

#[test]
fn policy_validate_as_json_gives_code_path_and_message() {
    let folder = folder();
    let path = file(&folder, "bad.yaml", BAD_POLICY);
    let ran = run(&mut masker(&["policy", "validate", "--json", "--policy", &path]));
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(shown["valid"], false);
    let errors = shown["errors"].as_array().expect("a list");
    assert!(errors.iter().any(|error| error["code"] == "invalid_pass" && error["line"] == 5), "{shown}");
    assert!(errors.iter().all(|error| error["path"].is_string() && error["message"].is_string()), "{shown}");
}

#[test]
fn a_sound_policy_is_valid() {
    let folder = folder();
    let path = file(&folder, "good.yaml", masker::policy::HEALTHCARE_DEFAULT);
    let ran = run(&mut masker(&["policy", "validate", &path]));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "valid\n", ""));
    assert_eq!(run(&mut masker(&["policy", "validate", "--quiet", &path])).out, "");
    let json =
        run_on(&mut masker(&["policy", "validate", "--json", "-"]), masker::policy::HEALTHCARE_DEFAULT.as_bytes());
    assert_eq!(
        json.out,
        "{\"valid\":true,\"errors\":[]}\n"
            .replace("{\"valid\":true,\"errors\":[]}", &serde_json::json!({"valid": true, "errors": []}).to_string())
    );
}

#[test]
fn a_configuration_that_a_plugin_refuses_makes_a_policy_invalid() {
    let folder = folder();
    let policy = "name: t\nversion: 1\nkid: K\ntokenization: vault-deterministic\npasses: [configure-fails]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let path = file(&folder, "refused.yaml", policy);
    for (json, place) in [(false, "err"), (true, "out")] {
        let mut command = masker(&["policy", "validate", &path]);
        if json {
            command.arg("--json");
        }
        let ran = run(command.env("MASKER_PLUGIN_DIR", workspace().join("target/guests")));
        assert_eq!(ran.code, 3, "{}", ran.err);
        let text = if place == "out" { &ran.out } else { &ran.err };
        assert!(text.contains("configure-fails") && text.contains("this word is not known"), "{text}");
    }
}

#[test]
fn mask_with_a_bad_policy_ends_with_3_and_masks_nothing() {
    let folder = folder();
    let path = file(&folder, "bad.yaml", BAD_POLICY);
    let ran = mask(&["--policy", &path], TEXT);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(ran.err.contains("entities.PHONE.acton"), "{}", ran.err);
}

#[test]
fn a_pass_that_fails_ends_the_command_and_nothing_of_the_text_is_printed() {
    let folder = folder();
    let policy = "name: t\nversion: 1\nkid: K\ntokenization: vault-deterministic\npasses: [panics]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let path = file(&folder, "panics.yaml", policy);
    for command in ["mask", "detect"] {
        let mut command = masker(&[command, "--policy", &path]);
        let ran = run_on(command.env("MASKER_PLUGIN_DIR", workspace().join("target/guests")), TEXT.as_bytes());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("pass panics failed") && !ran.err.contains("555"), "{}", ran.err);
    }
}

#[test]
fn token_create_prints_the_secret_once_and_keeps_only_its_hash() {
    let folder = folder();
    install(folder.path());
    let data = folder.path().to_str().expect("a UTF-8 path").to_owned();
    let create = |arguments: &[&str]| {
        run(masker(&["token", "create", "--name", "ci", "--scope", "admin"])
            .args(arguments)
            .env("MASKER_DEV", "1")
            .env("MASKER_DATA_DIR", &data))
    };
    let ran = create(&[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let secret = ran.out.trim_end();
    assert!(secret.starts_with("mskt_") && secret.len() > 40, "{secret}");
    let json: serde_json::Value = serde_json::from_str(&create(&["--json"]).out).expect("JSON");
    assert_eq!((&json["name"], &json["scopes"]), (&"ci".into(), &serde_json::json!(["admin"])));
    assert!(json["id"].as_str().expect("an id").starts_with("tok_"));
    let database = fs::read(folder.path().join("masker.db")).expect("a database");
    assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[test]
fn serve_in_production_lists_everything_that_is_missing_at_once() {
    for command in [&["serve"][..], &["token", "create", "--name", "x", "--scope", "admin"]] {
        let ran = run(masker(command).env("MASKER_OPENAI_API_KEY", SECRET).env("MASKER_LISTEN_ADDR", SECRET));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        for name in ["MASKER_KEY_K_HEALTHCARE", "MASKER_AUDIT_HMAC_KEY", "MASKER_SESSION_SECRET", "MASKER_LISTEN_ADDR"]
        {
            assert!(ran.err.contains(name), "{name}: {}", ran.err);
        }
        assert!(!ran.err.contains(SECRET), "{}", ran.err);
        // Development mode makes keys for a service, so the hint is useless for other commands.
        assert_eq!(ran.err.contains("set MASKER_DEV=1"), command == ["serve"], "{}", ran.err);
    }
}

#[test]
fn serve_says_which_port_is_in_use_before_it_does_anything_else() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let folder = folder();
    let ran = run(masker(&["serve"])
        .env("MASKER_DEV", "1")
        .env("MASKER_DATA_DIR", folder.path())
        .env("MASKER_LISTEN_ADDR", &address));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&format!("cannot listen on {address}")) && ran.err.contains("in use"), "{}", ran.err);
    assert!(!folder.path().join("masker.db").exists());
}

/// Creates a development-mode install, as a service leaves it after a start and a stop.
fn install(folder: &Path) {
    masker::files::create_folder(folder).expect("a folder");
    let data = folder.to_str().expect("a UTF-8 path");
    let settings = Environment::from_pairs([("MASKER_DEV", "1"), ("MASKER_DATA_DIR", data)]);
    let config = Config::load(&settings).expect("sound settings");
    drop(Journal::open(&config.journal, &config.audit_key).expect("a journal"));
    let paths = StorePaths { main: config.database, vault: config.vault };
    drop(Store::open(&paths, Clock::system()).expect("databases"));
}

/// A service that is killed on drop.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the service and waits until it logs its address.
fn serve(folder: &TempDir) -> (Serving, String, BufReader<ChildStderr>) {
    serve_with(folder, &[])
}

/// Starts the service with additional settings.
fn serve_with(folder: &TempDir, settings: &[(&str, &str)]) -> (Serving, String, BufReader<ChildStderr>) {
    serve_as(folder, &["serve"], settings)
}

/// Starts the service with these arguments.
fn serve_as(
    folder: &TempDir,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> (Serving, String, BufReader<ChildStderr>) {
    let child = masker(arguments)
        .env("MASKER_DEV", "1")
        .env("MASKER_DATA_DIR", folder.path())
        .env("MASKER_LISTEN_ADDR", "127.0.0.1:0")
        .envs(settings.iter().copied())
        .stderr(Stdio::piped())
        .spawn();
    listening(child.expect("masker starts"))
}

/// Waits until a service logs its address.
fn listening(mut child: Child) -> (Serving, String, BufReader<ChildStderr>) {
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let serving = Serving(child);
    let mut log = String::new();
    loop {
        let before = log.len();
        assert!(lines.read_line(&mut log).expect("log lines are UTF-8") > 0, "it ended: {log}");
        if let Some((_, address)) = log[before..].split_once("listening on http://") {
            assert!(log.contains("DEVELOPMENT MODE"), "{log}");
            let address = address.split([' ', '"', '\n']).next().expect("an address").to_owned();
            return (serving, address, lines);
        }
    }
}

#[test]
fn serve_comes_up_answers_and_stops_on_a_signal() {
    let folder = folder();
    let (mut serving, address, mut log) = serve(&folder);
    let mut connection = std::net::TcpStream::connect(&address).expect("it listens where it says");
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: masker\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"status\":\"ok\""), "{answer}");

    let second = run(masker(&["serve"])
        .env("MASKER_DEV", "1")
        .env("MASKER_DATA_DIR", folder.path())
        .env("MASKER_LISTEN_ADDR", "127.0.0.1:0"));
    assert_eq!(second.code, 1, "two services on one data folder would write one journal: {}", second.err);
    assert!(second.err.contains(&format!("PID {} (masker serve)", serving.0.id())), "{}", second.err);

    let stopped = Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status().expect("kill runs");
    assert!(stopped.success());
    assert_eq!(serving.0.wait().expect("it ends").code(), Some(0));
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("log lines are UTF-8");
    assert!(rest.contains("stopped"), "{rest}");
}

/// Two labelled messages.
const LABELLED: &str = r#"{"id":"1","style":"conversational","text":"My number is 415-555-0123.","entities":[{"start":13,"end":25,"kind":"PHONE","text":"415-555-0123"}]}
{"id":"2","style":"asr","text":"see you at three","entities":[],"optional":[{"start":11,"end":16,"kind":"DATE","text":"three"}]}
"#;

fn eval(arguments: &[&str], folder: &TempDir, content: &str) -> Ran {
    let data = file(folder, "calls.jsonl", content);
    run(masker(&["eval", "--passes", "regex", "--data", &data, "--quiet"]).args(arguments))
}

#[test]
fn eval_prints_how_much_of_each_style_and_kind_is_found() {
    let folder = folder();
    let coverage = folder.path().join("coverage.json");
    let ran = eval(&["--coverage", coverage.to_str().expect("a UTF-8 path")], &folder, LABELLED);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for expected in ["healthcare-default (regex)", "calls.jsonl", "conversational", "  asr", "PHONE", "CPU: mean"] {
        assert!(ran.out.contains(expected), "{expected} is not in {}", ran.out);
    }
    let coverage: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(coverage).expect("it is written")).expect("JSON");
    let phone = serde_json::json!(
        {"spans": 1, "whole": 1, "half": 1, "as_kind": 1, "characters": 10, "in_clear": 0}
    );
    assert_eq!(coverage["kinds"]["PHONE"], phone);
    assert_eq!(coverage["sets"][0]["records"], 2);
}

#[test]
fn eval_compares_two_ways_and_writes_what_was_missed() {
    let folder = folder();
    let mistakes = folder.path().join("mistakes.jsonl");
    let path = mistakes.to_str().expect("a UTF-8 path");
    let label = r#""kind":"PHONE","text":"My number"}"#;
    let content =
        LABELLED.replace(r#""kind":"PHONE","text":"415-555-0123"}"#, label).replace("13,\"end\":25", "0,\"end\":9");
    let ran = eval(&["--json", "--compare-threshold", "1", "--mistakes", path], &folder, &content);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(shown["results"][0]["all"]["wrong"], 1);
    assert_eq!(shown["results"][1]["all"]["wrong"], 0, "no finding has a confidence of 1");
    assert_eq!(shown["results"][1]["threshold"], 1.0);
    let mistakes = fs::read_to_string(mistakes).expect("it is written");
    assert!(mistakes.contains(r#""what":"missed","kind":"PHONE""#), "{mistakes}");
    assert!(mistakes.contains(r#""what":"wrong""#), "{mistakes}");
}

#[test]
fn eval_names_the_line_and_the_field_that_are_wrong_and_not_the_text() {
    let folder = folder();
    let ran = eval(&[], &folder, &LABELLED.replace("\"end\":16", "\"end\":17"));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("calls.jsonl:2: optional[0].end: 17 is past the end"), "{}", ran.err);
    assert!(!ran.err.contains("three"), "{}", ran.err);
    assert_eq!(eval(&["--compare-threshold", "2"], &folder, LABELLED).code, 64);
    assert_eq!(eval(&[], &folder, "\n").code, 1, "a dataset without messages is an error");
}
