//! Log lines and traces of a running server: both contain the request ID, neither contains conversation text.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use super::{folder, serve_with};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A collector that accepts every request, and the requests it received.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.expect("a connection"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if connection.read_line(&mut line).expect("a head") == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).expect("a body");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.get_mut().write_all(answer).expect("an answer");
            if sender.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, receiver)
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_requests_span_continues_its_trace_and_its_lines_carry_its_id() {
    let (collector, sent) = collector();
    let folder = folder();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str()),
        ("MASKER_LOG_FORMAT", "json"),
        ("MASKER_LOG_LEVEL", "info,masker=debug"),
        ("MASKER_UPSTREAM_PROVIDER", "stub"),
    ];
    let (mut serving, address, mut log) = serve_with(&folder, &settings);
    let said = "my name is maria gonzalez";
    let body = format!("{{\"messages\": [{{\"role\": \"user\", \"content\": \"{said}\"}}]}}");
    let mut connection = TcpStream::connect(&address).expect("it listens");
    let request = format!(
        "POST /proxy/agt_01JZ0000000000000000000000/v1/chat/completions HTTP/1.1\r\nhost: masker\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    let id = answer.split("req_").nth(1).expect("an id")[..26].to_owned();

    let stopped = Command::new("kill").args(["-TERM", &serving.0.id().to_string()]).status().expect("kill runs");
    assert!(stopped.success() && serving.0.wait().expect("it ends").success());
    let (head, span) = sent.recv().expect("the last spans are sent before it ends");
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let trace: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&TRACE[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect();
    assert!(contains(&span, &trace), "the span belongs to the caller's trace");
    assert!(contains(&span, format!("req_{id}").as_bytes()) && contains(&span, b"masker"));
    let mut lines = String::new();
    log.read_to_string(&mut lines).expect("log lines are UTF-8");
    for secret in ["maria", "gonzalez", "agt_01JZ0000000000000000000000"] {
        assert!(!contains(&span, secret.as_bytes()) && !lines.contains(secret), "{secret}");
    }
    let own = lines.lines().filter(|line| line.contains(&format!("\"request_id\":\"req_{id}\""))).count();
    assert!(own >= 1, "{lines}");
}
