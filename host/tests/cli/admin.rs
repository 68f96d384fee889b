//! Sign-in links for the operator: where they are printed, and that they work.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;

use super::{folder, masker, run, serve, serve_with};

/// Submits the form of a link, at the address on which the service really listens.
fn press(address: &str, link: &str) -> String {
    let (_, path) = link.trim().split_once("/api/").expect("a link of the API");
    let mut connection = TcpStream::connect(address).expect("it listens");
    let request =
        format!("POST /api/{path} HTTP/1.1\r\nHost: masker\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn until_somebody_signs_in_the_service_offers_a_link_and_the_command_line_makes_more() {
    let folder = folder();
    let (serving, address, mut log) = serve_with(&folder, &[("MASKER_PUBLIC_URL", "https://masker.example")]);
    let mut offered = String::new();
    while !offered.contains("/api/v1/auth/link?token=mskl_") {
        assert!(log.read_line(&mut offered).expect("log lines are UTF-8") > 0, "it ended: {offered}");
    }
    let link = offered.rsplit_once(": ").expect("words and a link").1.to_owned();

    let made = |arguments: &[&str]| {
        run(masker(&["admin", "login-link"])
            .args(arguments)
            .env("MASKER_DEV", "1")
            .env("MASKER_DATA_DIR", folder.path())
            .env("MASKER_PUBLIC_URL", "https://elsewhere.example"))
    };
    let ran = made(&[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // The service knows its public URL; the shell's setting does not apply.
    assert!(ran.out.starts_with("https://masker.example/api/v1/auth/link?token=mskl_"), "{}", ran.out);
    assert!(ran.err.contains("works once") && !ran.err.contains("mskl_"), "{}", ran.err);
    let json: serde_json::Value = serde_json::from_str(&made(&["--json"]).out).expect("JSON");
    assert!(json["expires_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");

    // The service accepts every link, each of them once.
    for link in [link.as_str(), &ran.out, json["url"].as_str().expect("a link")] {
        let answer = press(&address, link);
        assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
        assert!(
            answer.contains("set-cookie: masker_session=msks_") && answer.contains("location: /portal"),
            "{answer}"
        );
        assert!(press(&address, link).starts_with("HTTP/1.1 410"), "{link}");
    }
    drop(serving);

    let (serving, _, mut log) = serve(&folder);
    drop(serving);
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("log lines are UTF-8");
    assert!(!rest.contains("mskl_"), "somebody has signed in: {rest}");
}

#[test]
fn a_link_never_stands_in_a_stream_of_log_lines() {
    let folder = folder();
    let (serving, _, mut log) = serve_with(&folder, &[("MASKER_LOG_FORMAT", "json")]);
    let mut next = String::new();
    log.read_line(&mut next).expect("log lines are UTF-8");
    assert!(next.contains("masker admin login-link") && next.starts_with('{'), "{next}");
    drop(serving);
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("log lines are UTF-8");
    assert!(!rest.contains("mskl_"), "{rest}");
}
