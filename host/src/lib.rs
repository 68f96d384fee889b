//! Masker keeps protected data out of LLMs during phone calls.
//!
//! The modules, in the order in which they may use each other (each only those further down):
//! [`cli`] > [`http`] > [`app`] > [`pipeline`] > edges ([`store`], [`wasm`], [`upstream`], [`github`], [`callback`]) > core
//! ([`report`], [`session`], [`tokens`], [`passes`], [`policy`], [`audit`], [`chat`], [`vapi`]) > base ([`telemetry`], [`https`], [`config`], [`keys`],
//! [`files`], [`text`], [`name`], [`ids`], [`kind`], [`clock`], [`sensitive`]). ARCHITECTURE.md follows three requests through them.

pub mod app;
pub mod audit;
pub mod callback;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod files;
pub mod github;
pub mod http;
pub mod https;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod name;
pub mod passes;
pub mod pipeline;
pub mod policy;
pub mod report;
pub mod sensitive;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod tokens;
pub mod upstream;
pub mod vapi;
pub mod wasm;
