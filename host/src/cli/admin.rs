//! `masker admin login-link`: creates a sign-in link for the operator, on the machine itself.

use std::io::Write;

use serde_json::{Value, json};

use super::Output;
use super::exit::{self, Failure};
use super::install::{Install, Opened};
use super::remote::Body;
use crate::app::login_url;
use crate::config::Environment;
use crate::http::admin_socket::LOGIN_LINK;

/// Creates a link and prints it.
pub fn login_link(environment: &Environment, output: Output) -> Result<(), Failure> {
    let link = match Install::find(environment, "masker admin login-link", output)? {
        Install::Running(service) => service.json("POST", LOGIN_LINK, Body::Empty)?,
        Install::Stopped(opened) => opened.with(make)?,
    };
    let text = |field: &str| link[field].as_str().unwrap_or_default();
    let mut out = std::io::stdout();
    exit::written(if output.json {
        writeln!(out, "{}", json!({"url": text("url"), "expires_at": text("expires_at")}))
    } else {
        writeln!(out, "{}", text("url"))
    })?;
    if !output.quiet && !output.json {
        let _ = writeln!(std::io::stderr(), "The link works once and expires at {}.", text("expires_at"));
    }
    Ok(())
}

async fn make(opened: &Opened) -> Result<Value, Failure> {
    let (secret, expires_at) = opened.store.create_login_link().await?;
    Ok(json!({"url": login_url(&opened.config.public_url, &secret), "expires_at": expires_at.to_string()}))
}
