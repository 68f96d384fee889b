//! `POST /proxy/{agent}/v1/chat/completions`.

mod bad_input;
mod disconnect;
mod door;
mod fields;
mod json_answers;
mod log_lines;
mod plain;
mod positions;
mod sessions;
mod shapes;
mod stream;
mod sweep;
mod synthetic;
mod tokens;
mod tools;
mod upstream_faults;
mod upstream_forms;
