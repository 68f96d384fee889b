//! Shutdown of the service while a request is in flight.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStderr, Command};

use tempfile::TempDir;

use super::kill::token;
use super::{Serving, folder, serve_with};

/// A request without its body. The server's `100 Continue` shows that the request is in flight.
fn in_flight(folder: &TempDir, address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("it listens where it says");
    let head = format!(
        "POST /api/v1/mask HTTP/1.1\r\nHost: masker\r\n{}Content-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        token(folder)
    );
    connection.write_all(head.as_bytes()).expect("a request");
    let mut word = [0; 25];
    connection.read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection
}

fn terminate(serving: &Serving) {
    let sent = Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

fn wait_for(log: &mut BufReader<ChildStderr>, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(log.read_line(&mut line).expect("log lines are UTF-8") > 0, "it ended without {words:?}");
    }
}

fn end(mut serving: Serving, mut log: BufReader<ChildStderr>) -> String {
    assert_eq!(serving.0.wait().expect("it ends").code(), Some(0));
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("log lines are UTF-8");
    assert!(rest.contains("stopped"), "{rest}");
    rest
}

#[test]
fn a_request_in_flight_is_answered_after_the_signal() {
    let folder = folder();
    let (serving, address, mut log) = serve_with(&folder, &[("MASKER_SHUTDOWN_GRACE_MS", "3600000")]);
    let mut connection = in_flight(&folder, &address);
    terminate(&serving);
    wait_for(&mut log, "stopping");
    connection.write_all(b"{}").expect("the connection is still there");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer, and then the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("validation_failed"), "{answer}");
    assert!(!end(serving, log).contains("cut off"));
    assert!(TcpStream::connect(&address).is_err(), "the port is closed");
}

#[test]
fn a_request_that_takes_too_long_is_cut_off() {
    let folder = folder();
    let (serving, address, log) = serve_with(&folder, &[("MASKER_SHUTDOWN_GRACE_MS", "1")]);
    let mut connection = in_flight(&folder, &address);
    terminate(&serving);
    assert!(end(serving, log).contains("grace period"));
    assert!(!matches!(connection.read(&mut [0; 1]), Ok(1..)), "there is no answer");
}

#[test]
fn a_second_signal_cuts_off_at_once() {
    let folder = folder();
    let (serving, address, mut log) = serve_with(&folder, &[("MASKER_SHUTDOWN_GRACE_MS", "3600000")]);
    let _connection = in_flight(&folder, &address);
    terminate(&serving);
    wait_for(&mut log, "stopping");
    terminate(&serving);
    assert!(end(serving, log).contains("second signal"));
}
