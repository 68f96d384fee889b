//! Content of the document, section by section.

use serde_json::Value;

use super::flow::{BODY, CODE, Cell, Column, Flow, NOTE, grouped};
use super::page::Ink;
use crate::report::document::{Incident, Report};

/// Writes all sections in order.
pub fn write(flow: &mut Flow<'_>, report: &Report, json: &Value) {
    cover(flow, report, json);
    summary(flow, report);
    safe_harbor(flow, report);
    cards(flow, report);
    leaks(flow, report);
    retention(flow, report);
    agreements(flow, report);
    redactions(flow, report);
    transcripts(flow, report);
    integrity(flow, report);
    configuration(flow, report);
    appendix(flow, report);
}

fn cover(flow: &mut Flow<'_>, report: &Report, json: &Value) {
    let subject = match report.scope {
        "session" => format!("Session {}", report.session_id.as_deref().unwrap_or_default()),
        "agent" => format!("Agent {}", report.agent_name.as_deref().unwrap_or_default()),
        _ => format!("Account {}", report.account_id),
    };
    flow.title("Compliance report", &subject);
    let signature = &json["report"]["signature"];
    let text = |key: &str| signature[key].as_str().unwrap_or_default().to_owned();
    let mut rows = vec![
        vec![Cell::text("Report").quiet(), Cell::code(&*report.id)],
        vec![Cell::text("Period").quiet(), Cell::text(format!("{} to {}", report.period.since, report.period.until))],
        vec![Cell::text("Generated").quiet(), Cell::text(&*report.generated_at)],
        vec![Cell::text("Account").quiet(), Cell::code(&*report.account_id)],
    ];
    if let (Some(id), Some(name)) = (&report.agent_id, &report.agent_name) {
        rows.push(vec![Cell::text("Agent").quiet(), Cell::text(name)]);
        rows.push(vec![Cell::text("Agent ID").quiet(), Cell::code(id)]);
    }
    rows.extend([
        vec![Cell::text("Merkle root").quiet(), Cell::code(&*report.merkle_root_hex)],
        vec![Cell::text("Signature").quiet(), Cell::code(format!("{} key {}", text("alg"), text("key_id")))],
        vec![Cell::text("").quiet(), Cell::code(text("sig"))],
        vec![
            Cell::text("Created by").quiet(),
            Cell::text(format!("masker {} (commit {})", report.generator.version, report.generator.commit)),
        ],
    ]);
    flow.table(&[Column("", 0.18), Column("", 0.82)], rows);
    flow.paragraph(
        NOTE,
        "This document is rendered from the attached JSON. The signature is Ed25519 over the RFC 8785 form of that JSON's \
         report object without its signature; the public key is served at /.well-known/masker-report-key. \
         examples/verify_report.py verifies the signature and the journal without Masker.",
    );
}

fn summary(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Executive summary");
    let summary = &report.summary;
    let alarm = if summary.incidents == 0 { Ink::GOOD } else { Ink::BAD };
    flow.tiles(&[
        (grouped(summary.sessions), noun(summary.sessions, "session", "sessions"), Ink::TEXT),
        (grouped(summary.redactions), noun(summary.redactions, "value masked", "values masked"), Ink::TEXT),
        (grouped(summary.restored), "restored in responses", Ink::TEXT),
        (grouped(summary.incidents), noun(summary.incidents, "incident", "incidents"), alarm),
    ]);
    let ended: Vec<String> =
        summary.sessions_by_status.iter().map(|(status, count)| format!("{} {status}", grouped(*count))).collect();
    let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
    flow.paragraph(
        BODY,
        &format!(
            "{}, {}. Sessions by outcome: {ended}. An incident is a token that was not restored, a value found by the final \
             check before text is sent, or a pass that failed.",
            counted(summary.agents, "agent", "agents"),
            counted(summary.calls, "named phone call", "named phone calls"),
        ),
    );
    if summary.carried > 0 {
        let spans = counted(summary.carried, "span", "spans");
        let calls =
            if report.scope == "session" { "this call" } else { noun(summary.carried, "its call", "their calls") };
        let said = match summary.carried {
            1 => format!(
                "{spans} of the history was recorded in an earlier turn of {calls} and is in that turn's report."
            ),
            _ => format!(
                "{spans} of the history were recorded in earlier turns of {calls} and are in those turns' reports."
            ),
        };
        flow.paragraph(BODY, &said);
    }
    flow.paragraph(
        BODY,
        "These figures were counted as the journal was written. The section on journal integrity states how far the journal \
         was verified for this report. This document contains no caller text except masked transcripts, which show what \
         the model received.",
    );
}

