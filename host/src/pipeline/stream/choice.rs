//! One choice of a chunk: its texts are read, printed with the originals, and written back in place.

use serde_json::{Map, Value};

use super::{AnswerStream, Broken, Choice, Kept};
use crate::chat::answer::{Fate, Field, Leaf, Sort, is_cut_short, visit_choice};
use crate::chat::json_cursor::Step;
use crate::pipeline::reader::{Read, Reader};
use crate::pipeline::response::correct_parts;
use crate::pipeline::texts::Texts;
use crate::tokens::scan::FinishReason;

/// Limit of tracked texts per choice, and of choices per answer.
const MAX_FIELDS: usize = 1024;

/// The longest name of a tool, in bytes.
const MAX_NAME: usize = 1024;

/// A text of a chunk.
struct Text {
    /// Its field; `None` for a text that is complete in itself.
    field: Option<Field>,
    is_content: bool,
    /// Its path in arguments that arrived as JSON, where it may be a number.
    argument: Option<Vec<Step>>,
    tool: Option<String>,
    /// The parts read from it; `None` if it stays unchanged.
    read: Option<Vec<Read>>,
    /// The text as received.
    came: String,
}

/// The new value of a text.
struct New {
    value: Value,
    /// Whether all of it was held back.
    is_held: bool,
}

impl AnswerStream {
    /// Restores originals in one choice of a chunk.
    pub(super) async fn choice(&mut self, choice: &mut Value, out: &mut String) -> Result<Kept, Broken> {
        let Value::Object(choice) = choice else { return Ok(Kept::Same) };
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        if self.choices.len() >= MAX_FIELDS && !self.choices.contains_key(&index) {
            return Err(Broken::Garbage);
        }
        let texts = &self.texts;
        let calls = &mut self.choices.entry(index).or_default().calls;
        let (before, held) = calls.hold(choice, &texts.tools, &|name| texts.may_become_token(name));
        for mut released in before {
            if let Value::Object(choice) = &mut released {
                self.restored(index, choice, out).await?;
            }
            self.push_json(out, &self.head.with_choice(released));
        }
        let kept = self.restored(index, choice, out).await?;
        let is_empty = held && choice.get("delta").and_then(Value::as_object).is_some_and(Map::is_empty);
        Ok(match kept {
            _ if is_empty && choice.get("finish_reason").is_none_or(Value::is_null) => Kept::Nothing,
            Kept::Same if held => Kept::Changed,
            kept => kept,
        })
    }

    async fn restored(
        &mut self,
        index: u64,
        choice: &mut Map<String, Value>,
        out: &mut String,
    ) -> Result<Kept, Broken> {
        let finish = choice.get("finish_reason").and_then(Value::as_str).map(|reason| match is_cut_short(reason) {
            true => FinishReason::Length,
            false => FinishReason::Stop,
        });
        self.settle_speech(index, choice, out).await;
        let mut texts = self.read(index, choice)?;
        let mut new = Vec::with_capacity(texts.len());
        for text in &mut texts {
            new.push(self.new_text(index, text).await);
        }
        if let Some(reason) = finish {
            self.finish_choice(index, reason, &texts, &mut new, out).await;
        }
        let state = self.choices.entry(index).or_default();
        let mut changed = false;
        let is_hidden = state.has_token || state.readers.iter().any(|(_, reader)| reader.is_holding());
        if let Some(logprobs) = choice.get_mut("logprobs").filter(|logprobs| is_hidden && !logprobs.is_null()) {
            *logprobs = Value::Null;
            changed = true;
        }
        let held_any = new.iter().flatten().any(|new| new.is_held);
        if new.iter().any(Option::is_some) {
            changed = true;
            put(choice, new);
        }
        if let Some(Value::Object(delta)) = choice.get_mut("delta") {
            changed |= correct_annotations(state, delta, self.is_masked);
        }
        let says_nothing = |choice: &Map<String, Value>| {
            let delta = choice.get("delta").and_then(Value::as_object);
            delta.is_none_or(|delta| delta.values().all(Value::is_null)) && !choice.contains_key("text")
        };
        Ok(match changed {
            _ if held_any && finish.is_none() && says_nothing(choice) => Kept::Nothing,
            true => Kept::Changed,
            false => Kept::Same,
        })
    }

