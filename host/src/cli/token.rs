//! `masker token create`: creates an API token on the machine itself.

use std::io::Write;

use serde_json::{Value, json};

use super::Output;
use super::exit::{self, Failure};
use super::install::{Install, Opened};
use super::remote::Body;
use crate::app::token_event;
use crate::audit::event::EventKind;
use crate::config::Environment;
use crate::name;
use crate::store::api_tokens::{NewApiToken, sound_scopes};

/// Creates a token for the owner's account and prints its secret.
pub fn create(name: &str, scopes: &[String], environment: &Environment, output: Output) -> Result<(), Failure> {
    name::check(name).map_err(|fault| Failure::new(exit::USAGE, format!("--name {fault}")))?;
    let scopes = sound_scopes(scopes).ok_or_else(|| Failure::new(exit::USAGE, "--scope: unknown scope"))?;
    let token = match Install::find(environment, "masker token create", output)? {
        Install::Running(service) => {
            let body = Body::Json(json!({"name": name, "scopes": scopes}));
            service.json("POST", "/api/v1/tokens", body)?["token"].take()
        }
        Install::Stopped(opened) => opened.with(async |opened| make(opened, name, scopes).await)?,
    };
    let mut out = std::io::stdout();
    exit::written(if output.json {
        let field = |name: &str| &token[name];
        let shown = json!({
            "id": field("id"), "name": field("name"), "scopes": field("scopes"), "secret": field("secret"),
        });
        writeln!(out, "{shown}")
    } else {
        writeln!(out, "{}", token["secret"].as_str().unwrap_or_default())
    })
}

/// Creates the token in the files of the install. Like the API, it writes the journal first.
async fn make(opened: &Opened, name: &str, scopes: Vec<String>) -> Result<Value, Failure> {
    let new = NewApiToken {
        account_id: opened.store.first_account(),
        name: name.to_owned(),
        scopes,
        expires_at: None,
        created_by: None,
        made_with: None,
    };
    let token = new.made_at(opened.clock.now());
    opened.record(token_event(EventKind::TokenCreated, &token, opened.clock.now())).await?;
    let secret = opened.store.insert_api_token(token.clone()).await?;
    Ok(json!({"id": token.id.text(), "name": token.name, "scopes": token.scopes, "secret": secret.expose()}))
}
