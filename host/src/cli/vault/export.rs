//! `masker vault export`: the rows of the vault as JSON lines, with the values only where that is asked for.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde_json::json;

use super::{Opened, read_value};
use crate::app::Erase;
use crate::audit::event::{Detail, Event, EventKind};
use crate::cli::Output;
use crate::cli::exit::{self, Failure};
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::files;
use crate::store::vault::{Doomed, Subject};
use crate::tokens::format::{Scheme, Token};
use crate::tokens::mint::VaultRow;

/// Rows that are read at a time.
const CHUNK: usize = 2000;

/// What is to be exported, and where to.
#[derive(clap::Args)]
pub struct ExportOptions {
    /// A new file, readable by its owner alone; standard output when it is not given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only the calls in which this value was said; `-` reads it from standard input.
    #[arg(long, value_name = "VALUE")]
    subject: Option<String>,
    /// The values too, in the clear.
    #[arg(long)]
    values: bool,
}

/// Writes rows down, and in the journal that it was done.
pub fn export(options: &ExportOptions, environment: &Environment, output: Output) -> Result<(), Failure> {
    let subject = options.subject.as_deref().map(read_value).transpose()?;
    let count = Opened::run(environment, "masker vault export", output, async |opened| {
        let wanted = match subject {
            Some(value) => Some(of_subject(opened, Erase::Subject(value)).await?),
            None => None,
        };
        let total = match &wanted {
            Some(wanted) => opened.store.vault().count_doomed(wanted).await,
            None => opened.store.vault().count().await,
        };
        let event = Event {
            account_id: Some(opened.store.first_account()),
            field: Some(if options.values { "values" } else { "rows" }.into()),
            detail: Some(Detail::Count(total?)),
            ..Event::new(EventKind::VaultExported, opened.clock.now())
        };
        opened.record(event).await?;
        write_all(opened, options, wanted.as_ref()).await
    })?;
    if let (Some(path), false) = (&options.output, output.quiet) {
        let _ = writeln!(std::io::stderr(), "{count} rows are in {}", path.display());
    }
    Ok(())
}

async fn of_subject(opened: &Opened, what: Erase) -> Result<Doomed, Failure> {
    Ok(opened.eraser().find(&what).await?.doomed.unwrap_or(Doomed::Subject(Subject::default())))
}

async fn write_all(opened: &Opened, options: &ExportOptions, wanted: Option<&Doomed>) -> Result<u64, Failure> {
    let mut out: Box<dyn Write> = match &options.output {
        Some(path) => {
            let file = files::private().write(true).create_new(true).open(path);
            Box::new(BufWriter::new(
                file.map_err(|error| Failure::new(exit::GENERIC, format!("{}: {}", path.display(), error.kind())))?,
            ))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let (mut count, mut after) = (0, None);
    loop {
        let rows = opened.store.vault().page(after, CHUNK).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.clone());
        for (row, made) in rows.iter().filter(|(row, _)| wanted.is_none_or(|wanted| wanted.has(row))) {
            exit::written(writeln!(out, "{}", shown(opened, options, row, *made)?))?;
            count += 1;
        }
    }
    exit::written(out.flush())?;
    Ok(count)
}

fn shown(
    opened: &Opened,
    options: &ExportOptions,
    row: &VaultRow,
    made: Timestamp,
) -> Result<serde_json::Value, Failure> {
    let token = match &row.label {
        Some(label) => format!("[{}_{label}]", row.kind),
        None => {
            let (kind, kid, value) = (row.kind.clone(), row.kid.clone(), row.mac.to_vec());
            Token { scheme: Scheme::Vault, kind, kid, value }.text()
        }
    };
    let mut shown = json!({
        "agent_id": row.agent.text(),
        "call_id": (row.scope != [0; 16]).then(|| data_encoding::HEXLOWER.encode(&row.scope)),
        "kind": row.kind.as_str(),
        "kid": row.kid.as_str(),
        "token": token,
        "created_at": made.to_string(),
    });
    if options.values {
        let kid = row.sealed_by.as_ref().unwrap_or(&row.kid);
        let problem = || format!("a value does not open with the key of {kid}: is it the right one?");
        let original = opened.minters.open_row(row).map_err(|_| Failure::new(exit::GENERIC, problem()))?;
        shown["value"] = original.text.expose().as_str().into();
    }
    Ok(shown)
}