fn safe_harbor(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Safe Harbor matrix");
    flow.paragraph(
        NOTE,
        "45 CFR 164.514(b)(2)(i), (A) to (R). The status is based on the share of spans that the active plugins and policies \
         find completely: full from 95 %, partial from 70 %, otherwise in progress. With several policies the lowest counts.",
    );
    let rows = report.safe_harbor_detail.iter().map(|category| {
        let ink = match category.status {
            "full" => Ink::GOOD,
            "partial" => Ink::FAIR,
            _ => Ink::BAD,
        };
        let measured = match (category.recall_per_mille, &category.measured_on) {
            (Some(recall), Some(set)) => format!("{}.{} % of {set}", recall / 10, recall % 10),
            _ => String::new(),
        };
        let why = [measured, category.note.clone().unwrap_or_default()].join("\n");
        vec![
            Cell::text(&category.key[..1]).bold(Ink::ACCENT),
            Cell::text(category.title),
            Cell::text(category.status.replace('_', " ")).bold(ink),
            Cell::text(why.trim()).quiet(),
        ]
    });
    let columns = [Column("", 0.05), Column("Category", 0.37), Column("Status", 0.14), Column("Measured", 0.44)];
    flow.table(&columns, rows.collect());
}

fn cards(flow: &mut Flow<'_>, report: &Report) {
    flow.section("PCI DSS scope");
    let cards = &report.pci_dss;
    let rows = [
        ("Card numbers found", cards.cards_found),
        ("found by a pass that verifies the Luhn checksum", cards.luhn_checked),
        ("replaced by a token", cards.tokenized),
        ("redacted", cards.redacted),
        ("passed through unchanged, as set in the policy", cards.passed_through),
    ];
    let rows = rows.into_iter().map(|(what, count)| vec![Cell::text(what), Cell::number(count)]);
    flow.table(&[Column("", 0.8), Column("Count", 0.2)], rows.collect());
}

fn leaks(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Leak detection");
    let leaks = &report.leak_detection;
    incidents(flow, "Tokens in responses that were not restored", &leaks.rehydration_failures);
    incidents(flow, "Values found by the final check before text is sent", &leaks.egress_blocked);
    incidents(flow, "Passes that failed", &leaks.failed_passes);
    if leaks.not_listed > 0 {
        let (are, them) = if leaks.not_listed == 1 { ("is", "it") } else { ("are", "them") };
        flow.paragraph(
            NOTE,
            &format!("{} more {are} not listed here; the journal has {them}.", grouped(leaks.not_listed)),
        );
    }
}

fn incidents(flow: &mut Flow<'_>, title: &str, incidents: &[Incident]) {
    flow.heading(title);
    if incidents.is_empty() {
        flow.paragraph(BODY, "None.");
        return;
    }
    let rows = incidents.iter().map(|incident| {
        let pass = incident.pass.as_deref().unwrap_or_default();
        let what =
            [pass, incident.outcome.as_deref().unwrap_or_default(), incident.reason.as_deref().unwrap_or_default()];
        vec![
            Cell::code(&*incident.session_id),
            Cell::number(incident.turn),
            Cell::text(&*incident.at).quiet(),
            Cell::number(incident.count),
            Cell::text(what.join(" ").trim()).quiet(),
        ]
    });
    let columns = [
        Column("Session", 0.34),
        Column("Turn", 0.08),
        Column("When", 0.24),
        Column("Count", 0.09),
        Column("What", 0.25),
    ];
    flow.table(&columns, rows.collect());
}

fn retention(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Retention attestation");
    let rows = report.retention.iter().map(|kept| {
        let days = match kept.days {
            Some(0) => "not kept".to_owned(),
            Some(days) => counted(days.into(), "day", "days"),
            None => "until deleted".to_owned(),
        };
        vec![Cell::text(kept.what), Cell::text(days).bold(Ink::TEXT), Cell::text(&*kept.rule).quiet()]
    });
    flow.table(&[Column("What", 0.36), Column("For", 0.16), Column("How", 0.48)], rows.collect());
    if report.erasures.is_empty() {
        return;
    }
    flow.paragraph(
        NOTE,
        "Erased on request since the start of the period. The tokens of these values no longer resolve.",
    );
    let rows = report.erasures.iter().map(|erasure| {
        vec![
            Cell::text(&*erasure.at),
            Cell::text(&*erasure.by),
            Cell::number(erasure.values),
            Cell::number(erasure.payloads),
        ]
    });
    let columns = [Column("When", 0.36), Column("By", 0.16), Column("Values", 0.24), Column("Session texts", 0.24)];
    flow.table(&columns, rows.collect());
}

fn agreements(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Business associate agreements");
    flow.paragraph(
        NOTE,
        "The parties that handle the data of each agent, from the caller to the model, with the agreements that the operator \
         recorded. Masker does not verify them.",
    );
    let rows = report.baa_chain.iter().map(|party| {
        let ink = match party.agreement.as_str() {
            "signed" | "not_required" => Ink::GOOD,
            "unsigned" => Ink::BAD,
            _ => Ink::FAIR,
        };
        vec![
            Cell::text(&*party.agent),
            Cell::text(party.role.replace('_', " ")),
            Cell::text(&*party.name),
            Cell::text(party.sees),
            Cell::text(party.agreement.replace('_', " ")).bold(ink),
            Cell::text(party.reference.as_deref().unwrap_or_default()).quiet(),
        ]
    });
    let columns = [
        Column("Agent", 0.18),
        Column("Role", 0.13),
        Column("Who", 0.24),
        Column("Sees", 0.13),
        Column("Agreement", 0.14),
        Column("Filed", 0.18),
    ];
    flow.table(&columns, rows.collect());
}

