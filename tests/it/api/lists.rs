//! Properties of every list. A list's own tests call [`check_list`] with its [`Rows`].

use std::collections::BTreeSet;

use hyper::StatusCode;
use masker_tests::TestApp;
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};

use super::token;

/// Inserts and removes the rows of a list.
pub trait Rows {
    /// The list's path. With a query of its own it ends in `&`, else in `?`.
    fn path(&self) -> String;
    /// Inserts a row and returns its identifier.
    async fn insert(&mut self, app: &TestApp) -> String;
    /// Removes a row; returns `false` for a list without removal.
    async fn remove(&mut self, app: &TestApp, id: &str) -> bool;
    /// The identifier of a row in the response.
    fn id(&self, row: &Value) -> String {
        row["id"].as_str().expect("a row has an id").to_owned()
    }
}

/// Walks a list, with pages of several sizes, while rows are inserted during pages and removed between them: no row
/// that exists throughout is skipped or repeated. Then sends every invalid query.
pub async fn check_list(app: &TestApp, rows: &mut impl Rows) {
    for _ in 0..7 {
        rows.insert(app).await;
    }
    for limit in 1..=4 {
        walk(app, rows, limit).await;
    }
    check_query(app, rows).await;
}

async fn walk(app: &TestApp, rows: &mut impl Rows, limit: usize) {
    let before = all(app, rows).await;
    let (mut seen, mut removed): (Vec<String>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let mut cursor = None;
    loop {
        let path = rows.path();
        let (answer, _) = tokio::join!(ask(app, &path, limit, cursor.as_deref()), rows.insert(app));
        let (page, next) = read(rows, &answer);
        assert!(page.len() <= limit && (next.is_none() || page.len() == limit), "a page of {limit} has {}", page.len());
        seen.extend(page);
        let Some(next) = next else { break };
        cursor = Some(next);
        // The row at the cursor, and one that is still to come.
        let last = seen.last().expect("a page that is not the last has rows").clone();
        let coming = before.iter().rfind(|id| !seen.contains(id) && !removed.contains(*id)).cloned();
        for id in [Some(last), coming].into_iter().flatten() {
            if rows.remove(app, &id).await {
                removed.insert(id);
            }
        }
    }
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "a row came twice: {seen:?}");
    let stayed: Vec<&String> = before.iter().filter(|id| !removed.contains(*id)).collect();
    let seen: Vec<&String> = seen.iter().filter(|id| stayed.contains(id)).collect();
    assert_eq!(seen, stayed, "with pages of {limit}");
}

async fn check_query(app: &TestApp, rows: &impl Rows) {
    let ask = async |query: &str| app.api("GET", &format!("{}{query}", rows.path()), &Value::Null).await;
    for limit in ["0", "101", "-1", "1.5", "ten", ""] {
        check_field(&ask(&format!("limit={limit}")).await, "limit");
    }
    for limit in [1, 100] {
        assert_eq!(ask(&format!("limit={limit}")).await.status, StatusCode::OK, "{limit}");
    }
    let (_, cursor) = page(app, rows, 1, None).await;
    let cursor = cursor.expect("there is more than one row");
    let changed = if cursor.starts_with('A') { "B" } else { "A" };
    let foreign = foreign_cursor(app, rows).await;
    for garbled in ["", "x", &cursor[1..], &format!("{changed}{}", &cursor[1..]), &format!("{cursor}A"), &foreign] {
        check_field(&ask(&format!("cursor={garbled}")).await, "cursor");
    }
    assert_eq!(ask("colour=red").await.status, StatusCode::OK, "a parameter that nobody knows is ignored");
}

/// A cursor of another list.
async fn foreign_cursor(app: &TestApp, rows: &impl Rows) -> String {
    let other = if rows.path().starts_with("/api/v1/tokens") { "/api/v1/agents" } else { "/api/v1/tokens" };
    for name in ["x", "y"] {
        token(app, None, &["agents:read"]).await;
        let agent = json!({"name": name, "upstream": "stub", "policy_yaml": STAFF_POLICY});
        app.api("POST", "/api/v1/agents", &agent).await;
    }
    let page = app.api("GET", &format!("{other}?limit=1"), &Value::Null).await.json();
    page["next_cursor"].as_str().expect("there is more than one").to_owned()
}

async fn all(app: &TestApp, rows: &impl Rows) -> Vec<String> {
    let (ids, next) = page(app, rows, 100, None).await;
    assert_eq!(next, None, "too many rows for this test");
    ids
}

async fn page(app: &TestApp, rows: &impl Rows, limit: usize, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    read(rows, &ask(app, &rows.path(), limit, cursor).await)
}

async fn ask(app: &TestApp, path: &str, limit: usize, cursor: Option<&str>) -> Answer {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    app.api("GET", &format!("{path}limit={limit}{cursor}"), &Value::Null).await
}

fn read(rows: &impl Rows, answer: &Answer) -> (Vec<String>, Option<String>) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body.as_object().map(|fields| fields.len()), Some(2), "a page is data and next_cursor: {body}");
    let ids = body["data"].as_array().expect("rows").iter().map(|row| rows.id(row)).collect();
    (ids, body["next_cursor"].as_str().map(str::to_owned))
}

#[track_caller]
fn check_field(answer: &Answer, field: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "validation_failed"), "{}", answer.text());
    assert_eq!(answer.json()["error"]["details"][0]["field"], field);
}

struct Tokens {
    /// The token that the test itself uses must not be removed.
    own: String,
}

impl Rows for Tokens {
    fn path(&self) -> String {
        "/api/v1/tokens?".into()
    }

    async fn insert(&mut self, app: &TestApp) -> String {
        let made = app.api("POST", "/api/v1/tokens", &json!({"name": "x", "scopes": ["agents:read"]})).await;
        made.json()["token"]["id"].as_str().expect("an id").to_owned()
    }

    async fn remove(&mut self, app: &TestApp, id: &str) -> bool {
        let path = format!("/api/v1/tokens/{id}");
        id != self.own && app.api("DELETE", &path, &Value::Null).await.status == StatusCode::NO_CONTENT
    }
}

#[tokio::test]
async fn the_list_of_tokens() {
    let app = TestApp::start().await;
    let mut rows = Tokens { own: String::new() };
    rows.own = all(&app, &rows).await.pop().expect("the test's own token");
    check_list(&app, &mut rows).await;
    app.finish().await;
}

struct Agents {
    made: usize,
}

impl Rows for Agents {
    fn path(&self) -> String {
        "/api/v1/agents?name_contains=LIST&".into()
    }

    async fn insert(&mut self, app: &TestApp) -> String {
        self.made += 1;
        let name = format!("of the list {}", self.made);
        app.create_agent(json!({"name": name, "upstream": "stub", "policy_yaml": STAFF_POLICY})).await.id
    }

    async fn remove(&mut self, app: &TestApp, id: &str) -> bool {
        app.api("DELETE", &format!("/api/v1/agents/{id}"), &Value::Null).await.status == StatusCode::NO_CONTENT
    }
}

#[tokio::test]
async fn the_list_of_agents() {
    let app = TestApp::start().await;
    check_list(&app, &mut Agents { made: 0 }).await;
    app.finish().await;
}
