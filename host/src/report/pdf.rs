//! The report set in type: A4, from the same structure that its JSON is written from, with that JSON attached.
//!
//! [`typeface`] measures and breaks text, [`page`] puts it on paper, [`flow`] fills page after page, [`sections`] says what
//! stands where.

mod attach;
mod flow;
mod page;
mod sections;
mod typeface;

use serde_json::Value;

use super::document::Report;

/// Why there is no PDF.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the report cannot be set in type: {0}")]
pub struct PdfError(&'static str);

/// The pages, with the report's JSON (`{"report": ...}`) attached.
///
/// # Errors
/// The fonts cannot be read, or the attachment cannot be written: both are faults of this build.
pub fn render(report: &Report, json: &Value) -> Result<Vec<u8>, PdfError> {
    let fonts = typeface::Fonts::load()?;
    let mut flow = flow::Flow::new(&fonts, &report.id);
    sections::write(&mut flow, report, json);
    let pdf = page::assemble(&fonts, flow.finish(), &format!("Masker compliance report {}", report.id));
    attach::attach(pdf, &format!("{}.json", report.id), json)
}
