//! Plugins that misbehave, and what the caller, the journal and the metric see of it; rejections at install; what is
//! stored on disk.

mod author;
mod cache;
mod contracts;
mod faults;
mod folder;
mod install;
mod linear;
mod memo;
mod selection;
