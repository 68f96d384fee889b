//! `masker detect`: what would be masked, and why.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use super::local::{Asked, Searched, search};

/// Prints one line per span: place, kind, confidence, pass, text. The text goes to whoever gave it.
pub fn run(asked: &Asked<'_>, output: Output) -> Result<(), Failure> {
    let searched = search(asked)?;
    exit::written(print(&searched, output))?;
    if asked.options.require_match && searched.count() == 0 {
        return Err(Failure::new(exit::COMMAND, "nothing was found"));
    }
    Ok(())
}

fn print(searched: &Searched, output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (index, (line, decisions)) in searched.lines.iter().zip(&searched.decisions).enumerate() {
        for decision in decisions {
            let span = decision.span.to_chars(line.expose());
            let text = &line.expose()[decision.span.range()];
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
