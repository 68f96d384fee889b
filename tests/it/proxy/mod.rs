//! `POST /proxy/{agent}/v1/chat/completions`.

mod plain;
