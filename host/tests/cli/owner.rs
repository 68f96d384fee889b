//! One process owns the files of an install: every command that touches them, in every state of the install.
//!
//! Each command succeeds, waits and then succeeds, or fails with an error. Afterwards the install must be intact: the
//! service restores values from before and after, the journal verifies, and the counts agree. The service keeps its
//! journal at a path that only its own settings name.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use masker::store::lock::DataLock;
use serde_json::{Value, json};

use super::kill::ask;
use super::{Ran, Serving, finished, folder, listening, masker, run, workspace};

/// Every command that touches an install.
const COMMANDS: [(&str, &[&str]); 7] = [
    ("token create", &["token", "create", "--name", "cell", "--scope", "admin"]),
    ("admin login-link", &["admin", "login-link"]),
    ("vault stats", &["vault", "stats", "--json"]),
    ("vault purge", &["vault", "purge", "--json", "--subject", VICTIM]),
    ("vault export", &["vault", "export"]),
    ("vault rotate-key", &["vault", "rotate-key", "--json", "--new-kid", "K_2"]),
    ("serve", &["serve"]),
];

/// Said in a separate call, and erased.
const VICTIM: &str = "415-555-0900";
/// Said first.
const OLD: &str = "415-555-0001";
/// Returns a different number each time.
static SAID: AtomicU16 = AtomicU16::new(1000);
/// The journal's file name, if the settings name one.
const JOURNAL: &str = "elsewhere.jsonl";

/// Base64 of 32 bytes 9.
const OTHER_KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";

/// A data folder and the environment of a shell.
struct Place {
    folder: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Place {
    fn new(folder: PathBuf, names_journal: bool) -> Self {
        let mut settings = vec![
            ("MASKER_DEV", "1".to_owned()),
            ("MASKER_DATA_DIR", folder.display().to_string()),
            ("MASKER_LISTEN_ADDR", "127.0.0.1:0".to_owned()),
            ("MASKER_KEY_K_2", OTHER_KEY.to_owned()),
        ];
        if names_journal {
            settings.push(("MASKER_AUDIT_LOG_PATH", folder.join(JOURNAL).display().to_string()));
        }
        Self { folder, settings }
    }

    /// Copies an install that no process has open.
    fn copy(&self, to: PathBuf, names_journal: bool) -> Self {
        copy_folder(&self.folder, &to);
        Self::new(to, names_journal)
    }

    /// Runs in a shell with umask 0.
    fn command(&self, arguments: &[&str]) -> Command {
        let plain = masker(arguments);
        let mut command = Command::new("sh");
        command.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(plain.get_program()).args(plain.get_args());
        let set = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(set);
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("masker starts")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    fn verify_journal(&self) {
        let key = self.folder.join("keys/MASKER_AUDIT_HMAC_KEY");
        let ran = run(masker(&["audit", "verify", "--log"]).arg(self.folder.join(JOURNAL)).arg("--key").arg(key));
        assert_eq!(ran.code, 0, "{}", ran.err);
    }

    /// Every file with its content and mode, except the lock file, which names the last owner.
    fn files(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let about = fs::symlink_metadata(&path).expect("it exists");
                let content = if about.is_file() { fs::read(&path).expect("a file") } else { Vec::new() };
                if about.is_dir() {
                    folders.push(path.clone());
                }
                if !path.ends_with("masker.lock") {
                    files.insert(path, (about.permissions().mode() & 0o777, content));
                }
            }
        }
        files
    }

    /// Checks that no other user can read the files.
    fn check_modes(&self) {
        let own = fs::metadata(&self.folder).expect("a folder").permissions().mode() & 0o777;
        assert_eq!(own, 0o700, "{}", self.folder.display());
        for (path, (mode, _)) in self.files() {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, wanted, "{}: {mode:o}", path.display());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("its mode");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => copy_folder(&path, &to),
            kind if kind.is_file() => drop(fs::copy(&path, &to).expect("copied")),
            kind => assert!(kind.is_socket(), "{}", path.display()),
        }
    }
}

