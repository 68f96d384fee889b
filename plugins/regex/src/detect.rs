//! The loop over the messages of a request.

use masker_plugin_sdk::{Finding, Message};

use crate::Plugin;
use crate::answer;
use crate::context::{Carried, REACH, Summary};
use crate::field;
use crate::judge::judge;
use crate::measures;
use crate::rules;
use crate::runs;
use crate::turn::{Hit, Turn};

/// A longer message is searched in windows of this many bytes, which bounds memory.
const WINDOW: usize = 16 << 10;
/// How far a window overlaps its neighbours, so that no value is split.
const OVERLAP: usize = 512;

/// Finds everything in the messages marked for search.
pub fn detect(plugin: &Plugin, messages: &[Message]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut carried = Carried::default();
    let mut turn = Turn::default();
    for (at, message) in messages.iter().enumerate() {
        if message.search {
            if !(carried.measures() && measures::is_number(&message.text)) {
                search(plugin, &mut turn, &message.text, carried, |hit| {
                    let span = hit.start as usize..hit.end as usize;
                    findings.push(Finding::new(at, span, hit.kind.name(), hit.confidence));
                });
            }
            for pattern in &plugin.patterns {
                for (span, confidence) in pattern.find(&message.text) {
                    findings.push(Finding::new(at, span, pattern.kind().to_owned(), confidence));
                }
            }
        }
        let heard = messages[at + 1..].iter().take(REACH).any(|later| later.search);
        carried.push(if heard { summary(plugin, &mut turn, message) } else { Summary::default() });
    }
    findings
}

/// What a message tells the messages after it. Of a long message only the end counts.
fn summary<'t>(plugin: &Plugin, turn: &mut Turn<'t>, message: &'t Message) -> Summary {
    if message.role == "field" {
        return field::summary(plugin, &message.text);
    }
    let from = boundary(&message.text, message.text.len().saturating_sub(WINDOW));
    // A message searched in one piece has already been read.
    if !std::ptr::eq(turn.text, &message.text[from..]) {
        turn.read(&plugin.words, &plugin.keywords, &message.text[from..], Carried::default());
    }
    Summary::of(turn, &message.role)
}

fn search<'t>(plugin: &Plugin, turn: &mut Turn<'t>, text: &'t str, carried: Carried, mut found: impl FnMut(&Hit)) {
    let mut start = 0;
    while start < text.len() {
        let end = boundary(text, start + WINDOW);
        // A remainder smaller than the overlap needs no window of its own.
        let end = if text.len() - end <= OVERLAP { text.len() } else { end };
        let from = boundary(text, start.saturating_sub(OVERLAP));
        let to = boundary(text, end + OVERLAP);
        let carried = if start == 0 { carried } else { Carried::default() };
        window(plugin, turn, &text[from..to], carried);
        for hit in &turn.hits {
            let (first, last) = (hit.start as usize + from, hit.end as usize + from);
            if first < end && last > start && plugin.kinds.has(hit.kind) {
                found(&Hit { start: first as u32, end: last as u32, ..*hit });
            }
        }
        start = end;
    }
}

fn window<'t>(plugin: &Plugin, turn: &mut Turn<'t>, text: &'t str, carried: Carried) {
    turn.read(&plugin.words, &plugin.keywords, text, carried);
    if !turn.may_hold_something() {
        return;
    }
    rules::scan(turn);
    runs::collect(turn);
    judge(turn);
    answer::complete(turn);
    field::whole_value(turn);
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