    /// Text before a tool call ends when the call starts: a whole token at its end is released, or the caller would
    /// hear it only after the tool has run.
    async fn settle_speech(&mut self, index: u64, choice: &Map<String, Value>, out: &mut String) {
        let calls = choice.get("delta").and_then(|delta| delta.get("tool_calls")).and_then(Value::as_array);
        if calls.is_none_or(Vec::is_empty) {
            return;
        }
        let Some(state) = self.choices.get_mut(&index) else { return };
        let speech = state.readers.iter_mut().find(|(field, reader)| field.is_content() && reader.holds_whole_token());
        let Some((field, reader)) = speech else { return };
        let (field, read) = (field.clone(), reader.finish(FinishReason::Stop));
        let text = self.printed(index, &read, None, true).await;
        if !text.is_empty() {
            self.push_json(out, &self.head.chunk(index, &field, &text));
        }
    }

    /// Reads the texts of a choice in order.
    fn read(&mut self, index: u64, choice: &mut Map<String, Value>) -> Result<Vec<Text>, Broken> {
        let (texts, state) = (&self.texts, self.choices.entry(index).or_default());
        let mut found = Vec::new();
        visit_choice(choice, &mut |leaf, value| {
            if let Value::String(text) = value {
                found.push(state.read(leaf, text, texts));
            }
            Fate::Keep
        });
        if state.readers.len() > MAX_FIELDS || state.tools.len() > MAX_FIELDS {
            Err(Broken::Garbage)
        } else {
            Ok(found)
        }
    }

    /// The new value of a text, if it changes.
    async fn new_text(&mut self, index: u64, text: &mut Text) -> Option<New> {
        let read = text.read.take()?;
        let new = match read.as_slice() {
            // Most chunks of most texts: unchanged, or the beginning of a match.
            [Read::Text(same)] => {
                if text.is_content {
                    self.choices.entry(index).or_default().said.same(same.chars().count());
                }
                same.clone()
            }
            read => {
                if let Some(argument) = self.argument(read, text).await {
                    return Some(New { value: argument, is_held: false });
                }
                self.printed(index, read, text.tool.as_deref(), text.is_content).await
            }
        };
        let is_held = text.field.is_some() && new.is_empty() && !text.came.is_empty();
        (new != text.came).then(|| New { value: new.into(), is_held })
    }

    async fn printed(&mut self, index: u64, read: &[Read], tool: Option<&str>, is_content: bool) -> String {
        if !read.iter().all(Read::is_text) {
            self.choices.entry(index).or_default().has_token = true;
        }
        self.print(read, tool, is_content.then_some(index)).await
    }

    async fn argument(&mut self, read: &[Read], text: &Text) -> Option<Value> {
        let path = text.argument.as_deref()?;
        let wanted = self.texts.tools.wanted(text.tool.as_deref(), path);
        let mut resolver = self.resolver();
        resolver.look_up(read).await;
        resolver.argument(read, &wanted)
    }

    /// The held ends of a finished choice: appended to their text, or sent in a separate chunk before this one.
    async fn finish_choice(
        &mut self,
        index: u64,
        reason: FinishReason,
        texts: &[Text],
        new: &mut [Option<New>],
        out: &mut String,
    ) {
        for (field, tail) in self.tails(index, reason).await {
            match texts.iter().rposition(|text| text.field.as_ref() == Some(&field)) {
                Some(at) => {
                    let before = new[at].take().map_or_else(|| texts[at].came.clone().into(), |new| new.value);
                    let value = format!("{}{tail}", before.as_str().unwrap_or_default()).into();
                    new[at] = Some(New { value, is_held: false });
                }
                None => self.push_json(out, &self.head.chunk(index, &field, &tail)),
            }
        }
        self.choices.entry(index).or_default().finished = true;
    }

