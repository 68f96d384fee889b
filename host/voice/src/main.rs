//! `masker-voice replay`: sends a recorded call through speech recognition and then, turn by turn, through an agent of
//! a server, to test Masker with real speech before going live.

mod asr;
mod call;
mod turns;
mod wav;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use masker_client::client;
use masker_client::exit::{self, Failure};
use masker_client::remote::{Body, Remote, escaped};
use masker_client::settings::{self, Settings};
use masker_core::ids::RequestId;
use masker_core::sensitive::SensitiveText;
use serde_json::json;

use asr::{Provider, Recogniser};
use call::Call;
use turns::{Side, Turn};
use wav::Recording;

/// Maximum size of a recording, in bytes.
const LARGEST: u64 = 1 << 30;
/// Number of polls for the session row of the last turn.
const LOOKS: usize = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Replays a recorded phone call through speech recognition and Masker.
#[derive(Parser)]
#[command(name = "masker-voice", version, max_term_width = 100)]
struct Cli {
    /// Print JSON lines instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Print nothing but the result.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Server URL. Defaults to MASKER_SERVER, then `server` in the settings file.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Settings file. Defaults to the first of MASKER_CONFIG, ./masker.toml and ~/.config/masker/config.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Transcribe a recording and replay the caller's turns to an agent.
    Replay(ReplayOptions),
}

#[derive(clap::Args)]
struct ReplayOptions {
    /// Recording, a WAV file.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Speech recognition provider. Masker masks text, not audio: deepgram and openai receive the unmasked recording.
    #[arg(long, value_enum)]
    asr_provider: Provider,
    /// Base URL of the provider, overriding its default.
    #[arg(long, value_name = "URL")]
    asr_url: Option<String>,
    /// Model of the provider; the provider's default if omitted.
    #[arg(long, value_name = "NAME")]
    asr_model: Option<String>,
    /// Agent ID or proxy URL. Without it the transcript is printed, one line per turn of the caller:
    /// `masker-voice replay ... | masker mask` shows what an LLM would see, without a server.
    #[arg(long, value_name = "ID|URL")]
    agent: Option<String>,
    /// File with the proxy key, for agents that require one. Defaults to MASKER_PROXY_KEY.
    #[arg(long, value_name = "FILE")]
    proxy_key_file: Option<PathBuf>,
    /// Channel of the caller in a recording with several channels.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    caller_channel: usize,
    /// Length of the pause that ends a turn, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.8)]
    pause: f64,
    /// Use the agent's new responses as conversation history, even if the recording contains the original ones.
    #[arg(long)]
    live: bool,
}

/// Output format.
#[derive(Clone, Copy)]
struct Output {
    json: bool,
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::OK };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let Command::Replay(options) = &cli.command;
    match replay(&cli, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}

fn replay(cli: &Cli, options: &ReplayOptions) -> Result<(), Failure> {
    let output = Output { json: cli.json, quiet: cli.quiet };
    let recording = read(options)?;
    let file = settings::File::find(cli.config.as_deref(), |_, _| Ok(()))?;
    // Resolved before the recording is sent anywhere.
    let agent =
        options.agent.as_deref().map(|agent| proxy_of(agent, || file.server(cli.server.as_deref()))).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    let client = client::new();
    let recogniser = Recogniser {
        provider: options.asr_provider,
        url: options.asr_url.as_deref().unwrap_or(options.asr_provider.url()).trim_end_matches('/').to_owned(),
        key: key_of(options.asr_provider)?,
        model: options.asr_model.clone(),
        client: &client,
    };
    if !output.quiet {
        let _ = writeln!(
            std::io::stderr(),
            "{recording}; sent unmasked to {}: Masker masks text, not audio",
            recogniser.url
        );
    }
    let turns = runtime.block_on(transcribe(&recording, &recogniser, options))?;
    let Some(url) = agent else { return exit::written(print_transcript(&turns, output)) };
    let mut call = Call {
        url,
        proxy_key: secret("MASKER_PROXY_KEY", options.proxy_key_file.clone())?,
        id: format!("replay-{}", RequestId::generate()),
        messages: Vec::new(),
        client: &client,
    };
    for turn in &turns {
        match turn.side {
            Side::Agent if options.live => {}
            Side::Agent => call.messages.push(json!({"role": "assistant", "content": turn.text})),
            Side::Caller => {
                let answer = runtime.block_on(call.say(&turn.text))?;
                if options.live || recording.channels() == 1 {
                    call.messages.push(json!({"role": "assistant", "content": answer.text}));
                }
                exit::written(print_turn(turn, &answer, output))?;
            }
        }
    }
    // The client has its own runtime, which must not run inside this one.
    drop(runtime);
    let said = turns.iter().filter(|turn| turn.side == Side::Caller).count();
    summary(&call.id, said, file, cli.server.as_deref(), output)
}

