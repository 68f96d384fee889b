//! Masker keeps protected data out of LLMs during phone calls.
//!
//! The modules, in the order in which they may use each other (each only those further down):
//! [`cli`] > [`http`] > [`app`] > [`pipeline`] > edges ([`store`], [`wasm`], [`upstream`], [`github`], [`callback`]), [`pdf`] > base
//! ([`telemetry`], [`config`], [`files`]). Below all of them are crates of their own: [`masker_core`] decides and does nothing else, [`masker_client`]
//! has what the programs of the command line share. ARCHITECTURE.md follows three requests through them.

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
