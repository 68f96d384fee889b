//! The input of the passes, and that a cached answer equals a fresh one.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::chat::position::Form;
use crate::passes::finding::Finding;
use crate::passes::{PassFault, PassRunner, ReadyPass};
use crate::pipeline::fixtures::{agent, kind, piece};
use crate::sensitive::SensitiveText;
use crate::text::ByteSpan;

const VAULT: &str = "tokenization: vault-deterministic";
const BUDGET: Duration = Duration::from_secs(1);

/// A finding that depends on everything a plugin may look at: a message and the four before it.
#[derive(Default)]
struct Curious {
    searched: AtomicUsize,
}

impl PassRunner for Curious {
    fn run(
        &self,
        messages: &[Message],
        _: &[Finding],
        _: Duration,
        _: &mut DeferredDrops,
    ) -> Result<Vec<Finding>, PassFault> {
        let searched = messages.iter().enumerate().filter(|(_, message)| message.search);
        let finding = |(at, message): (usize, &Message)| {
            self.searched.fetch_add(1, Ordering::Relaxed);
            let mut hasher = blake3::Hasher::new();
            for seen in &messages[at.saturating_sub(4)..=at] {
                hasher.update(seen.role.as_bytes()).update(b"\0").update(seen.text.expose().as_bytes()).update(b"\0");
            }
            let hash = hasher.finalize();
            let text = message.text.expose();
            let found = text.match_indices(|c: char| c.is_alphanumeric()).map(|(at, one)| (at, at + one.len()));
            let chosen = found.zip(hash.as_bytes().iter().cycle()).filter(|(_, byte)| **byte < 128);
            chosen
                .map(|((start, end), byte)| Finding {
                    message: at,
                    span: ByteSpan::new(start, end),
                    kind: kind(if byte % 2 == 0 { "NAME" } else { "PHONE" }),
                    confidence: 0.7,
                    pass: "".into(),
                    replacement: None,
                })
                .collect::<Vec<_>>()
        };
        Ok(searched.flat_map(finding).collect())
    }
}

fn curious() -> (ReadyAgent, Arc<Curious>) {
    let runner = Arc::new(Curious::default());
    let pass =
        ReadyPass { name: "regex".into(), runner: runner.clone(), may_skip: false, limit: None, may_replace: false };
    (ReadyAgent { passes: Arc::from(vec![pass]), ..agent(VAULT) }, runner)
}

fn decided(agent: &ReadyAgent, memo: Option<(&DecisionCache, u8)>, pieces: Vec<Piece>) -> Vec<Arc<[Decision]>> {
    let known = memo.map(|(memo, call)| Remembering { memo, call: [call; 16] });
    let mut detecting = Detecting::begin(agent, pieces, known);
    detecting.run(agent, memo.map(|(memo, _)| memo), BUDGET);
    detecting.check().expect("the pass runs");
    detecting.decisions
}

fn memo() -> DecisionCache {
    DecisionCache::new(1 << 20).expect("randomness")
}

fn conversation_of(texts: &[&str]) -> Vec<Piece> {
    let pieces = texts.iter().enumerate();
    pieces.map(|(index, text)| Piece { message: Some(index), ..piece(Form::Text, text) }).collect()
}

/// Text of every message shown to the passes, and whether it is searched.
fn shown(pieces: &[Piece], new: &[usize]) -> Vec<(String, bool)> {
    let Questions { messages, places } = Script::new(pieces, &vec![true; pieces.len()]).questions(new);
    assert_eq!(places.iter().flatten().copied().collect::<Vec<_>>(), new);
    messages.iter().map(|message| (message.text.expose().clone(), message.search)).collect()
}

fn context(texts: &[&str]) -> Vec<(String, bool)> {
    texts.iter().map(|text| ((*text).to_owned(), false)).collect()
}

#[test]
fn what_is_new_is_searched_and_the_four_before_it_are_context() {
    let pieces = conversation_of(&["a", "b", "c", "d", "e", "f"]);
    assert_eq!(shown(&pieces, &[5]), [context(&["b", "c", "d", "e"]), vec![("f".to_owned(), true)]].concat());
    assert_eq!(shown(&pieces, &[0]), [("a".to_owned(), true)]);
    assert_eq!(shown(&pieces, &[4, 5]).len(), 6, "a line that both are shown comes once");
}

#[test]
fn the_name_of_a_field_comes_before_its_value_and_counts_as_one_of_the_four() {
    let mut pieces = conversation_of(&["a", "b", "c", "d", "1980-03-12"]);
    pieces[4].field = Some(Arc::new(SensitiveText::from("dob")));
    let asked = [context(&["b", "c", "d", "dob"]), vec![("1980-03-12".to_owned(), true)]].concat();
    assert_eq!(shown(&pieces, &[4]), asked);
}

