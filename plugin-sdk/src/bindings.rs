//! The contract's bindings and the glue to [`crate::Pass`]. Not part of the SDK's interface: `register_pass!` is.
#![allow(missing_docs)]

use std::sync::OnceLock;

use crate::pass;

wit_bindgen::generate!({
    path: "wit",
    world: "plugin",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "masker_plugin_sdk::bindings",
});

pub use exports::masker::plugin::pass::{Error, Finding, Guest, Manifest, Message};

pub fn describe<P: pass::Pass>() -> Manifest {
    let manifest = P::manifest();
    Manifest {
        name: manifest.name.into(),
        version: manifest.version.into(),
        description: manifest.description.into(),
        kinds: manifest.kinds.iter().map(|kind| (*kind).into()).collect(),
        config_schema: <P::Settings as crate::Settings>::schema(),
        offset_unit: match manifest.offset_unit {
            pass::OffsetUnit::Utf8 => "utf-8",
            pass::OffsetUnit::Utf16 => "utf-16",
            pass::OffsetUnit::CodePoint => "code-point",
        }
        .into(),
    }
}

pub fn configure<P: pass::Pass>(slot: &OnceLock<P>, config: &str) -> Result<(), Error> {
    let settings =
        serde_json::from_str(config).map_err(|error| pass::Error::invalid_config(error.to_string(), None))?;
    let pass = P::configure(settings)?;
    slot.set(pass).map_err(|_| pass::Error::internal("configure was called twice").into())
}

pub fn detect<P: pass::Pass>(
    slot: &OnceLock<P>,
    messages: Vec<Message>,
    earlier: Vec<Finding>,
) -> Result<Vec<Finding>, Error> {
    let pass = slot.get().ok_or_else(|| pass::Error::internal("detect was called before configure"))?;
    let messages: Vec<_> = messages.into_iter().map(pass::Message::from).collect();
    let earlier: Vec<_> = earlier.into_iter().map(pass::Finding::from).collect();
    let found = pass.detect(&messages, &earlier)?;
    Ok(found.into_iter().map(Finding::from).collect())
}

impl From<pass::Error> for Error {
    fn from(error: pass::Error) -> Self {
        Self { code: error.code, message: error.message, path: error.path }
    }
}

impl From<Message> for pass::Message {
    fn from(message: Message) -> Self {
        Self { role: message.role, text: message.text, search: message.search }
    }
}

impl From<Finding> for pass::Finding {
    fn from(finding: Finding) -> Self {
        Self {
            message: finding.message as usize,
            span: finding.start as usize..finding.end as usize,
            kind: finding.kind.into(),
            confidence: finding.confidence,
            action: finding.action,
            replacement: finding.replacement,
        }
    }
}

impl From<pass::Finding> for Finding {
    fn from(finding: pass::Finding) -> Self {
        // Positions that do not fit become ones that the host refuses, never ones that it would accept.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            message: position(finding.message),
            start: position(finding.span.start),
            end: position(finding.span.end),
            kind: finding.kind.into_owned(),
            confidence: finding.confidence,
            action: finding.action,
            replacement: finding.replacement,
        }
    }
}
