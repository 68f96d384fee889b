//! `masker mask`: replaces what was found in a text with tokens.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use super::local::{Asked, Searched, failure, search};
use crate::action::Action;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::keys::Kid;
use crate::passes::finding::Decision;
use crate::pipeline::preview::{Preview, throwaway};
use crate::pipeline::reading;
use crate::policy::Tokenization;
use crate::tokens::mint::Minter;

/// Prints the masked text.
pub fn run(asked: &Asked<'_>, output: Output) -> Result<(), Failure> {
    let scheme = asked.options.scheme.as_deref();
    let tokenization = match scheme {
        Some("synthetic") => Some(Tokenization::Synthetic),
        Some("reversible-aead") => Some(Tokenization::ReversibleAead),
        Some("vault-deterministic") => Some(Tokenization::VaultDeterministic),
        _ => None,
    };
    let mut searched = search(asked, tokenization)?;
    if scheme == Some("redact") {
        searched.decided.decisions.iter_mut().for_each(|decisions| *decisions = decisions.iter().map(redact).collect());
    }
    let Searched { agent, decided, ends } = searched;
    let is_found = decided.decisions.iter().any(|decisions| !decisions.is_empty());
    let minter = minter(&agent.policy.kid, asked.environment, is_found && !output.quiet)?;
    // Mask everything before printing anything, so that a failure leaves no partial output.
    let masked =
        Preview::with_tokens(&agent, &minter, reading(&Clock::system()), decided).map_err(|error| failure(&error))?;
    exit::written(print(&masked, &ends, output))?;
    if asked.options.require_match && !is_found {
        return Err(Failure::new(exit::COMMAND, "nothing was found"));
    }
    Ok(())
}

fn redact(decision: &Decision) -> Decision {
    Decision { action: Action::Redact, replacement: None, ..decision.clone() }
}

fn print(masked: &Preview, ends: &[&str], output: Output) -> std::io::Result<()> {
    let mut counts = vec![0_usize; ends.len()];
    for message in masked.replaced.iter().filter_map(|replaced| replaced.message) {
        counts[message] += 1;
    }
    let mut out = std::io::stdout().lock();
    for (index, line) in masked.request.contents().enumerate() {
        let line = line.unwrap_or_default();
        if output.json {
            writeln!(out, "{}", serde_json::json!({"line": index + 1, "masked": line, "count": counts[index]}))?;
        } else {
            write!(out, "{line}{}", ends[index])?;
        }
    }
    out.flush()
}

/// The install's key if there is one; otherwise a key for this run only, so that trying the command needs no set-up.
fn minter(kid: &Kid, environment: &Environment, says: bool) -> Result<Minter, Failure> {
    let keys = Config::load_keys(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
    if let Some(keys) = keys.get(kid) {
        return Ok(Minter::new(kid.clone(), keys));
    }
    if says {
        let _ = writeln!(std::io::stderr(), "masker: key {kid} is not set: these tokens are valid for this run only");
    }
    throwaway(kid.clone()).map_err(|error| failure(&error))
}
