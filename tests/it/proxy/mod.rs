//! `POST /proxy/{agent}/v1/chat/completions`.

mod bad_input;
mod disconnect;
mod door;
mod fields;
mod plain;
mod sessions;
mod stream;
mod synthetic;
mod tokens;
mod tools;
mod upstream_faults;
mod upstream_forms;
