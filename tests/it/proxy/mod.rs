//! `POST /proxy/{agent}/v1/chat/completions`.

mod bad_input;
mod fields;
mod plain;
mod stream;
mod tokens;
mod tools;
mod upstream_faults;
