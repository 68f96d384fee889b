//! DEVICE: serial numbers and other device identifiers, by key phrase.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "serial number",
        "serial no",
        "serial num",
        "serial",
        "device id",
        "device identifier",
        "device number",
        "device serial",
        "device serial number",
        "udi",
        "udid",
        "pacemaker serial",
        "pacemaker serial number",
        "implant serial number",
        "pump serial number",
        "implant id",
        "hardware id",
        "android id",
        "imsi",
        "iccid",
        "sim number",
        "sim card number",
        "s n",
        "lot number",
        "equipment id",
        "asset tag",
        "unique device identifier",
    ],
    weak: &["device", "pacemaker", "implant", "pump", "sensor", "lot"],
    cued,
    ..Rule::new(Kind::Device)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.strong { is_plausible(code, 4, 40).then_some(0.9) } else { is_plausible(code, 6, 40).then_some(0.7) }
}
