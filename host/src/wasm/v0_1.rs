//! Bindings of `wit/v0.1`, and conversion to the host's own types. A later contract gets its own file and converts to
//! the same types, so that no other code depends on the contract version of a plugin.

use super::findings::RawFinding;

wasmtime::component::bindgen!({
    path: "../wit/v0.1",
    world: "plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub use exports::masker::plugin::pass::{Error, FindingParam, FindingResult, Manifest, Message as MessageParam};

/// The exported interface of a plugin, without its version.
pub const INTERFACE: &str = "masker:plugin/pass@";
/// The supported versions: `0.1.x`.
pub const VERSION: &str = "0.1.";

impl From<FindingResult> for RawFinding {
    fn from(finding: FindingResult) -> Self {
        Self {
            message: finding.message,
            start: finding.start,
            end: finding.end,
            kind: finding.kind,
            confidence: finding.confidence,
            action: finding.action,
            replacement: finding.replacement,
        }
    }
}
