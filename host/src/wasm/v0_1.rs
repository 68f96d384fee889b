//! Bindings of `wit/v0.1` and the conversion to the host's own types. A later contract gets a file beside this one
//! and converts to the same types, so that nothing else knows which version a plugin speaks.

use super::findings::RawFinding;

wasmtime::component::bindgen!({
    path: "../wit/v0.1",
    world: "plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub use exports::masker::plugin::pass::{Error, FindingParam, FindingResult, Manifest, Message as MessageParam};

/// The interface a plugin exports, without its version.
pub const INTERFACE: &str = "masker:plugin/pass@";
/// The versions this module speaks: `0.1.x`.
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
