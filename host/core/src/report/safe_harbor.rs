//! The eighteen identifiers of HIPAA's Safe Harbor method, 45 CFR 164.514(b)(2)(i), (A) to (R): how much of each the
//! plugins and policies in force detect. A status is computed from a measurement or is `in_progress`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::kind::Kind;
use crate::policy::{CompiledPolicy, Media};

/// Result of `masker eval --coverage` on the bundled test set.
const MEASURED: &str = include_str!("coverage.json");

/// Minimum recall (whole spans) for `full`.
const FULL: f64 = 0.95;
/// Minimum recall for `partial`.
const PARTIAL: f64 = 0.70;

/// Threshold of every kind in `healthcare-default`, with which the recall was measured.
const MEASURED_THRESHOLD: f32 = 0.6;

/// Coverage of one category.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Category {
    /// `A_names` to `R_other`.
    pub key: &'static str,
    /// Title in the rule.
    pub title: &'static str,
    /// Kinds that belong to the category.
    pub kinds: Vec<&'static str>,
    /// `full`, `partial`, `in_progress` or `not_applicable`.
    pub status: &'static str,
    /// Spans found whole, per 1,000; null where nothing was measured. An integer, so that it has only one JSON form.
    pub recall_per_mille: Option<u64>,
    /// Test set, and its number of spans.
    pub measured_on: Option<String>,
    /// Why the status differs from what the recall implies, if it does.
    pub note: Option<String>,
}

/// Key, title and kinds.
const CATEGORIES: [(&str, &str, &[&str]); 18] = [
    ("A_names", "Names", &["NAME"]),
    ("B_geo", "Geographic subdivisions smaller than a state", &["ADDRESS", "ZIP"]),
    ("C_dates", "Dates except the year, and ages over 89", &["DATE", "DOB", "AGE"]),
    ("D_phone", "Telephone numbers", &["PHONE"]),
    ("E_fax", "Fax numbers", &["FAX"]),
    ("F_email", "E-mail addresses", &["EMAIL"]),
    ("G_ssn", "Social security numbers", &["SSN"]),
    ("H_mrn", "Medical record numbers", &["MRN"]),
    ("I_health_plan", "Health plan beneficiary numbers", &["HEALTH_PLAN"]),
    ("J_account", "Account numbers", &["ACCOUNT", "CREDIT_CARD", "IBAN"]),
    ("K_license", "Certificate and license numbers", &["LICENSE"]),
    ("L_vehicle", "Vehicle identifiers, license plates included", &["VEHICLE"]),
    ("M_device", "Device identifiers and serial numbers", &["DEVICE"]),
    ("N_url", "Web addresses", &["URL"]),
    ("O_ip", "IP addresses", &["IP_ADDRESS"]),
    ("P_biometric", "Biometric identifiers", &["BIOMETRIC"]),
    ("Q_photo", "Full-face photographs and comparable images", &[]),
    ("R_other", "Any other unique identifying number or code", &["OTHER_ID", "NATIONAL_ID", "PASSPORT", "USERNAME"]),
];

/// The measurement's file.
#[derive(Deserialize)]
struct Measured {
    passes: Vec<String>,
    sets: Vec<Set>,
    kinds: BTreeMap<String, Counts>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    records: u64,
}

#[derive(Deserialize, Clone, Copy)]
struct Counts {
    spans: u64,
    whole: u64,
}

static COVERAGE: LazyLock<Option<Measured>> = LazyLock::new(|| serde_json::from_str(MEASURED).ok());

/// A policy in force, and which of its plugins are the measured ones.
pub struct InForce<'p> {
    /// The policy.
    pub policy: &'p CompiledPolicy,
    /// Passes whose plugin is byte for byte the bundled one.
    pub as_shipped: Vec<&'p str>,
}

