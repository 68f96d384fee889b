//! `masker vault export`: writes the rows of the vault as JSON lines, with the values only on request.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Opened, read_value};
use crate::app::Erase;
use crate::audit::event::{Detail, Event, EventKind};
use crate::cli::Output;
use crate::cli::exit::{self, Failure};
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::files;
use crate::store::vault::{PurgeSelector, Subject};
use crate::tokens::format::{Scheme, Token};
use crate::tokens::mint::{Original, VaultRow};

/// Rows per read.
const CHUNK: usize = 2000;

/// Selection and destination of an export.
#[derive(clap::Args)]
pub struct ExportOptions {
    /// Output file, readable only by its owner; must not exist. Standard output if omitted.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Export only the calls in which this value was said. `-` reads the value from standard input.
    #[arg(long, value_name = "VALUE")]
    subject: Option<String>,
    /// Include the values in plaintext.
    #[arg(long)]
    values: bool,
}

/// Exports rows and records the export in the journal. All requested values are decrypted once beforehand, so that a
/// wrong key fails before anything is written.
pub fn export(options: &ExportOptions, environment: &Environment, output: Output) -> Result<(), Failure> {
    let subject = options.subject.as_deref().map(read_value).transpose()?;
    let count = Opened::run(environment, "masker vault export", output, async |opened| {
        let wanted = match subject {
            Some(value) => Some(of_subject(opened, Erase::Subject(value)).await?),
            None => None,
        };
        let mut draft = options.output.as_deref().map(Draft::begin).transpose()?;
        let mut count = 0;
        each_row(opened, wanted.as_ref(), |row, _| {
            count += 1;
            if options.values { open(opened, row).map(drop) } else { Ok(()) }
        })
        .await?;
        let event = Event {
            account_id: Some(opened.store.first_account()),
            field: Some(if options.values { "values" } else { "rows" }.into()),
            detail: Some(Detail::Count(count)),
            ..Event::new(EventKind::VaultExported, opened.clock.now())
        };
        opened.record(event).await?;
        let mut stdout = BufWriter::new(std::io::stdout());
        each_row(opened, wanted.as_ref(), |row, made| {
            let line = shown(opened, options, row, made)?;
            match &mut draft {
                Some(draft) => draft.write(&line),
                None => exit::written(writeln!(stdout, "{line}")),
            }
        })
        .await?;
        match draft {
            Some(draft) => draft.keep()?,
            None => exit::written(stdout.flush())?,
        }
        Ok(count)
    })?;
    if let (Some(path), false) = (&options.output, output.quiet) {
        let _ = writeln!(std::io::stderr(), "wrote {count} rows to {}", path.display());
    }
    Ok(())
}

async fn of_subject(opened: &Opened, what: Erase) -> Result<PurgeSelector, Failure> {
    Ok(opened.eraser().find(&what).await?.doomed.unwrap_or(PurgeSelector::Subject(Subject::default())))
}

async fn each_row(
    opened: &Opened,
    wanted: Option<&PurgeSelector>,
    mut each: impl FnMut(&VaultRow, Timestamp) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let rows = opened.store.vault().page(after, CHUNK).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        for (row, made) in rows.iter().filter(|(row, _)| wanted.is_none_or(|wanted| wanted.has(row))) {
            each(row, *made)?;
        }
    }
}

/// An output file that is renamed to its final name once it is complete, and removed on failure.
struct Draft<'p> {
    place: &'p Path,
    draft: PathBuf,
    out: BufWriter<File>,
    is_kept: bool,
}

impl<'p> Draft<'p> {
    fn begin(place: &'p Path) -> Result<Self, Failure> {
        refuse_to_replace(place)?;
        let draft = place.with_added_extension("draft");
        let file = files::private().write(true).create_new(true).open(&draft);
        let out = BufWriter::new(file.map_err(|error| unwritten(&draft, &error))?);
        Ok(Self { place, draft, out, is_kept: false })
    }

    fn write(&mut self, line: &serde_json::Value) -> Result<(), Failure> {
        writeln!(self.out, "{line}").map_err(|error| unwritten(self.place, &error))
    }

    fn keep(mut self) -> Result<(), Failure> {
        let written = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        written.map_err(|error| unwritten(self.place, &error))?;
        refuse_to_replace(self.place)?;
        fs::rename(&self.draft, self.place).map_err(|error| unwritten(self.place, &error))?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn refuse_to_replace(place: &Path) -> Result<(), Failure> {
    match place.symlink_metadata() {
        Ok(_) => Err(unwritten(place, &std::io::ErrorKind::AlreadyExists.into())),
        Err(_) => Ok(()),
    }
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::GENERIC, format!("{}: {}", path.display(), error.kind()))
}

fn open(opened: &Opened, row: &VaultRow) -> Result<Original, Failure> {
    let kid = row.sealed_by.as_ref().unwrap_or(&row.kid);
    let problem = || format!("cannot decrypt a value with the key of {kid}: check that the key is the right one");
    opened.minters.open_row(row).map_err(|_| Failure::new(exit::GENERIC, problem()))
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
        let original = open(opened, row)?;
        shown["value"] = original.text.expose().as_str().into();
    }
    Ok(shown)
}