#[test]
fn what_is_outside_of_the_conversation_stands_behind_blank_lines() {
    let mut pieces = conversation_of(&["a", "b"]);
    pieces.insert(0, Piece { message: None, role: "field", ..piece(Form::Text, "tool") });
    let alone = [context(&["", "", "", ""]), vec![("tool".to_owned(), true)]].concat();
    assert_eq!(shown(&pieces, &[0]), alone);
    assert_eq!(shown(&pieces, &[1]), [("a".to_owned(), true)], "and is no context of it");
}

#[test]
fn nothing_is_known_across_calls_policies_or_processes() {
    let (agent, runner) = curious();
    let memo = memo();
    let runs = |agent: &ReadyAgent, memo: &DecisionCache, call: u8| {
        let before = runner.searched.load(Ordering::Relaxed);
        decided(agent, Some((memo, call)), conversation_of(&["a1"]));
        runner.searched.load(Ordering::Relaxed) > before
    };
    assert!(runs(&agent, &memo, 1) && !runs(&agent, &memo, 1));
    assert!(runs(&agent, &memo, 2));
    assert!(runs(&agent, &self::memo(), 1));
    let later = ReadyAgent { generation: ReadyAgent::next_generation(), ..agent };
    assert!(runs(&later, &memo, 1));
}

#[test]
fn only_what_is_new_is_searched_as_a_conversation_grows() {
    let (agent, runner) = curious();
    let memo = memo();
    let texts: Vec<String> = (0..40).map(|index| format!("message {index}")).collect();
    for end in 1..=texts.len() {
        decided(
            &agent,
            Some((&memo, 1)),
            conversation_of(&texts[..end].iter().map(String::as_str).collect::<Vec<_>>()),
        );
    }
    assert_eq!(runner.searched.load(Ordering::Relaxed), texts.len());
}

#[test]
fn of_context_nothing_is_decided() {
    let agent = agent("tokenization: vault-deterministic\ndeny: [{text: Ann, kind: NAME}]");
    let mut detecting =
        Detecting::begin_with(&agent, conversation_of(&["Ann", "Ann"]), |index| index == 1, None, usize::MAX);
    detecting.run(&agent, None, BUDGET);
    assert_eq!(detecting.decisions.iter().map(|decisions| decisions.len()).collect::<Vec<_>>(), [0, 1]);
}

/// A text of a request, in any position.
#[derive(Clone, Debug)]
struct Text {
    search: Search,
    role: &'static str,
    field: Option<String>,
    is_said: bool,
    text: String,
}

impl Text {
    fn piece(&self) -> Piece {
        Piece {
            search: self.search,
            role: self.role,
            field: self.field.as_deref().map(|field| Arc::new(SensitiveText::from(field))),
            message: self.is_said.then_some(0),
            ..piece(Form::Text, &self.text)
        }
    }
}

fn any_text() -> impl Strategy<Value = Text> {
    let search = prop_oneof![
        6 => Just(Search::Speech),
        1 => Just(Search::Static),
        1 => Just(Search::Name),
        1 => Just(Search::Known)
    ];
    let role = proptest::sample::select(vec!["user", "assistant", "tool", "field"]);
    let field = proptest::option::weighted(0.4, "[ab]");
    let text = prop_oneof!["[ab ]{0,3}", "a@b[0-9]", "[.]"];
    (search, role, field, proptest::bool::weighted(0.8), text).prop_map(|(search, role, field, is_said, text)| Text {
        search,
        role,
        field,
        is_said,
        text,
    })
}

/// An edit of a request's texts: some are appended, and one is removed or replaced.
#[derive(Clone, Debug)]
struct Change {
    added: Vec<Text>,
    edited: Option<(usize, Option<Text>)>,
}

fn any_change() -> impl Strategy<Value = Change> {
    let edited = proptest::option::weighted(0.5, (0_usize..20, proptest::option::of(any_text())));
    (proptest::collection::vec(any_text(), 0..4), edited).prop_map(|(added, edited)| Change { added, edited })
}

proptest! {
    /// Whatever filled the cache: other requests, or an earlier or later state of this one.
    #[test]
    fn what_is_remembered_is_what_would_be_found(changes in proptest::collection::vec(any_change(), 1..12)) {
        let (agent, _) = curious();
        let memo = memo();
        let mut states: Vec<Vec<Text>> = vec![Vec::new()];
        for Change { added, edited } in changes {
            let mut next = states.last().expect("a state").clone();
            match edited {
                Some((at, text)) if at < next.len() => drop(next.splice(at..=at, text)),
                _ => {}
            }
            next.extend(added);
            states.push(next);
        }
        for state in states.iter().chain(states.iter().rev()) {
            let pieces = || state.iter().map(Text::piece).collect::<Vec<_>>();
            prop_assert_eq!(decided(&agent, Some((&memo, 1)), pieces()), decided(&agent, None, pieces()));
        }
    }
}
