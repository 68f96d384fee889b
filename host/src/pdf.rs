//! Renders a report as an A4 PDF, from the same structure as its JSON, with the JSON attached.
//!
//! [`typeface`] measures and wraps text, [`page`] draws it, [`flow`] lays out pages, [`sections`] defines the content.

mod attach;
mod flow;
mod page;
mod sections;
mod typeface;

use serde_json::Value;

use crate::report::document::Report;

/// Why a PDF could not be created.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot create the PDF report: {0}")]
pub struct PdfError(&'static str);

/// Renders a report, with its JSON (`{"report": ...}`) attached.
///
/// # Errors
/// The fonts cannot be read, or the attachment cannot be written. Both are bugs of the build.
pub fn render(report: &Report, json: &Value) -> Result<Vec<u8>, PdfError> {
    let fonts = typeface::Fonts::load()?;
    let mut flow = flow::Flow::new(&fonts, &report.id);
    sections::write(&mut flow, report, json);
    let pdf = page::assemble(&fonts, flow.finish(), &format!("Masker compliance report {}", report.id));
    attach::attach(pdf, &format!("{}.json", report.id), json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::document::{
        Configuration, Generator, Integrity, LeakDetection, PciDss, Period, SessionRoot, Summary,
    };

    fn report(scope: &'static str, summary: Summary) -> Report {
        let text = || "x".to_owned();
        Report {
            id: text(),
            schema_version: 1,
            scope,
            session_id: None,
            agent_id: None,
            agent_name: None,
            account_id: text(),
            generated_at: text(),
            period: Period { since: text(), until: text() },
            generator: Generator { name: "masker", version: "", commit: "" },
            merkle_root_hex: text(),
            summary,
            safe_harbor_coverage: Default::default(),
            safe_harbor_detail: Vec::new(),
            pci_dss: PciDss::default(),
            leak_detection: LeakDetection { not_listed: 1, ..LeakDetection::default() },
            retention: Vec::new(),
            erasures: Vec::new(),
            baa_chain: Vec::new(),
            redactions_by_kind: Default::default(),
            redactions_by_pass: Default::default(),
            masked_transcripts: Vec::new(),
            masked_transcripts_note: None,
            journal_integrity: Integrity {
                verified: true,
                method: "",
                start_hash: text(),
                end_hash: text(),
                event_count: 0,
                events_in_scope: 0,
            },
            policy_snapshot: Vec::new(),
            configuration: Configuration { agents: Vec::new(), plugins: Vec::new() },
            sessions_digest_hex: "abcdef".to_owned(),
            sessions: vec![SessionRoot { id: text(), merkle_root_hex: text() }],
        }
    }

    fn summary(count: u64) -> Summary {
        Summary {
            sessions: count,
            sessions_by_status: Default::default(),
            calls: count,
            agents: count,
            redactions: count,
            carried: count,
            restored: count,
            incidents: count,
        }
    }

    /// Text of the pages without white space.
    fn text(report: &Report) -> String {
        let pdf = render(report, &json!({"report": {}})).expect("it is set");
        let pdf = lopdf::Document::load_mem(&pdf).expect("a PDF");
        let pages: Vec<u32> = pdf.get_pages().into_keys().collect();
        pdf.extract_text(&pages).expect("its text").split_whitespace().collect()
    }

    #[test]
    fn one_is_singular_and_a_list_that_is_cut_says_so() {
        for (count, scope, said) in [
            (1, "session", "1 agent, 1 named phone call."),
            (
                1,
                "session",
                "1 span of the history was recorded in an earlier turn of this call and is in that turn's report.",
            ),
            (1, "session", "1 more is not listed here; the journal has it."),
            (2, "account", "2 agents, 2 named phone calls."),
            (
                2,
                "account",
                "2 spans of the history were recorded in earlier turns of their calls and are in those turns' reports.",
            ),
            (2, "account", "The first 1 of 2 sessions. The digest is SHA-256"),
            (2, "account", "sha-256 abcdef"),
        ] {
            let said: String = said.split_whitespace().collect();
            assert!(text(&report(scope, summary(count))).contains(&said), "{said}");
        }
        let whole = text(&report("session", summary(1)));
        assert!(!whole.contains("abcdef") && !text(&report("session", summary(0))).contains("ofthehistory"));
    }
}
