//! Masker's pure logic: policies, tokens, the audit chain, chat completions. No network, no disk, no plugins and no
//! threads.
//!
//! The modules, in dependency order (each uses only those to its right):
//! [`report`] > [`session`] > [`tokens`] > [`passes`] > [`policy`] > [`audit`] > [`chat`], [`vapi`], [`values`] >
//! [`keys`], [`text`], [`name`], [`ids`], [`kind`], [`action`], [`clock`], [`sensitive`].

pub mod action;
pub mod audit;
pub mod chat;
pub mod clock;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod name;
pub mod passes;
pub mod policy;
pub mod report;
pub mod sensitive;
pub mod session;
pub mod text;
pub mod tokens;
pub mod values;
pub mod vapi;
