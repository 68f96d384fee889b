//! `masker sessions tail`: exits when its output is closed, reports missed sessions, and resumes an interrupted stream.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::masker;

/// A mock server.
struct Played(TcpListener);

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

impl Played {
    fn new() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).expect("a port"))
    }

    fn tail(&self, arguments: &[&str]) -> Child {
        let address = self.0.local_addr().expect("bound");
        let mut command: Command = masker(&[&["sessions", "tail"], arguments].concat());
        command.env("MASKER_SERVER", format!("http://{address}")).env("MASKER_SESSION", "mskt_x");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("masker starts")
    }

    /// The next request's head, and the stream for the response.
    fn next(&self) -> (String, TcpStream) {
        let (connection, _) = self.0.accept().expect("a connection");
        let mut lines = BufReader::new(&connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).expect("a head") > 0, "{head}");
        }
        drop(lines);
        (head, connection)
    }
}

fn session(id: &str) -> String {
    format!("event: session\nid: {id}\ndata: {{\"id\":\"{id}\",\"status\":\"ok\"}}\n\n")
}

fn end(mut tail: Child) -> (Option<i32>, String) {
    let mut told = String::new();
    tail.stderr.take().expect("a pipe").read_to_string(&mut told).expect("UTF-8");
    (tail.wait().expect("it ends").code(), told)
}

#[test]
fn a_tail_that_nobody_reads_any_more_ends_while_it_waits() {
    let server = Played::new();
    let mut tail = server.tail(&[]);
    let (_, mut stream) = server.next();
    stream.write_all(format!("{STREAM}{}", session("sess_1")).as_bytes()).expect("sent");
    let mut line = String::new();
    BufReader::new(tail.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("sess_1"), "{line}");
    // The pipe is closed, and the server sends nothing more.
    assert_eq!(end(tail), (Some(0), String::new()));
    drop(stream);
}

#[test]
fn what_was_missed_is_told_and_what_ended_meanwhile_is_asked_for() {
    for json in [false, true] {
        let server = Played::new();
        let mut tail = server.tail(if json { &["--json"] } else { &[] });
        let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
        let (head, mut stream) = server.next();
        assert!(!head.contains("last-event-id"), "{head}");
        let missed = "event: missed\ndata: {\"count\":3}\n\n";
        stream.write_all(format!("{STREAM}{}{missed}", session("sess_1")).as_bytes()).expect("sent");
        drop(stream);
        assert!(lines.next().expect("a line").expect("UTF-8").contains("sess_1"));
        if json {
            assert_eq!(lines.next().expect("a line").expect("UTF-8"), "{\"missed\":3}");
        }
        let (head, mut stream) = server.next();
        assert!(head.contains("last-event-id: sess_1\r\n"), "{head}");
        stream.write_all(format!("{STREAM}{}", session("sess_2")).as_bytes()).expect("sent");
        assert!(lines.next().expect("a line").expect("UTF-8").contains("sess_2"));
        drop(lines);
        let (code, told) = end(tail);
        assert_eq!((code, told.contains("3 sessions were missed")), (Some(2), !json), "{told}");
    }
}

#[test]
fn a_tail_whose_credential_is_revoked_ends_and_says_so() {
    let server = Played::new();
    let tail = server.tail(&[]);
    let (_, mut stream) = server.next();
    stream.write_all(STREAM.as_bytes()).expect("sent");
    drop(stream);
    let (_, mut stream) = server.next();
    let body = "{\"error\":{\"code\":\"unauthenticated\",\"message\":\"no\",\"request_id\":\"req_1\"}}";
    let head = format!("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
    let (code, told) = end(tail);
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("unauthenticated"), "{told}");
}