fn read(options: &ReplayOptions) -> Result<Recording, Failure> {
    let path = options.input.display();
    let failed = |error: String| Failure::new(exit::GENERIC, format!("{path}: {error}"));
    let length = std::fs::metadata(&options.input).map_err(|error| failed(error.to_string()))?.len();
    if length > LARGEST {
        return Err(failed(format!("{length} bytes exceed the limit of {LARGEST}")));
    }
    let bytes = std::fs::read(&options.input).map_err(|error| failed(error.to_string()))?;
    let recording = Recording::read(bytes).map_err(|error| failed(error.to_string()))?;
    if !(1..=recording.channels()).contains(&options.caller_channel) {
        return Err(Failure::new(
            exit::USAGE,
            format!("--caller-channel: {path} has only {} channel(s)", recording.channels()),
        ));
    }
    if !(0.0..=60.0).contains(&options.pause) {
        return Err(Failure::new(exit::USAGE, "--pause must be between 0 and 60 seconds"));
    }
    Ok(recording)
}

/// Proxy URL of an agent, up to `/chat/completions`.
fn proxy_of(agent: &str, server: impl FnOnce() -> Result<String, Failure>) -> Result<String, Failure> {
    if agent.starts_with("http://") || agent.starts_with("https://") {
        return Ok(agent.trim_end_matches('/').trim_end_matches("/chat/completions").to_owned());
    }
    Ok(format!("{}/proxy/{}/v1", server()?, escaped(agent)))
}

fn key_of(provider: Provider) -> Result<Option<SensitiveText>, Failure> {
    let Some(variable) = provider.key_variable() else { return Ok(None) };
    match secret(variable, std::env::var_os(format!("{variable}_FILE")).map(PathBuf::from))? {
        Some(key) => Ok(Some(key)),
        None => Err(Failure::new(exit::AUTH, format!("no key: set {variable} to the provider's key"))),
    }
}

/// Reads a secret from a file or a variable.
fn secret(variable: &str, file: Option<PathBuf>) -> Result<Option<SensitiveText>, Failure> {
    let text = match file {
        Some(file) => Some(
            std::fs::read_to_string(&file)
                .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", file.display())))?,
        ),
        None => std::env::var(variable).ok(),
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).map(SensitiveText::from))
}

/// Transcribes each channel separately, which identifies the speakers.
async fn transcribe(
    recording: &Recording,
    recogniser: &Recogniser<'_>,
    options: &ReplayOptions,
) -> Result<Vec<Turn>, Failure> {
    let mut segments = Vec::new();
    for channel in 0..recording.channels() {
        let side = if channel + 1 == options.caller_channel { Side::Caller } else { Side::Agent };
        let found = recogniser.recognise(recording.channel(channel)).await?;
        segments.extend(found.into_iter().map(|segment| (side, segment)));
    }
    Ok(turns::of(segments, options.pause))
}

fn print_transcript(turns: &[Turn], output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for turn in turns {
        match output.json {
            true => writeln!(out, "{}", json!(turn))?,
            false if turn.side == Side::Caller => writeln!(out, "{}", turn.text)?,
            false => {}
        }
    }
    out.flush()
}

fn print_turn(turn: &Turn, answer: &call::Answer, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let (first, whole) = (answer.first_token.as_secs_f64() * 1000.0, answer.whole.as_secs_f64() * 1000.0);
    if output.json {
        let line = json!({
            "at": turn.at, "said": turn.text, "heard": answer.text,
            "first_token_ms": (first * 100.0).round() / 100.0, "whole_ms": (whole * 100.0).round() / 100.0,
        });
        return writeln!(out, "{line}");
    }
    let (minutes, seconds) = (turn.at as u64 / 60, turn.at % 60.0);
    writeln!(out, "{minutes:02}:{seconds:04.1}  caller said   {}", turn.text)?;
    writeln!(out, "         caller heard  {}", answer.text.replace('\n', "\n                       "))?;
    writeln!(out, "         first chunk after {first:.1} ms, complete after {whole:.1} ms\n")
}

/// Prints what was masked according to the server's session rows, if there is a credential to read them.
fn summary(
    call: &str,
    turns: usize,
    file: settings::File,
    server: Option<&str>,
    output: Output,
) -> Result<(), Failure> {
    if file.session().is_none() || file.server(server).is_err() {
        if !output.quiet {
            let _ = writeln!(std::io::stderr(), "Set MASKER_SESSION to an API token to see what was masked.");
        }
        return Ok(());
    }
    let remote = Remote::new(Settings::of(file, server)?)?;
    let path = format!("/api/v1/sessions?limit=100&call_id={}", escaped(call));
    let mut rows = Vec::new();
    // A session's row is written shortly after its response.
    for _ in 0..LOOKS {
        rows = remote.json("GET", &path, Body::Empty)?["data"].as_array().cloned().unwrap_or_default();
        if rows.len() >= turns.min(100) {
            break;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    // Each request repeats the previous turns, so the last one has them all.
    for (kind, count) in rows.first().and_then(|row| row["redactions_by_kind"].as_object()).into_iter().flatten() {
        kinds.insert(kind.clone(), count.as_u64().unwrap_or_default());
    }
    let mut out = std::io::stdout();
    exit::written(match output.json {
        true => writeln!(out, "{}", json!({"call_id": call, "turns": rows.len(), "masked": kinds})),
        false => {
            let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
            writeln!(out, "{} turns, masked: {kinds}\nmasker sessions list --call-id {call}", rows.len())
        }
    })
}
