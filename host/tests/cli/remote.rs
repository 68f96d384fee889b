//! Commands that call a server: tables, JSON, and an exit code for each kind of failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ran, folder, masker, run, serve};

struct Server {
    folder: TempDir,
    serving: super::Serving,
    address: String,
    token: String,
}

impl Server {
    fn start() -> Self {
        let folder = folder();
        let (serving, address, _log) = serve(&folder);
        let mut command = masker(&["token", "create", "--name", "cli", "--scope", "admin"]);
        let ran = run(command.env("MASKER_DEV", "1").env("MASKER_DATA_DIR", folder.path()));
        assert_eq!(ran.code, 0, "{}", ran.err);
        Self { folder, serving, address: format!("http://{address}"), token: ran.out.trim().to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = masker(arguments);
        command.env("MASKER_SERVER", &self.address).env("MASKER_SESSION", &self.token).current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        serde_json::from_str(ran.out.lines().next().unwrap_or("null")).expect("JSON")
    }
}

#[test]
fn agents_sessions_policies_plugins_and_reports_of_a_server() {
    let server = Server::start();
    let made = server.json(&["agents", "create", "--name", "front desk", "--upstream", "stub", "--proxy-key"]);
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(made["proxy_key"].as_str().is_some_and(|key| key.starts_with("mskp_")), "{made}");
    let list = server.run(&["agents", "list"]);
    assert!(list.out.starts_with("ID ") || list.out.trim_start().starts_with("ID"), "{}", list.out);
    assert!(list.out.contains("front desk") && list.out.contains(&id), "{}", list.out);
    assert_eq!(server.json(&["agents", "show", &id])["name"], "front desk");
    let none = server.run(&["agents", "list", "--name-contains", "nobody"]);
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", "none\n"));

    assert_eq!(server.run(&["sessions", "list"]).code, 0);
    let unknown = server.run(&["sessions", "show", "sess_01JZ0000000000000000000000"]);
    assert!(unknown.code == 2 && unknown.err.contains("session_not_found, request req_"), "{}", unknown.err);

    let shown = server.run(&["policy", "show", "minimal"]);
    assert!(shown.out.contains("\nname: minimal\n"), "{}", shown.out);
    let file = server.folder.path().join("minimal.yaml");
    fs::write(&file, shown.out.replace("media: block", "media: pass")).expect("written");
    let diff = server.run(&["policy", "diff", "minimal", "minimal.yaml"]);
    assert!(diff.code == 2 && diff.out.contains("-media: block\n+media: pass\n"), "{}", diff.out);
    fs::write(&file, &shown.out).expect("written");
    assert_eq!(server.run(&["policy", "diff", "minimal", "minimal.yaml"]).code, 0);
    assert_eq!(server.run(&["policy", "reload"]).code, 0);

    let plugin = super::workspace().join("target/guests/staff-id.wasm");
    let installed = server.json(&["plugin", "install", plugin.to_str().expect("UTF-8")]);
    assert_eq!(installed["name"], "staff-id");
    assert!(server.run(&["plugin", "list"]).out.contains("staff-id"));
    assert_eq!(server.run(&["plugin", "remove", "staff-id"]).code, 0);
    fs::write(&file, "no component").expect("written");
    let refused = server.run(&["plugin", "install", "minimal.yaml"]);
    assert!(refused.code == 2 && refused.err.contains("plugin_invalid"), "{}", refused.err);

    let ran = server.run(&["report", "--output", "account.pdf"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let pdf = server.folder.path().join("account.pdf");
    assert!(fs::read(&pdf).expect("a file").starts_with(b"%PDF-"));
    assert_eq!(fs::metadata(&pdf).expect("a file").permissions().mode() & 0o777, 0o600);
    let report = server.json(&["report", "--agent-id", &id, "--since", "1h"]);
    assert_eq!((&report["report"]["scope"], &report["report"]["agent_id"]), (&"agent".into(), &id.as_str().into()));

    assert_eq!(server.run(&["agents", "delete", &id]).code, 0);
    assert_eq!(server.run(&["agents", "show", &id]).code, 2);
    drop(server.serving);
}

#[test]
fn each_way_to_fail_has_its_exit_code_and_no_secret_is_repeated() {
    let folder = folder();
    let bare = |arguments: &[&str]| {
        let mut command = masker(arguments);
        command.current_dir(folder.path()).env("HOME", folder.path());
        command
    };
    let ran = run(&mut bare(&["agents", "list"]));
    assert!(ran.code == 5 && ran.err.contains("MASKER_SERVER"), "{}", ran.err);
    let ran = run(&mut bare(&["agents", "list", "--server", "http://127.0.0.1:1"]));
    assert!(ran.code == 4 && ran.err.contains("MASKER_SESSION"), "{}", ran.err);
    let ran = run(bare(&["agents", "list", "--server", "http://127.0.0.1:1"]).env("MASKER_SESSION", "mskt_secret"));
    assert!(ran.code == 5 && !ran.err.contains("mskt_secret"), "{}", ran.err);
    let ran = run(bare(&["agents", "list", "--server", "127.0.0.1:1"]).env("MASKER_SESSION", "x"));
    assert_eq!(ran.code, 64, "{}", ran.err);

    fs::write(folder.path().join("masker.toml"), "server = \"http://127.0.0.1:1\"\nsesion = \"mskt_secret\"\n")
        .expect("written");
    let ran = run(&mut bare(&["agents", "list"]));
    assert!(ran.code == 64 && ran.err.contains("line 2: unknown setting sesion, did you mean session?"), "{}", ran.err);
    assert!(!ran.err.contains("mskt_secret"), "{}", ran.err);
    fs::write(folder.path().join("masker.toml"), "server = \"http://127.0.0.1:1\"\nsession = \"mskt_secret\"\n")
        .expect("written");
    assert_eq!(run(&mut bare(&["agents", "list"])).code, 5, "the file names the server and the credential");
    assert_eq!(run(&mut bare(&["agents", "list", "--config", "nowhere.toml"])).code, 1);

    let server = Server::start();
    let ran = run(server.command(&["agents", "list"]).env("MASKER_SESSION", "mskt_secret"));
    assert!(ran.code == 4 && ran.err.contains("unauthenticated") && !ran.err.contains("mskt_secret"), "{}", ran.err);
}

#[test]
fn completions_and_the_manual_page_name_every_command() {
    let bash = run(&mut masker(&["completions", "bash"]));
    let man = run(&mut masker(&["man"]));
    for command in ["serve", "mask", "agents", "sessions", "report", "vault", "audit"] {
        assert!(bash.out.contains(command) && man.out.contains(command), "{command}");
    }
}

#[test]
fn the_demo_needs_nothing_and_shows_both_sides() {
    let ran = run(&mut masker(&["demo"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("hi this is maria gonzalez") && ran.out.contains("hi this is [NAME_1]"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "colour is for a terminal");
    let turns: Value = serde_json::from_str(&run(&mut masker(&["demo", "--json"])).out).expect("JSON");
    for turn in turns["turns"].as_array().expect("turns") {
        let text = |field: &str| turn[field].as_str().expect("text").to_owned();
        assert!(text("heard").contains(&text("said")), "the response is complete: {turn}");
        let beginning = |text: String| text.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(beginning(text("llm_saw")), beginning(text("said")), "of the same turn: {turn}");
        assert!(!text("llm_saw").contains("gonzalez") && text("llm_saw").contains('['), "{turn}");
    }
}

#[test]
fn a_component_is_inspected_and_tried_on_cases_without_a_server() {
    let folder = folder();
    let guest = super::workspace().join("target/guests/staff-id.wasm");
    let guest = guest.to_str().expect("UTF-8");
    let ran = run(&mut masker(&["plugin", "inspect", guest, "--json"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let shown: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&shown["name"], &shown["imports"]), (&"staff-id".into(), &"none".into()));

    let cases = folder.path().join("cases.txt");
    fs::write(
        &cases,
        "# Staff ids.\nI am [STAFF_ID:E-12345].\nnothing here\nassistant: Your id? || [STAFF_ID:E-54321]\n",
    )
    .expect("written");
    let cases = cases.to_str().expect("UTF-8");
    let ran = run(&mut masker(&["plugin", "test", guest, "--cases", cases]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(ran.out, "6 of 6 cases passed; precision 100 %, recall 100 %\n");

    fs::write(cases, "I am [STAFF_ID:E-12345] and E-54321, [STAFF_ID:Kim]\nfine\n").expect("written");
    let ran = run(&mut masker(&["plugin", "test", guest, "--cases", cases]));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.out.contains("- line 1, 26-29 STAFF_ID \"Kim\"")
            && ran.out.contains("+ line 1, 17-24 STAFF_ID \"E-54321\""),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("2 of 4 cases passed; precision 50 %, recall 50 %\n"), "{}", ran.out);
    assert_eq!(run(&mut masker(&["plugin", "test", guest, "--cases", cases, "--floor", "50"])).code, 0);

    let no_component = folder.path().join("x.wasm");
    fs::write(&no_component, "no component").expect("written");
    let ran = run(&mut masker(&["plugin", "inspect", no_component.to_str().expect("UTF-8")]));
    assert!(ran.code == 2 && ran.err.contains("x.wasm"), "{}", ran.err);
    let trap = super::workspace().join("target/guests/panics.wasm");
    let ran = run(&mut masker(&["plugin", "test", trap.to_str().expect("UTF-8"), "--cases", cases]));
    assert!(ran.code == 2 && ran.err.contains("line 1: the plugin failed"), "{}", ran.err);
}

#[test]
fn a_signed_plugin_goes_into_a_folder_and_out_of_it_without_a_server() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (component, key, plugins) = (path("built.wasm"), path("key"), path("plugins"));
    fs::create_dir(&plugins).expect("made");
    fs::copy(super::workspace().join("target/guests/staff-id.wasm"), &component).expect("copied");

    let made = run(&mut masker(&["plugin", "keygen", "--out", &key, "--json"]));
    let made: Value = serde_json::from_str(&made.out).expect("JSON");
    let public = made["public_key"].as_str().expect("a key").to_owned();
    let secret = fs::read_to_string(&key).expect("the key");
    assert!(!made.to_string().contains(secret.trim()), "the secret half is not printed");
    let again = run(&mut masker(&["plugin", "keygen", "--out", &key]));
    assert!(again.code == 1 && fs::read_to_string(&key).expect("the key") == secret, "no key is overwritten");
    assert_eq!(run(&mut masker(&["plugin", "sign", &component, "--key", &key])).code, 0);

    let ran = run(&mut masker(&["plugin", "install", &component, "--dir", &plugins]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let installed = path("plugins/staff-id.wasm");
    let verified = run(&mut masker(&["plugin", "verify", &installed, "--key", &public]));
    assert_eq!(verified.code, 0, "the signature is copied with it: {}", verified.err);
    let listed = run(&mut masker(&["plugin", "list", "--dir", &plugins]));
    assert!(listed.out.contains("staff-id") && listed.out.contains("1.0.0"), "{}", listed.out);

    let nobody = run(&mut masker(&["plugin", "remove", "nobody", "--dir", &plugins]));
    assert!(nobody.code == 2 && nobody.err.contains("no plugin named nobody"), "{}", nobody.err);
    assert_eq!(run(&mut masker(&["plugin", "remove", "staff-id", "--dir", &plugins])).code, 0);
    assert_eq!(fs::read_dir(&plugins).expect("reads").count(), 0);
}
