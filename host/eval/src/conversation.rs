//! Context of each message, from the metadata of the dataset.
//!
//! * Messages with the same `meta.dialogue` form one conversation in the order of `meta.turn`; `meta.speaker` is the
//!   speaker. Passes never see the labels.
//! * `meta.item` or `meta.requested` names what a message answers if the question is not in the set. A generic question
//!   is added as context.
//! * A message without either has no context.

use std::collections::HashMap;
use std::sync::Arc;

use masker_core::passes::Message;
use masker_core::sensitive::SensitiveText;

use crate::dataset::Record;

/// Maximum number of context messages, as in the plugin contract.
const CONTEXT: usize = 4;

/// Generic questions for those that a set omits, by what they ask for.
const QUESTIONS: [(&str, &str); 8] = [
    ("name", "What is your full name?"),
    ("first_name", "What is your first name?"),
    ("last_name", "What is your last name?"),
    ("dob", "What is your date of birth?"),
    ("postcode", "What is your postcode?"),
    ("date", "What day would you like to come?"),
    ("time", "What time would you like to come?"),
    ("people", "How many people will there be?"),
];

/// For each record the messages for the passes: its context, then the record itself, which is searched.
pub fn messages(records: &[Record], context: bool) -> Vec<Vec<Message>> {
    let before = if context { predecessors(records) } else { vec![Vec::new(); records.len()] };
    let with = |(index, record): (usize, &Record)| {
        let mut messages: Vec<Message> = Vec::with_capacity(CONTEXT + 1);
        for at in &before[index] {
            messages.extend(question(&records[*at]));
            messages.push(said(&records[*at], false));
        }
        if context {
            messages.extend(question(record));
        }
        messages.drain(..messages.len().saturating_sub(CONTEXT));
        messages.push(said(record, true));
        messages
    };
    records.iter().enumerate().map(with).collect()
}

/// For each record the previous records of its conversation, at most [`CONTEXT`], in order.
fn predecessors(records: &[Record]) -> Vec<Vec<usize>> {
    let mut dialogues: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        if let Some(dialogue) = &record.meta.dialogue {
            dialogues.entry(dialogue).or_default().push(index);
        }
    }
    let mut before = vec![Vec::new(); records.len()];
    for mut turns in dialogues.into_values() {
        turns.sort_by_key(|index| records[*index].meta.turn);
        for (place, index) in turns.iter().enumerate() {
            before[*index] = turns[place.saturating_sub(CONTEXT)..place].to_vec();
        }
    }
    before
}

fn said(record: &Record, search: bool) -> Message {
    let role = match record.meta.speaker.as_deref() {
        Some("system" | "assistant" | "agent") => "assistant",
        _ => "user",
    };
    Message { role, text: record.text.clone(), search }
}

fn question(record: &Record) -> Option<Message> {
    let item = record.meta.item.as_deref().or(record.meta.requested.first().map(String::as_str))?;
    let (_, text) = QUESTIONS.iter().find(|(known, _)| *known == item)?;
    Some(Message { role: "assistant", text: Arc::new(SensitiveText::from(*text)), search: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Meta;

    fn record(text: &str, dialogue: Option<&str>, turn: u64, speaker: &str, item: Option<&str>) -> Record {
        Record {
            id: text.into(),
            line: 1,
            style: String::new(),
            text: Arc::new(text.into()),
            entities: Vec::new(),
            optional: Vec::new(),
            meta: Meta {
                dialogue: dialogue.map(Into::into),
                turn: Some(turn),
                speaker: Some(speaker.into()),
                item: item.map(Into::into),
                requested: Vec::new(),
            },
        }
    }

    fn shown(messages: &[Message]) -> Vec<String> {
        let one = |m: &Message| format!("{}{}: {}", if m.search { "*" } else { "" }, m.role, m.text.expose());
        messages.iter().map(one).collect()
    }

    #[test]
    fn a_conversation_is_rebuilt_in_the_order_of_its_turns() {
        let records = [
            record("two", Some("d"), 2, "user", None),
            record("other", Some("e"), 0, "user", None),
            record("one", Some("d"), 1, "system", None),
        ];
        let all = messages(&records, true);
        assert_eq!(shown(&all[0]), ["assistant: one", "*user: two"]);
        assert_eq!(shown(&all[1]), ["*user: other"]);
        assert_eq!(shown(&messages(&records, false)[0]), ["*user: two"]);
    }

    #[test]
    fn a_question_that_the_set_leaves_out_is_asked() {
        let records =
            [record("ann", Some("d"), 0, "user", Some("name")), record("n4", Some("d"), 1, "user", Some("postcode"))];
        let expected =
            ["assistant: What is your full name?", "user: ann", "assistant: What is your postcode?", "*user: n4"];
        assert_eq!(shown(&messages(&records, true)[1]), expected);
    }

    #[test]
    fn no_message_has_more_context_than_a_pass_is_promised() {
        let records: Vec<Record> = (0..9).map(|turn| record("x", Some("d"), turn, "user", Some("name"))).collect();
        assert!(messages(&records, true).iter().all(|messages| messages.len() <= CONTEXT + 1));
    }
}