/// A running service with an agent to call.
struct Service<'p> {
    place: &'p Place,
    serving: Serving,
    address: String,
    credential: String,
    proxy: String,
}

impl<'p> Service<'p> {
    fn started(place: &'p Place, mut child: Child, proxy: &str) -> Self {
        drop(child.stdout.take());
        let (serving, address, mut log) = listening(child);
        // Drained, because a full pipe would block the service.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        let mut service = Self { place, serving, address, credential: String::new(), proxy: proxy.to_owned() };
        service.credential = service.credential_of(place.run(COMMANDS[0].1).out.trim());
        service
    }

    fn credential_of(&self, secret: &str) -> String {
        let credential = format!("authorization: Bearer {secret}\r\n");
        let (status, me) = ask(&self.address, "GET", "/api/v1/me", &credential, "").expect("an answer");
        assert_eq!(status, 200, "a printed token is valid: {me}");
        credential
    }

    fn make_agent(&mut self) {
        let agent = json!({"name": "owner", "upstream": "stub"}).to_string();
        let (status, agent) = ask(&self.address, "POST", "/api/v1/agents", &self.credential, &agent).expect("an agent");
        assert_eq!(status, 201, "{agent}");
        self.proxy = format!("/proxy/{}/v1/chat/completions", agent["agent"]["id"].as_str().expect("an id"));
    }

    /// Sends a call that says a number and expects to hear it back.
    fn say(&self, call: &str, number: &str) {
        let body = json!({"messages": [{"role": "user", "content": format!("Call me at {number}.")}]}).to_string();
        let header = format!("masker-session-id: {call}\r\n");
        let (status, answer) = ask(&self.address, "POST", &self.proxy, &header, &body).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        let heard = answer["choices"][0]["message"]["content"].as_str().expect("a text");
        assert!(heard.matches(number).count() >= 1 && !heard.contains("REDACTED"), "{heard}");
    }

    fn values(&self) -> u64 {
        let (status, stats) =
            ask(&self.address, "GET", "/api/v1/vault/stats", &self.credential, "").expect("an answer");
        assert_eq!(status, 200, "{stats}");
        stats["vault"]["values"].as_u64().expect("a number")
    }

    /// Checks that the service still works: one more number adds one more value.
    fn check(&self) {
        let before = self.values();
        self.say("old", OLD);
        let number = format!("415-555-{}", SAID.fetch_add(1, Ordering::Relaxed));
        self.say(&number, &number);
        self.say("old", OLD);
        self.say(&number, &number);
        assert_eq!(self.values(), before + 1);
        let (status, health) = ask(&self.address, "GET", "/health", "", "").expect("an answer");
        assert_eq!((status, &health["status"]), (200, &json!("ok")), "{health}");
        self.place.verify_journal();
    }

    fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.serving.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        assert_eq!(self.serving.0.wait().expect("it ends").code(), Some(0));
        assert!(!self.place.folder.join("admin.sock").exists());
    }
}

/// The outcome of every command, column by column.
#[derive(Default)]
struct Table(Vec<(&'static str, BTreeMap<&'static str, String>)>);

impl Table {
    fn column(&mut self, title: &'static str) {
        self.0.push((title, BTreeMap::new()));
    }

    fn put(&mut self, command: &'static str, cell: impl Into<String>) {
        let (_, column) = self.0.last_mut().expect("a column");
        column.insert(command, cell.into());
    }

    fn print(&self) {
        for (title, column) in &self.0 {
            for (command, _) in COMMANDS {
                eprintln!("{title:<24} {command:<18} {}", column.get(command).map_or("-", String::as_str));
            }
        }
    }
}

