//! Query parameters of session lists.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::schema::Object;

use crate::clock::Timestamp;
use crate::http::error::ApiError;
use crate::http::mistakes::Mistakes;
use crate::http::openapi::schemas::one_of;
use crate::http::page::PageQuery;
use crate::http::since;
use crate::ids::{AccountId, AgentId};
use crate::session::Status;
use crate::store::sessions::{self, SessionCursor};
use crate::tokens::call_name::CallNames;

/// Default of `since`.
const SINCE: &str = "24h";
/// Limit of a call id in bytes: the proxy accepts no longer ones.
const LONGEST_CALL_ID: usize = 256;

/// Filters of a session list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionFilter {
    /// Start of the range: a duration before now (`90m`, `24h`, `7d`, `2w`) or a time.
    #[param(default = "24h", example = "24h")]
    pub since: Option<String>,
    /// Outcome of the session.
    #[param(schema_with = session_status)]
    pub status: Option<String>,
    /// Minimum number of masked spans.
    #[param(minimum = 0)]
    pub min_redactions: Option<u64>,
    /// Only sessions of this call, by the platform's call id or by the hash shown in sessions.
    #[param(min_length = 1, max_length = 256)]
    pub call_id: Option<String>,
}

fn session_status() -> Object {
    one_of(&["ok", "error", "partial"])
}

/// `limit`, `cursor`, `since`, `agent_id`, `status`, `min_redactions`, `call_id`; the last four not parsed yet.
pub struct SessionQuery(PageQuery<SessionCursor>);

impl<S: Send + Sync> FromRequestParts<S> for SessionQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        PageQuery::from_request_parts(parts, state).await.map(Self)
    }
}

impl SessionQuery {
    /// Validates the filters. `of` is the agent in the path; without one, the query may name an agent.
    pub fn filter(
        &self,
        account: AccountId,
        of: Option<AgentId>,
        names: &CallNames,
        now: Timestamp,
    ) -> Result<sessions::SessionFilter, ApiError> {
        let mut wrong = Mistakes::default();
        let given = |name: &str| self.0.value(name);
        let since = given("since").unwrap_or(SINCE);
        let since = wrong.check("since", Some(since), |text| since::parse(text, now), since::FORM);
        let agent = wrong.check(
            "agent_id",
            given("agent_id"),
            |text| text.parse().ok(),
            "must be an id of the form agt_ followed by 26 characters",
        );
        let status = wrong.check("status", given("status"), Status::from_word, "must be ok, error or partial");
        let count = |text: &str| text.parse().ok().filter(|count: &u64| i64::try_from(*count).is_ok());
        let min_redactions = wrong.check("min_redactions", given("min_redactions"), count, "must be a whole number");
        let call = |call: &str| (1..=LONGEST_CALL_ID).contains(&call.len()).then(|| names.sought(call));
        let call_id = wrong.check("call_id", given("call_id"), call, "must have 1 to 256 bytes");
        let (cursor, limit) = (self.0.cursor, self.0.limit);
        let agent = of.or(agent);
        wrong.refuse_or(
            sessions::SessionFilter { account, agent, call_id, since, status, min_redactions, cursor, limit },
            &[],
        )
    }
}