fn redactions(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Values masked");
    flow.heading("By kind");
    bars(flow, &report.redactions_by_kind);
    flow.heading("By pass");
    bars(flow, &report.redactions_by_pass);
}

fn bars(flow: &mut Flow<'_>, counts: &std::collections::BTreeMap<String, u64>) {
    let mut bars: Vec<(String, u64)> = counts.iter().map(|(name, count)| (name.clone(), *count)).collect();
    bars.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    match bars.is_empty() {
        true => flow.paragraph(BODY, "None."),
        false => flow.bars(&bars),
    }
}

fn transcripts(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Masked transcripts");
    if let Some(note) = &report.masked_transcripts_note {
        flow.paragraph(BODY, note);
    }
    for transcript in &report.masked_transcripts {
        flow.heading(&format!("{}, {}", transcript.agent_name, transcript.started_at));
        flow.paragraph(CODE, &transcript.session_id);
        let rows = transcript.messages.iter();
        let rows = rows.map(|line| vec![Cell::text(&*line.role).quiet(), Cell::text(&*line.text)]);
        flow.table(&[Column("Role", 0.12), Column("What the model received", 0.88)], rows.collect());
    }
}

fn integrity(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Journal integrity");
    let journal = &report.journal_integrity;
    let rows = vec![
        vec![Cell::text("Verified"), Cell::text("yes").bold(Ink::GOOD)],
        vec![Cell::text("Checked"), Cell::text(journal.method)],
        vec![Cell::text("First hash"), Cell::code(&*journal.start_hash)],
        vec![Cell::text("Last hash"), Cell::code(&*journal.end_hash)],
        vec![Cell::text("Events in the journal"), Cell::text(grouped(journal.event_count))],
        vec![Cell::text("Events of this report"), Cell::text(grouped(journal.events_in_scope))],
        vec![Cell::text("Merkle root of this report"), Cell::code(&*report.merkle_root_hex)],
    ];
    flow.table(&[Column("", 0.26), Column("", 0.74)], rows);
}

fn configuration(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Configuration");
    flow.heading("Agents");
    let agents = report.configuration.agents.iter().map(|agent| {
        let name = if agent.deleted { format!("{} (deleted)", agent.name) } else { agent.name.clone() };
        vec![
            Cell::text(name),
            Cell::code(&*agent.id),
            Cell::text(&*agent.upstream),
            Cell::text(&*agent.platform),
            Cell::text(format!("{} v{}, {}", agent.policy_name, agent.policy_version, agent.tokenization)),
        ]
    });
    let columns = [
        Column("Name", 0.18),
        Column("ID", 0.28),
        Column("Upstream", 0.18),
        Column("Platform", 0.11),
        Column("Policy, tokens", 0.25),
    ];
    flow.table(&columns, agents.collect());
    flow.heading("Plugins");
    let plugins = report.configuration.plugins.iter();
    let plugins = plugins
        .map(|plugin| vec![Cell::text(&*plugin.name), Cell::text(&*plugin.version), Cell::code(&*plugin.sha256)]);
    flow.table(&[Column("Name", 0.16), Column("Version", 0.12), Column("SHA-256", 0.72)], plugins.collect());
    for policy in &report.policy_snapshot {
        flow.heading(&format!("Policy {} version {}", policy.name, policy.version));
        if let Some(digest) = &policy.digest {
            flow.paragraph(CODE, &format!("sha-256 {digest}"));
        }
        match &policy.yaml {
            Some(yaml) => flow.paragraph(CODE, yaml.trim_end()),
            None => flow.paragraph(NOTE, "This version is no longer stored."),
        }
    }
}

fn appendix(flow: &mut Flow<'_>, report: &Report) {
    flow.section("Appendix: sessions");
    if report.sessions.is_empty() {
        flow.paragraph(BODY, "There were no sessions in this period.");
        return;
    }
    let (listed, all) = (report.sessions.len() as u64, report.summary.sessions);
    if listed < all {
        flow.paragraph(
            NOTE,
            &format!(
                "The first {} of {} sessions. The digest is SHA-256 over one line per session, listed or not: ID, space, root.",
                grouped(listed),
                grouped(all)
            ),
        );
        flow.paragraph(CODE, &format!("sha-256 {}", report.sessions_digest_hex));
    }
    let rows = report.sessions.iter();
    let rows = rows.map(|session| vec![Cell::code(&*session.id), Cell::code(&*session.merkle_root_hex)]);
    flow.table(&[Column("Session", 0.34), Column("Merkle root", 0.66)], rows.collect());
}

/// Singular or plural, depending on the count.
fn noun(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// The count with its noun.
fn counted(count: u64, one: &'static str, many: &'static str) -> String {
    format!("{} {}", grouped(count), noun(count, one, many))
}
