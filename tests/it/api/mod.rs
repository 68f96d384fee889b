//! The management API and the health check: status, body, errors.

mod agent_changes;
mod agents;
mod audit;
mod auth;
mod contract;
mod erasures;
mod errors;
mod github;
mod headers;
mod health;
mod lanes;
pub mod lists;
mod mask;
mod metrics;
mod payloads;
mod plugin_changes;
mod plugins;
mod policies;
mod rate_limits;
mod reports;
mod retention;
mod session_stream;
mod sessions;
mod sign_in;
mod synthesize;
mod tokens;
mod vault;

use axum::body::Body;
use hyper::Request;
use masker::ids::AccountId;
use masker::store::api_tokens::NewApiToken;
use masker_tests::TestApp;
use masker_tests::test_app::Answer;

/// A secret with these scopes, for the owner's account unless another is named.
pub async fn token(app: &TestApp, account: Option<AccountId>, scopes: &[&str]) -> String {
    let store = app.app().store();
    let new = NewApiToken {
        account_id: account.unwrap_or_else(|| store.first_account()),
        name: "of a test".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
        created_by: None,
        made_with: None,
    };
    let (_, secret) = store.create_api_token(new).await.expect("a token can be made");
    secret.expose().clone()
}

/// Another account of the same install, inserted directly: no API creates one yet.
fn another_account(app: &TestApp) -> AccountId {
    let account = AccountId::generate();
    let database = rusqlite::Connection::open(&app.app().config.database).expect("the database can be opened");
    database
        .execute("INSERT INTO accounts (id, name, plan, created_at) VALUES (?1, 'Other', 'beta', 0)", [account.text()])
        .expect("an account can be added");
    account
}

/// Sends a request with this `Authorization` header, or none.
async fn send(app: &TestApp, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    app.request(request.body(Body::from(body.to_owned())).expect("a sound request")).await
}
