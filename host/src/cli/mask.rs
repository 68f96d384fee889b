//! `masker mask`: a text with tokens in the place of what was found.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use super::local::{Asked, Searched, search};
use crate::config::{Config, Environment};
use crate::ids::{AccountId, AgentId};
use crate::keys::{KeyPair, SecretKey};
use crate::passes::finding::{Action, Decision};
use crate::policy::Tokenization;
use crate::tokens::format::redacted;
use crate::tokens::mint::{Form, Minter, Scope};
use crate::tokens::synthetic::Synthesizer;

/// Prints the masked text.
pub fn run(asked: &Asked<'_>, output: Output) -> Result<(), Failure> {
    let options = asked.options;
    let mut searched = search(asked)?;
    let redact = match options.scheme.as_deref() {
        Some("redact") => true,
        Some("synthetic") => {
            searched.policy.tokenization = Tokenization::Synthetic;
            false
        }
        Some("reversible-aead") => {
            searched.policy.tokenization = Tokenization::ReversibleAead;
            false
        }
        Some(_) => {
            searched.policy.tokenization = Tokenization::VaultDeterministic;
            false
        }
        None => false,
    };
    let masking = Masking { minter: minter(&searched, asked.environment, output)?, agent: AgentId::generate(), redact };
    // Everything is masked before anything is printed: a text that fails half way is not half a result.
    let masked = masking.lines(&searched)?;
    exit::written(print(&searched, &masked, output))?;
    if options.require_match && searched.count() == 0 {
        return Err(Failure::new(exit::COMMAND, "nothing was found"));
    }
    Ok(())
}

fn print(searched: &Searched, masked: &[String], output: Output) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (index, masked) in masked.iter().enumerate() {
        if output.json {
            let count = searched.decisions[index].len();
            writeln!(out, "{}", serde_json::json!({"line": index + 1, "masked": masked, "count": count}))?;
        } else {
            write!(out, "{masked}{}", searched.ends[index])?;
        }
    }
    out.flush()
}

/// The command line belongs to no account: its tokens are the same every time, and nobody else's.
fn no_account() -> AccountId {
    AccountId::from_bytes([0; 16])
}

struct Masking {
    minter: Minter,
    agent: AgentId,
    redact: bool,
}

impl Masking {
    fn lines(&self, searched: &Searched) -> Result<Vec<String>, Failure> {
        let tokenization = searched.policy.tokenization;
        let lines = searched.lines.iter().zip(&searched.decisions);
        let texts: Vec<&str> = searched.lines.iter().map(|line| line.expose().as_str()).collect();
        let key = self.minter.synthetic_key();
        let mut synthesizer = Synthesizer::new(key, b"command line", searched.policy.epsilon, &texts);
        lines.map(|(line, decisions)| self.line(line.expose(), decisions, tokenization, &mut synthesizer)).collect()
    }

    fn line(
        &self,
        line: &str,
        decisions: &[Decision],
        tokenization: Tokenization,
        synthesizer: &mut Synthesizer,
    ) -> Result<String, Failure> {
        let mut masked = String::with_capacity(line.len());
        let mut at = 0;
        for decision in decisions {
            masked.push_str(&line[at..decision.span.start]);
            masked.push_str(&self.token(&line[decision.span.range()], decision, tokenization, synthesizer)?);
            at = decision.span.end;
        }
        masked.push_str(&line[at..]);
        Ok(masked)
    }

    fn token(
        &self,
        original: &str,
        decision: &Decision,
        tokenization: Tokenization,
        synthesizer: &mut Synthesizer,
    ) -> Result<String, Failure> {
        if self.redact || decision.action == Action::Redact {
            return Ok(redacted(&decision.kind));
        }
        if let Some(replacement) = &decision.replacement {
            return Ok(replacement.to_string());
        }
        match tokenization {
            Tokenization::VaultDeterministic => {
                Ok(self.minter.token_for(no_account(), &decision.kind, original, Form::Text).text())
            }
            Tokenization::Synthetic => {
                let surrogate = synthesizer.surrogate(&decision.kind, original);
                surrogate.map_err(|error| Failure::new(exit::GENERIC, error.to_string()))
            }
            Tokenization::ReversibleAead => {
                let scope = Scope { agent: self.agent, call: None };
                let token = self.minter.mint_aead(&scope, &decision.kind, original, Form::Text);
                token.map(|token| token.text()).map_err(|error| Failure::new(exit::GENERIC, error.to_string()))
            }
        }
    }
}

/// The install's key where there is one; else one for this run only, so that a first try needs no set-up.
fn minter(searched: &Searched, environment: &Environment, output: Output) -> Result<Minter, Failure> {
    let kid = searched.policy.kid.clone();
    let keys = Config::load_keys(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
    if let Some(keys) = keys.get(&kid) {
        return Ok(Minter::new(kid, keys));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    if !output.quiet && !searched.decisions.iter().all(Vec::is_empty) {
        let _ = writeln!(std::io::stderr(), "masker: no key {kid} is set: these tokens hold for this run only");
    }
    Ok(Minter::new(kid, &KeyPair { current: SecretKey::new(bytes), old: None }))
}
