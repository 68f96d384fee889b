//! Plugins that misbehave, and what the caller, the journal and the metric see of it; what is refused at install; what
//! is kept on disk and what is not.

mod author;
mod cache;
mod contracts;
mod faults;
mod folder;
mod install;
mod linear;
mod memo;
mod selection;
