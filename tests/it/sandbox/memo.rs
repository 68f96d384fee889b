//! The cached findings of a text equal what the shipped plugins would find in it again, independent of earlier
//! requests.

use std::sync::Arc;
use std::time::Duration;

use masker::chat::Platform;
use masker::chat::request::ChatRequest;
use masker::keys::{Kid, SecretKey};
use masker::kind::Kind;
use masker::passes::ReadyPass;
use masker::passes::finding::Decision;
use masker::pipeline::ReadyAgent;
use masker::pipeline::detect::{DecisionCache, Detecting, Remembering};
use masker::pipeline::pieces::collect;
use masker::policy::{self, Environment};
use masker::wasm::Wasm;
use masker_tests::components;
use serde_json::{Value, json};
use tempfile::TempDir;

const BUDGET: Duration = Duration::from_secs(60);
const CONVERSATIONS: usize = 150;

#[test]
fn an_answer_that_is_remembered_is_the_one_that_would_be_given_again() {
    let (agent, _folder) = agent();
    let memo = DecisionCache::new(16 << 20).expect("randomness");
    let mut dice = Dice(1);
    for conversation in 0..CONVERSATIONS {
        let mut messages = Vec::new();
        for _ in 0..3 {
            for _ in 0..=dice.below(3) {
                messages.push(message(&mut dice));
            }
            // A history may be truncated or changed.
            if dice.below(3) == 0 {
                let at = dice.below(messages.len());
                messages[at] = message(&mut dice);
            }
            let remembered = decisions(&agent, Some(&memo), &messages);
            assert_eq!(remembered, decisions(&agent, None, &messages), "conversation {conversation}: {messages:?}");
        }
    }
}

fn agent() -> (ReadyAgent, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = Wasm::start(folder.path().join("cache"), &SecretKey::new([1; 32]), 1).expect("the sandbox starts");
    let plugins = ["regex", "ner"].map(|name| wasm.inspect(components::plugin(name)).expect("a sound plugin"));
    let kinds: Vec<(Arc<str>, Vec<Kind>)> =
        plugins.iter().map(|plugin| (plugin.manifest.name.as_str().into(), plugin.manifest.kinds.clone())).collect();
    let kid = Kid::new("K_HEALTHCARE").expect("a kid");
    let (_, document) = policy::BUILT_IN.into_iter().find(|(name, _)| *name == "healthcare-default").expect("built in");
    let environment = Environment { kids: &[kid], plugins: &kinds };
    let (_, policy) = policy::load(document, 1, &environment).expect("a sound policy");
    let ready = |plugin| {
        let runner = wasm.prepare(plugin, "{}", &[]).expect("it can be prepared");
        ReadyPass {
            name: plugin.manifest.name.as_str().into(),
            runner,
            may_skip: false,
            limit: None,
            may_replace: false,
        }
    };
    let passes: Vec<ReadyPass> = plugins.iter().map(ready).collect();
    (ReadyAgent::local(policy, passes.into()), folder)
}

fn decisions(agent: &ReadyAgent, memo: Option<&DecisionCache>, messages: &[Value]) -> Vec<Arc<[Decision]>> {
    let body = json!({"messages": messages, "user": "caller 415-555-0134"}).to_string();
    let mut request = ChatRequest::parse(body.as_bytes(), Platform::Custom).expect("a request");
    let pieces = collect(&mut request).expect("a sound request");
    let known = memo.map(|memo| Remembering { memo, call: [1; 16] });
    let mut detecting = Detecting::begin(agent, pieces, known);
    drop(detecting.run(agent, memo, BUDGET));
    detecting.check().expect("the passes run");
    detecting.decisions
}

/// Questions, answers, and pieces of answers: in speech, in a tool's arguments and in its results.
fn message(dice: &mut Dice) -> Value {
    const SAID: [&str; 12] = [
        "What is your full name?",
        "And your date of birth?",
        "What is your phone number?",
        "Can I have your member id?",
        "four one five",
        "five five five",
        "0134",
        "Jane Doe",
        "March 3 1980",
        "12345678",
        "Thanks, that is all.",
        "Ingrid Halvorsen at 12 Main Street",
    ];
    const FIELDS: [&str; 6] = ["dob", "phone", "member_id", "count", "name", "note"];
    let said = SAID[dice.below(SAID.len())];
    match dice.below(4) {
        0 => json!({"role": "assistant", "content": said}),
        1 => {
            let fields = (0..=dice.below(2)).map(|_| {
                let value = json!(SAID[dice.below(SAID.len())]);
                (FIELDS[dice.below(FIELDS.len())].to_owned(), value)
            });
            let fields = Value::Object(fields.collect()).to_string();
            json!({"role": "tool", "tool_call_id": "c", "content": fields})
        }
        _ => json!({"role": "user", "content": said}),
    }
}

/// The same random numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        // Knuth's multiplier for 64 bits (MMIX).
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}