#[track_caller]
fn done(ran: &Ran) -> &'static str {
    assert_eq!(ran.code, 0, "{}", ran.err);
    if ran.err.contains("masker: waiting for PID") { "waited" } else { "done" }
}

/// Checks that a command failed with these words and printed no result.
#[track_caller]
fn refused(ran: &Ran, words: &[&str]) -> String {
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    for words in words {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let line = ran.err.lines().rfind(|line| !line.trim().is_empty()).expect("words");
    let short: String = line.trim().chars().take(110).collect();
    format!("refused: {short}")
}

fn number(ran: &Ran, field: &str) -> u64 {
    let shown: Value = serde_json::from_str(&ran.out).expect("JSON");
    shown[field].as_u64().expect("a number")
}

#[test]
fn no_command_harms_an_install_in_any_state() {
    let temporary = folder();
    let at = |name: &str| temporary.path().join(name);
    let mut table = Table::default();

    // Only the first start of a service creates the install.
    table.column("empty folder");
    let own = Place::new(at("own"), true);
    let mut service = Service::started(&own, own.start(&["serve"]), "");
    table.put("serve", "done");
    for (command, arguments) in &COMMANDS[..6] {
        let empty = Place::new(at("empty"), false);
        fs::create_dir(&empty.folder).expect("a new folder");
        let ran = empty.run(arguments);
        table.put(
            command,
            refused(&ran, &["MASKER_DATA_DIR", "there is no install", &empty.folder.display().to_string()]),
        );
        assert!(fs::remove_dir(&empty.folder).is_ok(), "{command} left something in an empty folder");
        assert!(empty.run(arguments).code == 1 && !empty.folder.exists(), "{command} created a folder");
    }

    service.make_agent();
    service.say("old", OLD);
    running(&mut table, &mut service);
    service.say("victim", VICTIM);
    let proxy = service.proxy.clone();
    service.stop();
    own.check_modes();

    journal_named_nowhere(&mut table, &own.copy(at("nowhere"), false));
    wrong_keys(&mut table, own.copy(at("wrong"), true));
    stopped(&mut table, &own.copy(at("stopped"), true), &proxy);
    starting(&mut table, &own.copy(at("starting"), true), &proxy);
    twice(&mut table, &own.copy(at("twice"), true), &proxy);
    table.print();
}

/// The service runs; the shell's settings do not name its journal.
fn running(table: &mut Table, service: &mut Service<'_>) {
    table.column("service running");
    let shell = Place::new(service.place.folder.clone(), false);
    let second = shell.start(&["serve"]);
    let plugin = workspace().join("target/guests/staff-id.wasm");
    let mut install = shell.command(&["plugin", "install", plugin.to_str().expect("UTF-8")]);
    let secret = service.credential.trim().rsplit(' ').next().expect("a secret").to_owned();
    install.env("MASKER_SERVER", format!("http://{}", service.address)).env("MASKER_SESSION", secret);
    assert_eq!(done(&run(&mut install)), "done");
    for (command, arguments) in &COMMANDS[..6] {
        service.say("victim", VICTIM);
        let before = service.values();
        let ran = shell.run(arguments);
        let holder = format!(
            "a service is running on {}: PID {} (masker serve)",
            shell.folder.display(),
            service.serving.0.id()
        );
        let cell = match *command {
            "vault export" | "vault rotate-key" => refused(&ran, &[&holder]),
            _ => done(&ran).to_owned(),
        };
        table.put(command, cell);
        match *command {
            "token create" => drop(service.credential_of(ran.out.trim())),
            "vault stats" => assert_eq!(number(&ran, "values"), before),
            "vault purge" => assert_eq!((number(&ran, "values"), service.values()), (1, before - 1)),
            _ => {}
        }
        service.check();
    }
    let ran = finished(second.wait_with_output().expect("it ends"));
    let holder = format!("in use by PID {} (masker serve)", service.serving.0.id());
    table.put("serve", refused(&ran, &["MASKER_DATA_DIR", &holder]));
    service.check();
    assert!(!shell.folder.join("audit.jsonl").exists(), "a second journal");
    service.place.check_modes();
    let journal = fs::read_to_string(service.place.folder.join(JOURNAL)).expect("a journal");
    for (kind, least) in [("token_created", 2), ("vault_purged", 1)] {
        assert!(journal.matches(&format!("\"{kind}\"")).count() >= least, "{kind} is not in the service's journal");
    }
}

/// No service runs, and the shell's settings do not name its journal: an event would go to another journal.
fn journal_named_nowhere(table: &mut Table, place: &Place) {
    table.column("stopped, other journal");
    let before = place.files();
    for (command, arguments) in &COMMANDS[..6] {
        let ran = place.run(arguments);
        table.put(command, refused(&ran, &["MASKER_AUDIT_LOG_PATH=", "there is no journal"]));
        assert!(place.files() == before, "{command} changed something");
    }
}

/// No service runs, and the keys are those of another install.
fn wrong_keys(table: &mut Table, mut place: Place) {
    table.column("wrong keys");
    place.settings.retain(|(name, _)| *name != "MASKER_DEV");
    let keys = ["MASKER_KEY_K_HEALTHCARE", "MASKER_AUDIT_HMAC_KEY", "MASKER_SESSION_SECRET"];
    place.settings.extend(keys.map(|name| (name, OTHER_KEY.to_owned())));
    let before = place.files();
    for (command, arguments) in COMMANDS {
        table.put(command, refused(&place.run(arguments), &[]));
        assert!(place.files() == before, "{command} changed something");
    }
}

/// No service runs.
fn stopped(table: &mut Table, place: &Place, proxy: &str) {
    table.column("service stopped");
    let export = place.folder.join("export.jsonl").display().to_string();
    let values = number(&place.run(COMMANDS[2].1), "values");
    let mut secret = String::new();
    for (command, arguments) in &COMMANDS[..6] {
        let ran = match *command {
            "vault export" => place.run(&[arguments, &["--output", &export][..]].concat()),
            _ => place.run(arguments),
        };
        table.put(command, done(&ran));
        match *command {
            "token create" => ran.out.trim().clone_into(&mut secret),
            "vault stats" => assert_eq!(number(&ran, "values"), values),
            "vault purge" => assert_eq!(number(&ran, "values"), 1),
            "vault export" => assert_eq!(fs::read_to_string(&export).expect("rows").lines().count() as u64, values - 1),
            "vault rotate-key" => assert_eq!(number(&ran, "sealed_anew"), values - 1),
            _ => {}
        }
        place.verify_journal();
    }
    let service = Service::started(place, place.start(&["serve"]), proxy);
    table.put("serve", "done");
    service.credential_of(&secret);
    assert_eq!(service.values(), values - 1);
    service.check();
    service.stop();
    place.check_modes();
}

/// The service has locked its files and does not answer yet, because it blocks on reading its policy from a pipe.
fn starting(table: &mut Table, place: &Place, proxy: &str) {
    table.column("service starting");
    let policy = place.folder.with_extension("yaml");
    assert!(Command::new("mkfifo").arg(&policy).status().expect("mkfifo runs").success());
    let serving = place.command(&["serve"]).env("MASKER_POLICY_PATH", &policy).stderr(Stdio::piped()).spawn();
    let serving = serving.expect("masker starts");
    // Blocks until the service opens the pipe.
    let mut writer = fs::File::options().write(true).open(&policy).expect("a pipe");
    let waiting: Vec<_> = COMMANDS.map(|(command, arguments)| (command, place.start(arguments))).into_iter().collect();
    let waiting = waiting.into_iter().map(|(command, mut child)| {
        let mut words = String::new();
        if command != "serve" {
            let mut log = BufReader::new(child.stderr.as_mut().expect("a pipe"));
            log.read_line(&mut words).expect("text");
            assert!(words.contains(&format!("waiting for PID {} (masker serve)", serving.id())), "{command}: {words}");
        }
        (command, words, child)
    });
    let waiting: Vec<_> = waiting.collect();
    writer.write_all(masker::policy::HEALTHCARE_DEFAULT.as_bytes()).expect("it reads");
    drop(writer);
    let service = Service::started(place, serving, proxy);
    for (command, words, child) in waiting {
        let mut ran = finished(child.wait_with_output().expect("it ends"));
        ran.err.insert_str(0, &words);
        let cell = match command {
            "vault export" | "vault rotate-key" => refused(&ran, &["a service is running on"]),
            "serve" => refused(&ran, &["in use by PID"]),
            _ => done(&ran).to_owned(),
        };
        table.put(command, cell);
        if command == "token create" {
            service.credential_of(ran.out.trim());
        }
    }
    service.check();
    service.stop();
    place.check_modes();
}

/// Every command twice at once, on an install that no service has open.
fn twice(table: &mut Table, place: &Place, proxy: &str) {
    table.column("twice at once");
    let mut secrets = Vec::new();
    for (command, arguments) in &COMMANDS[..6] {
        let both = [place.start(arguments), place.start(arguments)];
        let both = both.map(|child| finished(child.wait_with_output().expect("it ends")));
        for ran in &both {
            done(ran);
        }
        let sum = |field| both.iter().map(|ran| number(ran, field)).sum::<u64>();
        match *command {
            "token create" => secrets.extend(both.iter().map(|ran| ran.out.trim().to_owned())),
            "vault purge" => assert_eq!(sum("values"), 1, "once"),
            "vault rotate-key" => assert_eq!(sum("sealed_anew"), number(&place.run(COMMANDS[2].1), "values"), "once"),
            _ => {}
        }
        table.put(command, "both done, one after the other");
        place.verify_journal();
    }
    let (mut one, mut other) = (place.start(&["serve"]), place.start(&["serve"]));
    // One of the two fails; which one is not deterministic.
    let (winner, loser) = loop {
        match (one.try_wait().expect("a child"), other.try_wait().expect("a child")) {
            (None, None) => std::thread::yield_now(),
            (Some(_), _) => break (other, one),
            (None, Some(_)) => break (one, other),
        }
    };
    table.put("serve", refused(&finished(loser.wait_with_output().expect("it ends")), &["in use by PID"]));
    let service = Service::started(place, winner, proxy);
    secrets.iter().for_each(|secret| drop(service.credential_of(secret)));
    service.check();
    service.stop();
    place.check_modes();
}

#[test]
fn who_has_an_install_is_said_by_process_and_command() {
    let temporary = folder();
    let place = Place::new(temporary.path().join("data"), false);
    super::install(&place.folder);
    let own = DataLock::try_take(&place.folder, "masker vault export").expect("nobody has it");
    let ran = place.run(&["vault", "purge", "--before", "1h"]);
    let holder = format!("in use by PID {} (masker vault export)", std::process::id());
    refused(&ran, &[&holder, &place.folder.display().to_string()]);
    drop(own);
    assert_eq!(done(&place.run(&["vault", "purge", "--before", "1h"])), "done");
}

#[test]
fn a_full_disk_leaves_no_half_of_a_key() {
    let temporary = folder();
    let data = temporary.path().join("data");
    let plain = masker(&["serve"]);
    let mut command = Command::new("sh");
    // The file size limit is zero.
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(plain.get_program()).arg("serve");
    let ran = run(command.env_clear().env("MASKER_DEV", "1").env("MASKER_DATA_DIR", &data));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("MASKER_AUDIT_HMAC_KEY: cannot generate a key"), "{}", ran.err);
    let left = fs::read_dir(data.join("keys")).expect("a folder").count();
    assert_eq!(left, 0, "the next start generates the keys");
}
