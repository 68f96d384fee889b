//! What a list of sessions is asked for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::clock::Timestamp;
use crate::http::error::{ApiError, Detail};
use crate::http::page::PageQuery;
use crate::http::since;
use crate::ids::{AccountId, AgentId};
use crate::session::Status;
use crate::store::sessions::{SessionCursor, SessionFilter};
use crate::tokens::call_name::CallNames;

/// How far back a list goes that does not say so.
const SINCE: &str = "24h";
/// The proxy takes no longer names of calls.
const LONGEST_CALL_ID: usize = 256;

/// `limit`, `cursor`, `since`, `agent_id`, `status`, `min_redactions`, `call_id`; the last four still as texts.
pub struct SessionQuery(PageQuery<SessionCursor>);

impl<S: Send + Sync> FromRequestParts<S> for SessionQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        PageQuery::from_request_parts(parts, state).await.map(Self)
    }
}

impl SessionQuery {
    /// Checks it. `of` is the agent of the path; without one the query may name one.
    pub fn filter(
        &self,
        account: AccountId,
        of: Option<AgentId>,
        names: &CallNames,
        now: Timestamp,
    ) -> Result<SessionFilter, ApiError> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, message: &str| wrong.push(Detail { field: field.into(), message: message.into() });
        let since = since::parse(self.0.value("since").unwrap_or(SINCE), now);
        if since.is_none() {
            note("since", since::FORM);
        }
        let agent = self.0.value("agent_id").map(str::parse::<AgentId>);
        if let Some(Err(error)) = &agent {
            note("agent_id", &error.to_string());
        }
        let status = self.0.value("status").map(Status::from_word);
        if status == Some(None) {
            note("status", "must be ok, error or partial");
        }
        let min_redactions = self
            .0
            .value("min_redactions")
            .map(|text| text.parse::<u64>().ok().filter(|count| i64::try_from(*count).is_ok()));
        if min_redactions == Some(None) {
            note("min_redactions", "must be a whole number");
        }
        let call_id = self.0.value("call_id");
        if call_id.is_some_and(|call| !(1..=LONGEST_CALL_ID).contains(&call.len())) {
            note("call_id", "must have 1 to 256 bytes");
        }
        if !wrong.is_empty() {
            return Err(ApiError::validation(wrong));
        }
        Ok(SessionFilter {
            account,
            agent: of.or(agent.and_then(Result::ok)),
            call_id: call_id.map(|given| names.sought(given)),
            since,
            status: status.flatten(),
            min_redactions: min_redactions.flatten(),
            cursor: self.0.cursor,
            limit: self.0.limit,
        })
    }
}