    /// Text still held by a choice's readers, decided.
    async fn tails(&mut self, index: u64, reason: FinishReason) -> Vec<(Field, String)> {
        let Some(choice) = self.choices.get_mut(&index) else { return Vec::new() };
        let mut held = Vec::new();
        for (field, mut reader) in std::mem::take(&mut choice.readers) {
            let read = reader.finish(reason);
            if !read.is_empty() {
                let tool = choice.tools.get(&field.call()).cloned();
                held.push((field, read, tool));
            }
        }
        let mut tails = Vec::new();
        for (field, read, tool) in held {
            let text = self.printed(index, &read, tool.as_deref(), field.is_content()).await;
            if !text.is_empty() {
                tails.push((field, text));
            }
        }
        tails
    }

    /// Ends a choice that the upstream did not finish.
    pub(super) async fn flush(&mut self, index: u64, reason: FinishReason, out: &mut String) {
        let calls = self.choices.get_mut(&index).map(|choice| choice.calls.release(&index.into(), |_| true));
        for mut released in calls.unwrap_or_default() {
            if let Value::Object(choice) = &mut released
                && self.restored(index, choice, out).await.is_ok()
            {
                self.push_json(out, &self.head.with_choice(released));
            }
        }
        for (field, tail) in self.tails(index, reason).await {
            self.push_json(out, &self.head.chunk(index, &field, &tail));
        }
    }
}

impl Choice {
    fn read(&mut self, leaf: &Leaf<'_>, text: &str, texts: &Texts) -> Text {
        if leaf.sort == Sort::Name {
            self.name(leaf.call(), text);
        }
        let is_argument = matches!(leaf.sort, Sort::Arguments | Sort::Argument);
        let tool = if is_argument { self.tools.get(&leaf.call()).cloned() } else { None };
        let argument = (leaf.sort == Sort::Argument).then(|| leaf.steps());
        let (field, read) = match leaf.whole {
            true => (None, texts.read_whole(leaf, text, FinishReason::Stop)),
            false => {
                let field = leaf.field();
                let reader = self.reader(&field, || texts.reader(leaf));
                let read = if reader.passes(text) { None } else { Some(reader.push(text)) };
                if read.is_none() && leaf.is_content() {
                    self.said.same(text.chars().count());
                }
                (Some(field), read)
            }
        };
        Text { field, is_content: leaf.is_content(), argument, tool, read, came: text.to_owned() }
    }

    /// Records which tool is called. Some servers send a name in pieces, and some repeat it with every piece.
    fn name(&mut self, call: Option<u64>, name: &str) {
        let known = self.tools.entry(call).or_default();
        if known != name && known.len() < MAX_NAME {
            known.push_str(name);
        }
    }

    /// The reader of a field. Later pieces may omit their type.
    fn reader(&mut self, field: &Field, new: impl FnOnce() -> Reader) -> &mut Reader {
        let place = self.readers.iter().rposition(|(own, _)| own == field);
        let place = place.or_else(|| self.readers.iter().rposition(|(own, _)| own.may_be(field)));
        let place = place.unwrap_or_else(|| {
            self.readers.push((field.clone(), new()));
            self.readers.len() - 1
        });
        &mut self.readers[place].1
    }
}

/// Writes the new texts into the choice.
fn put(choice: &mut Map<String, Value>, new: Vec<Option<New>>) {
    let mut new = new.into_iter();
    visit_choice(choice, &mut |_, value| match new.next().flatten() {
        Some(New { is_held: true, .. }) => Fate::Drop,
        Some(New { value: changed, .. }) => {
            *value = changed;
            Fate::Keep
        }
        None => Fate::Keep,
    });
}

/// Moves the positions of annotations. If something was masked, the text after what was read may still change.
fn correct_annotations(state: &Choice, delta: &mut Map<String, Value>, is_masked: bool) -> bool {
    let mut changed = false;
    if let Some(annotations) = delta.get_mut("annotations") {
        changed |= state.said.correct(annotations, is_masked);
    }
    if let (true, Some(content)) = (state.has_token, delta.get_mut("content")) {
        changed |= correct_parts(content);
    }
    changed
}
