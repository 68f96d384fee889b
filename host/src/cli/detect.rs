//! `masker detect`: prints what would be masked, and why.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use super::local::{Asked, Searched, failure, search};
use crate::clock::Clock;
use crate::pipeline::preview::{Preview, throwaway};
use crate::pipeline::reading;

/// Prints one line per span: position, kind, confidence, pass, text. The text may be printed: it is the caller's own
/// input.
pub fn run(asked: &Asked<'_>, output: Output) -> Result<(), Failure> {
    let Searched { agent, decided, .. } = search(asked, None)?;
    let lines: Vec<String> = decided.request.contents().map(|line| line.unwrap_or_default().to_owned()).collect();
    let minter = throwaway(agent.policy.kid.clone()).map_err(|error| failure(&error))?;
    let masked =
        Preview::with_tokens(&agent, &minter, reading(&Clock::system()), decided).map_err(|error| failure(&error))?;
    exit::written(print(&masked, &lines, output))?;
    if asked.options.require_match && masked.replaced.is_empty() {
        return Err(Failure::new(exit::COMMAND, "nothing was found"));
    }
    Ok(())
}

fn print(masked: &Preview, lines: &[String], output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for of_line in masked.replaced.chunk_by(|one, next| one.message == next.message) {
        let Some((index, line)) = of_line[0].message.and_then(|index| Some((index, lines.get(index)?))) else {
            continue;
        };
        // The byte offset of each character, and of the end.
        let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        for replaced in of_line {
            let (span, decision) = (replaced.span, &replaced.decision);
            let text = &line[places[span.start]..places[span.end]];
            if output.json {
                let shown = serde_json::json!({
                    "line": index + 1, "start": span.start, "end": span.end, "kind": decision.kind.as_str(),
                    "confidence": (f64::from(decision.confidence) * 1000.0).round() / 1000.0,
                    "pass": &*decision.pass, "action": decision.action, "text": text,
                });
                writeln!(out, "{shown}")?;
            } else {
                writeln!(
                    out,
                    "{}:{}-{}\t{}\t{:.2}\t{}\t{text}",
                    index + 1,
                    span.start,
                    span.end,
                    decision.kind,
                    decision.confidence,
                    decision.pass
                )?;
            }
        }
    }
    out.flush()
}
