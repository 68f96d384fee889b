//! Reads the texts of one answer, for whole answers and streams alike.

use std::sync::Arc;

use super::reader::{Read, Reader};
use super::request::Masked;
use crate::chat::answer::{Leaf, Sort};
use crate::chat::json_cursor::Root;
use crate::chat::tools::Tools;
use crate::policy::TokenStyle;
use crate::tokens::echo::Surrogates;
use crate::tokens::scan::FinishReason;
use crate::values::Wanted;

/// Properties of the request that determine how its answer is read.
pub struct Texts {
    compact: bool,
    surrogates: Option<Arc<Surrogates>>,
    /// The request's tools.
    pub tools: Tools,
}

impl Texts {
    /// For a request that was masked.
    pub fn of(masked: &mut Masked, style: TokenStyle) -> Self {
        Self {
            compact: style == TokenStyle::Compact,
            surrogates: masked.table.surrogates().cloned(),
            tools: std::mem::take(&mut masked.tools),
        }
    }

    /// A reader for a text.
    pub fn reader(&self, leaf: &Leaf<'_>) -> Reader {
        let root = match leaf.sort {
            Sort::Arguments => Root::Arguments,
            Sort::Speech if self.tools.answers_json() && leaf.is_answer() => Root::Answer,
            _ => Root::Text,
        };
        Reader::new(root, self.compact, self.surrogates.as_ref())
    }

    /// Reads a text that is complete in itself; `None` if it stays unchanged.
    pub fn read_whole(&self, leaf: &Leaf<'_>, text: &str, finish: FinishReason) -> Option<Vec<Read>> {
        if leaf.sort == Sort::Name
            && let Some(name) = self.tools.original_name(text)
        {
            return Some(vec![Read::Text(name.to_owned())]);
        }
        let mut reader = self.reader(leaf);
        if matches!(leaf.sort, Sort::Name | Sort::Label) {
            // The end of such a word is not the end of a sentence, and letters that only resemble a token belong to
            // the word.
            let mut read = reader.push(text);
            read.extend(reader.finish(FinishReason::Stop));
            return read.iter().any(|read| read.token().is_some()).then_some(read);
        }
        if reader.passes(text) {
            return None;
        }
        let mut read = reader.push(text);
        read.extend(reader.finish(finish));
        (!read.iter().all(Read::is_text)).then_some(read)
    }

    /// Whether a name may be the beginning of a token.
    pub fn may_become_token(&self, name: &str) -> bool {
        // Many complete names end with an M.
        let has_scheme = name.as_bytes().windows(3).any(|part| part.eq_ignore_ascii_case(b"msk"));
        if !(has_scheme || self.compact && name.contains('[')) {
            return false;
        }
        let mut reader = Reader::new(Root::Text, self.compact, None);
        reader.push(name);
        reader.is_holding()
    }

    /// The type the tool `sent` expects for a [`Sort::Argument`].
    pub fn wanted(&self, sent: Option<&str>, leaf: &Leaf<'_>) -> Wanted {
        self.tools.wanted(sent, &leaf.steps())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::answer::{Fate, visit_choice};

    const TOKEN: &str = "MSKV1.NAME.K_HEALTHCARE.K3F7Q2ZTABCDEFGHIJKLMNOPQA";

    /// Every text of a message that changes, with its new value if that is already known.
    fn changed(message: serde_json::Value, finish: FinishReason) -> Vec<Option<String>> {
        let mut tools = Tools::default();
        tools.rename("ask_jane", "tool_7");
        let texts = Texts { compact: false, surrogates: None, tools };
        let mut choice = json!({"message": message});
        let mut changed = Vec::new();
        visit_choice(choice.as_object_mut().expect("an object"), &mut |leaf, value| {
            let read = texts.read_whole(leaf, value.as_str().expect("a string"), finish);
            changed.extend(read.map(|read| match read.as_slice() {
                [Read::Text(text)] => Some(text.clone()),
                _ => None,
            }));
            Fate::Keep
        });
        changed
    }

    #[test]
    fn a_tool_that_was_renamed_has_its_own_name_again() {
        let call = |name: &str| json!({"tool_calls": [{"id": "c", "function": {"name": name, "arguments": "{}"}}]});
        assert_eq!(changed(call("tool_7"), FinishReason::Stop), [Some("ask_jane".to_owned())]);
        assert_eq!(changed(call("tool_77"), FinishReason::Stop), []);
        assert_eq!(changed(call(TOKEN), FinishReason::Stop), [None]);
    }

    #[test]
    fn an_id_changes_only_where_it_holds_a_token() {
        // Letters that resemble a token's value, and the beginning of a token.
        for id in ["01K3F7Q2ZTABCDEFGHIJKLMNOPQA", "call_MSK", "MSKV1.NAME"] {
            for finish in [FinishReason::Stop, FinishReason::Length] {
                assert_eq!(changed(json!({"tool_calls": [{"id": id}], "some_id": id}), finish), [], "{id}");
            }
        }
        assert_eq!(changed(json!({"tool_calls": [{"id": format!("call_{TOKEN}")}]}), FinishReason::Stop), [None]);
    }

    #[test]
    fn a_name_waits_only_where_it_may_become_a_token() {
        let texts = Texts { compact: true, surrogates: None, tools: Tools::default() };
        for (name, waits) in
            [("confirm", false), ("mask", false), ("book_MSK", true), ("[NAME_", true), ("get_[x]", false)]
        {
            assert_eq!(texts.may_become_token(name), waits, "{name}");
        }
    }
}
