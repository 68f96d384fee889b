//! Service tests: the real app, through its router or on a real port, with a fake upstream.

mod api;
mod connections;
mod docs;
mod promises;
mod proxy;
mod sandbox;
mod support;
mod tidy;
mod webhook;
