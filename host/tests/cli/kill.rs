//! The process is killed during calls: everything that was answered must be there after the next start.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, masker, run, serve};

const CALLERS: usize = 4;
/// Responses to wait for before the process is killed.
const ANSWERS: usize = 60;

/// Sends a request over a new connection. `None` if the response is incomplete.
pub fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, Value)> {
    let mut connection = TcpStream::connect(address).ok()?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: masker\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

pub fn token(folder: &TempDir) -> String {
    let mut command = masker(&["token", "create", "--name", "kill", "--scope", "admin"]);
    let ran = run(command.env("MASKER_DEV", "1").env("MASKER_DATA_DIR", folder.path()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let secret = ran.out.split_whitespace().find(|word| word.starts_with("mskt_")).expect("a secret");
    format!("authorization: Bearer {secret}\r\n")
}

fn phone(call: usize) -> String {
    format!("415-555-{:04}", call % 10_000)
}

#[test]
fn a_kill_under_load_loses_nothing_that_was_answered() {
    let folder = folder();
    let (serving, address, _log) = serve(&folder);
    let credential = token(&folder);
    let agent = json!({"name": "kill", "upstream": "stub"}).to_string();
    let (status, agent) = ask(&address, "POST", "/api/v1/agents", &credential, &agent).expect("an agent");
    assert_eq!(status, 201, "{agent}");
    let proxy = format!("/proxy/{}/v1/chat/completions", agent["agent"]["id"].as_str().expect("an id"));
    let next = AtomicUsize::new(0);
    let mut kept = Vec::new();
    let (mut serving, mut address) = (serving, address);
    for round in 1..=3 {
        let answered = Mutex::new(Vec::new());
        let target = &address;
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    loop {
                        let call = next.fetch_add(1, Ordering::Relaxed);
                        let said = format!("Call me at {}.", phone(call));
                        let body = json!({"messages": [{"role": "user", "content": said}]}).to_string();
                        let header = format!("masker-session-id: call-{call}\r\n");
                        match ask(target, "POST", &proxy, &header, &body) {
                            Some((200, answer)) => {
                                assert!(answer.to_string().contains(&phone(call)), "the caller's own number: {answer}");
                                answered.lock().expect("no caller panicked").push(call);
                            }
                            Some((status, answer)) => panic!("{status}: {answer}"),
                            // Killed.
                            None => return,
                        }
                    }
                });
            }
            while answered.lock().expect("no caller panicked").len() < ANSWERS {
                std::thread::yield_now();
            }
            serving.0.kill().expect("it can be killed");
        });
        let _ = serving.0.wait();
        kept.extend(answered.into_inner().expect("no caller panicked"));

        let log = folder.path().join("audit.jsonl");
        let key = folder.path().join("keys/MASKER_AUDIT_HMAC_KEY");
        let torn = std::fs::read(&log).expect("a journal");
        let whole = torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let copy = folder.path().join("copy.jsonl");
        std::fs::write(&copy, &torn[..whole]).expect("a copy");
        let ran = run(masker(&["audit", "verify", "--log"]).arg(&copy).arg("--key").arg(&key));
        assert_eq!(ran.code, 0, "round {round}: {}", ran.err);

        let mut export = masker(&["vault", "export", "--values"]);
        let ran = run(export.env("MASKER_DEV", "1").env("MASKER_DATA_DIR", folder.path()));
        assert_eq!(ran.code, 0, "{}", ran.err);
        for call in &kept {
            assert!(
                ran.out.contains(&phone(*call)),
                "round {round}: the vault lost the value of a token of call {call}"
            );
        }

        let (again, there, _log) = serve(&folder);
        (serving, address) = (again, there);
        for call in &kept {
            let path = format!("/api/v1/sessions?call_id=call-{call}");
            let (_, list) = ask(&address, "GET", &path, &credential, "").expect("a list");
            let sessions = list["data"].as_array().expect("a list");
            assert_eq!(sessions.len(), 1, "round {round}: the session of call {call}");
            assert_eq!(sessions[0]["redactions_by_kind"], json!({"PHONE": 1}), "{}", sessions[0]);
            if *call % 10 == 0 {
                let path = format!("/api/v1/sessions/{}", sessions[0]["id"].as_str().expect("an id"));
                let (_, detail) = ask(&address, "GET", &path, &credential, "").expect("a session");
                assert_eq!(detail["session"]["events"].as_array().map(Vec::len), Some(1), "{detail}");
            }
        }
    }
}
