//! `masker-voice replay` against a mock of each provider, and through a complete server.

use std::process::Command;

use masker_tests::TestApp;
use masker_tests::fake_upstream::{FakeUpstream, Reply, Script, openai};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "asr-key-that-nobody-sees";

fn voice(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_masker-voice"));
    command.arg("replay").args(arguments).env_clear().stdin(std::process::Stdio::null());
    command
}

/// A WAV file with 16-bit samples at 8 kHz; each channel repeats one sample.
fn wav(channels: &[i16]) -> Vec<u8> {
    let frame: Vec<u8> = channels.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let samples = frame.repeat(800);
    let mut format = Vec::new();
    for short in [1, channels.len() as u16] {
        format.extend_from_slice(&short.to_le_bytes());
    }
    for long in [8000, 8000 * frame.len() as u32] {
        format.extend_from_slice(&long.to_le_bytes());
    }
    for short in [frame.len() as u16, 16] {
        format.extend_from_slice(&short.to_le_bytes());
    }
    let length = (samples.len() as u32).to_le_bytes();
    [b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", &format[..], b"data", &length, &samples].concat()
}

fn utterances(said: &[(f64, &str)]) -> Reply {
    let all: Vec<Value> =
        said.iter().map(|(at, text)| json!({"start": at, "end": at + 1.0, "transcript": text, "channel": 0})).collect();
    Reply::json(&json!({"results": {"utterances": all}}))
}

fn whisper(said: &[(f64, &str)]) -> Reply {
    let all: Vec<Value> = said.iter().map(|(at, text)| json!({"start": at, "end": at + 1.0, "text": text})).collect();
    Reply::json(&json!({"text": "", "segments": all}))
}

/// The server's origin, without the path of OpenAI's API.
fn origin(asr: &FakeUpstream) -> String {
    format!("http://{}", asr.address())
}

/// Output and exit code of a finished command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

async fn ran(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output().expect("masker-voice starts")).await;
    let output = output.expect("it ran");
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
    let ran = Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    assert!(!ran.err.contains("thread '"), "it panicked: {}", ran.err);
    ran
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("a file in a temporary folder");
    path.to_str().expect("a UTF-8 path").to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_gets_the_recording_as_its_api_says_and_the_caller_is_printed() {
    let folder = folder();
    let recording = wav(&[7]);
    let path = file(&folder, "call.wav", &recording);
    for (provider, reply, variable, header, target) in [
        ("deepgram", utterances(&[(0.0, "my name is ann lee")]), "DEEPGRAM_API_KEY", Some("Token "), "/v1/listen?"),
        (
            "openai",
            whisper(&[(0.0, " my name is ann lee")]),
            "OPENAI_API_KEY",
            Some("Bearer "),
            "/v1/audio/transcriptions",
        ),
        ("whisper-local", whisper(&[(0.0, "my name is ann lee")]), "NONE", None, "/inference"),
    ] {
        let asr = FakeUpstream::start().await;
        asr.script(reply);
        let mut command = voice(&["--input", &path, "--asr-provider", provider, "--asr-url", &origin(&asr)]);
        command.env(variable, KEY);
        let ran = ran(command).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "my name is ann lee\n"), "{provider}: {}", ran.err);
        assert!(ran.err.contains("sent unmasked to") && !ran.err.contains(KEY), "{}", ran.err);
        let request = &asr.requests()[0];
        assert!(request.path.starts_with(target), "{}", request.path);
        assert_eq!(request.header("authorization"), header.map(|scheme| format!("{scheme}{KEY}")).as_deref());
        assert!(request.body.windows(recording.len()).any(|part| part == recording), "{provider}: the recording");
        if provider != "deepgram" {
            let text = request.text();
            assert!(text.contains("name=\"response_format\"\r\n\r\nverbose_json\r\n"), "{provider}");
            assert_eq!(text.contains("name=\"model\"\r\n\r\nwhisper-1\r\n"), provider == "openai");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_two_channels_goes_through_an_agent_and_the_llm_gets_tokens() {
    let folder = folder();
    let path = file(&folder, "call.wav", wav(&[7, 9]));
    let asr = FakeUpstream::start().await;
    asr.script(utterances(&[
        (2.0, "my name is maria gonzalez"),
        (6.0, "it is four one five five five five oh one three four"),
    ]));
    asr.script(utterances(&[(0.0, "who is calling"), (4.0, "what is your number")]));
    let app = TestApp::builder().healthcare().agent("proxy_auth", "key").start().await;
    app.upstream.respond_with(|_| {
        let script = Script::new().event(&openai::text_chunk("Thank you")).event(&openai::finish_chunk("stop"));
        Reply::stream(script.done())
    });
    let serving = app.serve().await;
    let server = format!("http://{}", serving.address());
    let token = app.api("POST", "/api/v1/tokens", &json!({"name": "voice", "scopes": ["admin"]})).await.json();
    let token = token["token"]["secret"].as_str().expect("a secret").to_owned();
    let of_server = |mut command: Command| {
        command.env("MASKER_SERVER", &server).env("MASKER_SESSION", &token);
        command
    };
    let key = file(&folder, "proxy-key", app.agent.body["proxy_key"].as_str().expect("a key"));
    let id = &*app.agent.id;

    let mut command = of_server(voice(&[
        "--input",
        &path,
        "--asr-provider",
        "deepgram",
        "--asr-url",
        &origin(&asr),
        "--agent",
        id,
        "--proxy-key-file",
        &key,
        "--json",
    ]));
    command.env("DEEPGRAM_API_KEY", KEY);
    let replayed = ran(command).await;
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    let lines: Vec<Value> = replayed.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3, "{}", replayed.out);
    assert_eq!(lines[0]["said"], "my name is maria gonzalez");
    assert!(lines[0]["heard"] == "Thank you", "{}", lines[0]);
    assert!(
        lines[2]["masked"]["NAME"].as_u64() >= Some(1) && lines[2]["masked"]["PHONE"].as_u64() >= Some(1),
        "{}",
        lines[2]
    );
    assert_eq!(lines[2]["turns"], 2);

    let sent: Vec<Value> = app.upstream.requests().iter().map(|request| request.json()).collect();
    assert_eq!(sent.len(), 2);
    let roles: Vec<_> =
        sent[1]["messages"].as_array().expect("messages").iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "user", "assistant", "user"], "the agent's recorded turns are in the history");
    for request in app.upstream.requests() {
        let text = request.text();
        assert!(!text.contains("maria") && !text.contains("gonzalez") && !text.contains("five five five"), "{text}");
    }
    assert_eq!(asr.requests().len(), 2, "each channel separately");

    let mut refused =
        of_server(voice(&["--input", &path, "--asr-provider", "deepgram", "--asr-url", &origin(&asr), "--agent", id]));
    refused.env("DEEPGRAM_API_KEY", KEY);
    asr.script(utterances(&[(0.0, "hello")]));
    asr.script(utterances(&[]));
    let refused = ran(refused).await;
    assert!(refused.code == 4 && !refused.err.contains(id), "without its key: {} {}", refused.code, refused.err);
    serving.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_its_exit_code_and_without_the_key() {
    let folder = folder();
    let path = file(&folder, "call.wav", wav(&[7]));
    let asr = FakeUpstream::start().await;
    let replay = |input: &str, more: &[&str]| {
        let mut command = voice(&["--input", input, "--asr-provider", "openai"]);
        command.args(more).env("OPENAI_API_KEY", KEY);
        command
    };
    let at = origin(&asr);
    for (reply, code, words) in [
        (
            Reply::error(401, "invalid_request_error", &format!("Incorrect API key provided: {KEY}")),
            4,
            "401: Incorrect API key",
        ),
        (Reply::bytes(400, "application/json", "{\"err_msg\": \"bad\\u001b[2J audio\"}"), 2, "400: bad[2J audio"),
        (Reply::html(200), 1, "returned no transcript"),
        (Reply::close(), 5, "cannot be reached, or the connection was lost"),
    ] {
        asr.script(reply);
        let ran = ran(replay(&path, &["--asr-url", &at])).await;
        assert!(ran.code == code && ran.err.contains(words), "{words}: {} {}", ran.code, ran.err);
        assert!(ran.out.is_empty() && !ran.err.contains(KEY), "{}", ran.err);
    }
    let text = file(&folder, "notes.txt", "no recording");
    for (command, code, words) in [
        (replay(&text, &[]), 1, "notes.txt: this is not a WAV file"),
        (replay("no/such.wav", &[]), 1, "no/such.wav: No such file"),
        (replay(&path, &["--caller-channel", "2"]), 64, "--caller-channel"),
        (replay(&path, &["--pause", "NaN"]), 64, "--pause"),
        (replay(&path, &["--agent", "agt_x"]), 5, "MASKER_SERVER"),
        (voice(&["--input", &path, "--asr-provider", "openai"]), 4, "OPENAI_API_KEY"),
        (voice(&["--input", &path, "--asr-provider", "nobody"]), 64, "whisper-local"),
    ] {
        let ran = ran(command).await;
        assert!(ran.code == code && ran.err.contains(words), "{words}: {} {}", ran.code, ran.err);
    }
    assert_eq!(asr.requests().len(), 4, "nothing else was sent");
}