/// The coverage for all policies in force: for each category the lowest of any policy. Without a policy nothing is
/// claimed.
pub fn matrix(policies: &[InForce<'_>]) -> Vec<Category> {
    CATEGORIES
        .iter()
        .map(|(key, title, kinds)| {
            let of_policy = policies.iter().map(|policy| category(key, title, kinds, policy));
            let rank =
                |category: &Category| ["in_progress", "partial", "full"].iter().position(|s| *s == category.status);
            of_policy.min_by_key(rank).unwrap_or_else(|| Category {
                note: Some("no policy was in force".to_owned()),
                ..unmeasured(key, title, kinds)
            })
        })
        .collect()
}

/// Settings of the policy that could lower the recall for these kinds below the measured one.
fn difference(policy: &CompiledPolicy, kinds: &[&'static str]) -> Option<String> {
    if !policy.allow.0.is_empty() {
        return Some("it has an allow list".to_owned());
    }
    kinds.iter().find_map(|kind| {
        let rule = Kind::new(kind).and_then(|kind| policy.rule(&kind).copied())?;
        if rule.threshold > MEASURED_THRESHOLD {
            return Some(format!("its threshold for {kind} is {}", rule.threshold));
        }
        (!rule.regex || !rule.ner).then(|| format!("it does not let every pass find {kind}"))
    })
}

fn unmeasured(key: &'static str, title: &'static str, kinds: &[&'static str]) -> Category {
    Category {
        key,
        title,
        kinds: kinds.to_vec(),
        status: "in_progress",
        recall_per_mille: None,
        measured_on: None,
        note: None,
    }
}

fn category(key: &'static str, title: &'static str, kinds: &[&'static str], in_force: &InForce<'_>) -> Category {
    let open = unmeasured(key, title, kinds);
    let policy = in_force.policy;
    if kinds.is_empty() {
        return match policy.media {
            Media::Block => Category {
                status: "full",
                note: Some(format!("policy {}: images, audio and files are never sent", policy.name)),
                ..open
            },
            Media::Pass => {
                Category { note: Some(format!("policy {} passes images, audio and files", policy.name)), ..open }
            }
        };
    }
    let Some(measured) = &*COVERAGE else {
        return Category { note: Some("this build includes no measurement".to_owned()), ..open };
    };
    let missing = measured.passes.iter().find(|pass| !in_force.as_shipped.contains(&pass.as_str()));
    let masked = |kind: &str| {
        let rule = Kind::new(kind).and_then(|kind| policy.rule(&kind).copied());
        rule.is_some_and(|rule| rule.action != Action::Passthrough)
    };
    let counts = kinds.iter().filter_map(|kind| measured.kinds.get(*kind));
    let (spans, whole) = counts.fold((0, 0), |(spans, whole), one| (spans + one.spans, whole + one.whole));
    if spans == 0 {
        return Category { note: Some("the test set has no spans of this category".to_owned()), ..open };
    }
    let recall = whole as f64 / spans as f64;
    let sets: Vec<String> = measured.sets.iter().map(|set| format!("{} ({} texts)", set.name, set.records)).collect();
    let measured_on = Some(format!("{}, {spans} spans", sets.join(", ")));
    let category = Category { recall_per_mille: Some(whole * 1000 / spans), measured_on, ..open };
    if let Some(kind) = kinds.iter().find(|kind| !masked(kind)) {
        return Category { note: Some(format!("policy {} does not mask {kind}", policy.name)), ..category };
    }
    if let Some(difference) = difference(policy, kinds) {
        let note = format!("policy {} differs from the measured one: {difference}", policy.name);
        return Category { note: Some(note), ..category };
    }
    if let Some(pass) = missing {
        let note =
            format!("policy {}: the pass {pass} is not in force in the bundled version that was measured", policy.name);
        return Category { note: Some(note), ..category };
    }
    let status = match recall {
        _ if recall >= FULL => "full",
        _ if recall >= PARTIAL => "partial",
        _ => "in_progress",
    };
    Category { status, ..category }
}
