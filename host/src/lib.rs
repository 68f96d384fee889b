//! Masker keeps protected data out of LLMs during phone calls.
//!
//! The modules in layers, each of which uses only those below it: [`cli`] > [`http`] > [`app`] > [`pipeline`] > edges
//! ([`store`], [`wasm`], [`upstream`], [`github`], [`callback`]), [`pdf`] > base ([`telemetry`], [`config`],
//! [`files`]). Two separate crates are below all of them: [`masker_core`] has the decision logic without I/O,
//! [`masker_client`] is shared by the command-line programs. ARCHITECTURE.md follows three requests through the
//! layers.

pub mod app;
pub mod callback;
pub mod cli;
pub mod config;
pub mod files;
pub mod github;
pub mod http;
pub mod pdf;
pub mod pipeline;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod wasm;

pub use masker_client::https;
pub use masker_core::{
    action, audit, chat, clock, ids, keys, kind, name, passes, policy, report, sensitive, session, text, tokens,
    values, vapi,
};
