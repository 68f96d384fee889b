//! Measures the sandbox: a fresh instance of `regex` per call against the same code called natively, on the same
//! conversation. Prints two medians in microseconds, `fresh native`, for `make bench`.
//!
//! Usage: sandbox_cost [ROUNDS]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use masker::keys::SecretKey;
use masker::passes::{DeferredDrops, Message, PassRunner as _};
use masker::policy;
use masker::sensitive::SensitiveText;
use masker::wasm::{Registry, Wasm};
use masker_plugin_regex::Plugin;
use masker_plugin_sdk::{self as sdk, Pass as _};

const CONVERSATION: [(&str, &str); 10] = [
    (
        "system",
        "You are the friendly receptionist of a dental clinic. Be brief, confirm every detail, and never give medical advice. Opening hours are Monday to Friday, eight to five. Appointments take thirty minutes; emergencies are seen the same day.",
    ),
    ("assistant", "Thanks for calling, this is the front desk. How can I help you today?"),
    ("user", "hi um I think I chipped a tooth last night and it's kind of sharp on one side so I wanted to come in"),
    ("assistant", "I'm sorry to hear that. Are you in any pain right now, or is it only the edge that bothers you?"),
    (
        "user",
        "no it's not really painful just annoying, maybe a two out of ten, I took one ibuprofen four hundred milligrams",
    ),
    (
        "assistant",
        "Understood. We have a slot tomorrow at three thirty in the afternoon, or Thursday at nine in the morning. Which one suits you?",
    ),
    ("user", "tomorrow at three thirty would be great thanks, I have been to you before so I should be in the system"),
    (
        "assistant",
        "Perfect. To find your record I need your full name, a phone number, your date of birth, an e-mail address and your member id, please.",
    ),
    ("user", "sure, it's Daniel Whitfield, my number is 415-555-0132 and I was born on March 14th 1982"),
    ("user", "the e-mail is d.whitfield@example.com and my member id is XKJ 48211 07, is parking free at your place?"),
];

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(2_000), |text| text.parse()).context("ROUNDS is a number")?;
    let folder = tempfile_dir()?;
    let wasm = Wasm::start(folder.clone(), &SecretKey::new([7; 32]), 1)?;
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins/regex.wasm");
    let bytes = std::fs::read(&component).context("target/plugins/regex.wasm: run `make plugins`")?;
    let mut registry = Registry::default();
    registry.insert(wasm.inspect(bytes)?);
    let plugin = registry.get("regex").context("the component is not the plugin regex")?;
    let policy = policy::Policy::parse(policy::HEALTHCARE_DEFAULT)
        .map_err(|errors| anyhow::anyhow!("{} errors in the default policy", errors.len()))?;
    let kinds: Vec<&str> = plugin
        .manifest
        .kinds
        .iter()
        .map(masker::kind::Kind::as_str)
        .filter(|kind| policy.entities.keys().any(|own| own.as_str() == *kind))
        .collect();
    let config = serde_json::json!({"kinds": kinds}).to_string();
    let fresh = wasm.prepare(plugin, &config, &[])?;
    let native = sdk::testing::configure::<Plugin>(&config).map_err(|error| anyhow::anyhow!(error.message))?;

    let own: Vec<Message> = CONVERSATION
        .iter()
        .map(|(role, text)| Message { role, text: Arc::new(SensitiveText::from(*text)), search: true })
        .collect();
    let theirs: Vec<sdk::Message> = CONVERSATION
        .iter()
        .map(|(role, text)| sdk::Message { role: (*role).into(), text: (*text).into(), search: true })
        .collect();
    let limit = Duration::from_secs(5);
    let in_sandbox = || {
        let mut remains = DeferredDrops::new();
        let found = fresh.run(&own, &[], limit, &mut remains);
        // The instance is dropped within the measured time.
        drop(remains);
        found.map_err(|fault| anyhow::anyhow!(fault.detail))
    };
    let found = in_sandbox()?.len();
    let same = native.detect(&theirs, &[]).map_err(|error| anyhow::anyhow!(error.message))?.len();
    anyhow::ensure!(found == same && found > 0, "the two disagree: {found} and {same} findings");

    // Interleaved, so that a change of the machine's speed affects both.
    let (mut fresh_times, mut native_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        std::hint::black_box(in_sandbox()?);
        fresh_times.push(started.elapsed());
        let started = Instant::now();
        std::hint::black_box(native.detect(&theirs, &[]).map_err(|error| anyhow::anyhow!(error.message))?);
        native_times.push(started.elapsed());
    }
    std::fs::remove_dir_all(folder)?;
    #[allow(clippy::print_stdout, reason = "its result")]
    {
        println!("{:.1} {:.1}", median(fresh_times), median(native_times));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn tempfile_dir() -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::temp_dir().join(format!("masker-sandbox-cost-{}", std::process::id()));
    std::fs::create_dir_all(&path)?;
    Ok(path)
}
