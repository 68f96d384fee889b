//! Test that checks the plan of every query: no query may scan a growing table by accident.
//!
//! Queries are collected from the source: every string in this folder that starts like one, so a new query is covered
//! at once. On a growing table, a query must look up one row by key, or name its index and be listed in [`BOUNDED`]
//! with the reason why it reads few rows or may read many. SQLite does not choose the index: without statistics it
//! chose the worse of two.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::migrations;

/// Small tables, filled by people or with a single row: scanning them is fine.
const SMALL: &[&str] = &[
    "accounts",
    "agents",
    "api_tokens",
    "jobs",
    "journal_checkpoint",
    "keys_seen",
    "login_links",
    "policies",
    "policy_versions",
    "sign_ins",
    "sqlite_master",
    "used_oauth_states",
    "users",
];

/// Aliases that queries give to tables.
const ALIASES: &[(&str, &str)] = &[
    ("p", "policies"),
    ("v", "policy_versions"),
    ("earlier", "sessions"),
    ("made", "api_tokens"),
    ("family", "api_tokens"),
];

/// Queries that read more than one row of a growing table: file, part of the query, and what bounds it.
const BOUNDED: &[(&str, &str, &str)] = &[
    ("agents.rs", "instr(name_lower", "a page of agents; of each the rows of one hour, and a day of hours"),
    ("days.rs", "FROM agent_days WHERE agent_id = ?1 AND day", "one row per day of the period"),
    ("days.rs", "AS earlier INDEXED BY sessions_by_call", "once per old row; stops at the first match"),
    ("erasures.rs", "FROM erasures WHERE at", "erasures on demand, which are few"),
    ("erasures.rs", "FROM session_payloads WHERE session_id > ?1", "a step of an erasure: LIMIT"),
    ("erasures.rs", "WHERE kept_since < ?1 LIMIT ?2", "a step of an erasure: LIMIT"),
    ("erasures.rs", "count(*) FROM session_payloads INDEXED BY", "texts erased by time, counted once"),
    ("erasures.rs", "FROM sessions INDEXED BY sessions_by_call", "the turns of one call"),
    ("reports.rs", "SELECT count(*) FROM sessions", "the turns of one call"),
    ("reports/rows.rs", "ORDER BY started_at LIMIT 1", "one row"),
    ("reports/rows.rs", "begins_call FROM sessions", "a report: its first day, and sessions that began after its end"),
    ("reports/rows.rs", "SELECT id, merkle_root", "a report, on its own connection: the hash is over all its sessions"),
    ("reports/rows.rs", "started_at <= ?3 ORDER BY started_at, id LIMIT ?4", "the sessions that a report lists: LIMIT"),
    ("reports/rows.rs", "INDEXED BY sessions_with_incidents", "a report: sessions with incidents only, LIMIT"),
    ("retention.rs", "DELETE FROM sessions", "a step of the hourly pass: LIMIT"),
    ("retention.rs", "DELETE FROM agent_hours", "a step of the hourly pass: LIMIT"),
    ("retention.rs", "DELETE FROM agent_hour_latencies", "a step of the hourly pass: LIMIT"),
    ("retention.rs", "DELETE FROM account_hour_kinds", "a step of the hourly pass: LIMIT"),
    ("retention.rs", "DELETE FROM agent_days", "a step of the hourly pass: LIMIT"),
    ("sessions.rs", "INDEXED BY sessions_uncounted", "a step after an upgrade: LIMIT"),
    (
        "sessions.rs",
        "FROM sessions INDEXED BY sessions_by_call WHERE account_id = ?2",
        "stops at the first row of a call",
    ),
    ("sessions.rs", "SELECT max(rowid) FROM sessions", "the last row"),
    ("sessions.rs", "FROM sessions NOT INDEXED", "rows behind a position, which is at most 10,000 rows from the end"),
    ("stats.rs", "sum(sessions), sum(redactions) FROM agents", "a week of hours of an account's agents"),
    ("stats.rs", "SELECT bucket, sum(sessions) FROM agents", "a day of hours of an account's agents"),
    ("stats.rs", "FROM account_hour_kinds WHERE account_id", "a week of hours"),
    ("stats.rs", "FROM sessions INDEXED BY sessions_by_agent", "a week of hours, and the rows of one hour"),
    ("stats.rs", "FROM agent_hour_latencies WHERE agent_id", "a day of hours"),
];

#[test]
fn no_query_reads_more_of_a_table_that_grows_than_it_must() {
    let queries = queries();
    assert!(queries.len() > 60, "the queries are found");
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for with_statistics in [false, true] {
        let conn = database(with_statistics);
        for (file, sql) in &queries {
            let plan = plan(&conn, sql).unwrap_or_else(|error| panic!("{file}: {error}: {sql}"));
            let unbounded: Vec<&String> = plan.iter().filter(|step| is_more_than_one_row(&conn, step)).collect();
            let reads_what_grows = plan.iter().filter_map(|step| table(step)).any(|table| !SMALL.contains(&table));
            let is_sorted = reads_what_grows && plan.iter().any(|step| step.contains("TEMP B-TREE"));
            if unbounded.is_empty() && !is_sorted {
                continue;
            }
            match BOUNDED.iter().position(|(of, part, _)| of == file && sql.contains(part)) {
                Some(reason) => drop(used.insert(reason)),
                None => wrong.push(format!("{file}: not in BOUNDED: {plan:?}\n{sql}")),
            }
            for step in unbounded {
                // A step of a background task takes its next rows from an index.
                let is_step = sql.contains("INDEXED BY") && sql.contains("LIMIT");
                if step.starts_with("SCAN") && !is_step {
                    wrong.push(format!("{file}: reads all of it: {step}\n{sql}"));
                }
                let is_named = sql.contains("INDEXED BY") || sql.contains("NOT INDEXED");
                if !is_named && is_picked(&conn, step) {
                    wrong.push(format!("{file}: SQLite picks the index: {step}\n{sql}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let unused: Vec<_> = (0..BOUNDED.len()).filter(|at| !used.contains(at)).map(|at| BOUNDED[at]).collect();
    assert!(unused.is_empty(), "entries of BOUNDED without a query: {unused:#?}");
}

/// Whether a step of a plan reads more than one row of a growing table.
fn is_more_than_one_row(conn: &Connection, step: &str) -> bool {
    let Some(table) = table(step).filter(|table| !SMALL.contains(table)) else { return false };
    let compared = step.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    let equal: BTreeSet<&str> = compared.split(" AND ").filter_map(|term| term.strip_suffix("=?")).collect();
    let is_key = |key: &Vec<String>| key.iter().all(|column| equal.contains(column.as_str()));
    !(equal.contains("rowid") || unique_keys(conn, table).iter().any(is_key))
}

/// The table that a step reads.
fn table(step: &str) -> Option<&str> {
    let rest = step.strip_prefix("SEARCH ").or_else(|| step.strip_prefix("SCAN "))?;
    let name = rest.split(' ').next()?;
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, table)| table);
    // SQLite's own temporary tables, such as a list of values, are as long as the query.
    let is_ours = !name.starts_with("pragma_") && !name.starts_with('(') && name != "CONSTANT";
    is_ours.then_some(name)
}

fn texts(conn: &Connection, sql: &str, value: &str) -> Vec<String> {
    let mut query = conn.prepare(sql).unwrap();
    let rows = query.query_map([value], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn unique_keys(conn: &Connection, table: &str) -> Vec<Vec<String>> {
    let indexes = texts(conn, "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial", table);
    let columns = |index: &String| texts(conn, "SELECT name FROM pragma_index_info(?1)", index);
    indexes.iter().map(columns).collect()
}

/// Whether SQLite had a choice of index.
fn is_picked(conn: &Connection, step: &str) -> bool {
    let is_key = step.contains("sqlite_autoindex_") || step.contains("PRIMARY KEY");
    let indexes = texts(conn, "SELECT name FROM pragma_index_list(?1)", table(step).unwrap_or_default());
    step.contains(" USING ") && !is_key && indexes.len() > 1
}

fn plan(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // The values do not affect the plan.
    explain.raw_query().mapped(|row| row.get::<_, String>(3)).collect()
}

/// An empty main database; with the statistics of one with a million sessions, or without, as in production.
fn database(with_statistics: bool) -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations::run(&mut conn, migrations::MAIN).unwrap();
    if !with_statistics {
        return conn;
    }
    conn.execute_batch("ANALYZE").unwrap();
    for table in texts(&conn, "SELECT name FROM sqlite_schema WHERE type = ?1", "table") {
        let rows: u64 = if SMALL.contains(&table.as_str()) { 100 } else { 1_000_000 };
        for index in texts(&conn, "SELECT name FROM pragma_index_list(?1)", &table) {
            let columns = texts(&conn, "SELECT coalesce(name, '') FROM pragma_index_info(?1)", &index);
            let left = columns.iter().scan(rows, |left, column| {
                let different = match column.as_str() {
                    "account_id" => 1,
                    "agent_id" => 100,
                    "call_id" => 50_000,
                    "id" | "started_at" | "session_id" => 1_000_000,
                    _ => 10,
                };
                *left = (*left / different).max(1);
                Some(left.to_string())
            });
            let stat = std::iter::once(rows.to_string()).chain(left).collect::<Vec<_>>().join(" ");
            conn.execute("INSERT INTO sqlite_stat1 VALUES (?1, ?2, ?3)", (&table, &index, stat)).unwrap();
        }
    }
    conn.execute_batch("ANALYZE sqlite_schema").unwrap();
    conn
}

/// Every query of this folder, with its file. Without the vault's, which is a different database.
fn queries() -> BTreeSet<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let sources: Vec<(String, Vec<String>)> = files(&folder)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
            let source = fs::read_to_string(path).unwrap();
            // Tests may scan tables.
            let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            (name, literals(&source))
        })
        .filter(|(name, _)| !name.ends_with("tests.rs") && name != "plans.rs" && !name.starts_with("vault"))
        .collect();
    let columns_of = |file: &str| {
        let own = sources.iter().find(|(name, _)| name == file).map(|(_, literals)| literals);
        own.and_then(|literals| literals.iter().find(|text| text.starts_with("id, account_id, "))).cloned()
    };
    let mut queries = BTreeSet::new();
    for (file, literals) in &sources {
        let columns = columns_of(file).or_else(|| columns_of("sessions.rs")).unwrap();
        let select = literals.iter().find(|text| text.starts_with("SELECT p.id")).cloned().unwrap_or_default();
        for literal in literals.iter().filter(|text| is_query(text) && **text != select) {
            let sql = literal.replace("{COLUMNS}", &columns).replace("{SELECT}", &select).replace("{marks}", "?, ?");
            let sql = sql.replace("SELECT {} FROM agents", "SELECT id FROM agents").replace("{which}", "id = ?1");
            for whose in ["account", "agent"] {
                let sql = sql.replace("{whose}", whose);
                // The session lists have their own test, which covers every form of these.
                if file == "sessions/list.rs" && sql.contains("{index}") {
                    continue;
                }
                assert!(!sql.contains('{'), "{file}: list the values of this placeholder here: {sql}");
                queries.insert((file.clone(), sql));
            }
        }
    }
    queries
}

fn is_query(text: &str) -> bool {
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "REPLACE ", "{SELECT}"]
        .iter()
        .any(|verb| text.starts_with(verb))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.collect()
}

/// The string literals of a source file.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let tail = &rest[at..];
        if tail.starts_with("//") {
            rest = tail.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(inside) = tail.strip_prefix('"') {
            let (text, behind) = literal(inside);
            found.push(text);
            rest = behind;
        } else {
            // A character literal may be a quotation mark.
            let skip = ["'\"'", "'\\\"'", "'\\''"].iter().find(|quoted| tail.starts_with(**quoted));
            rest = &tail[skip.map_or(1, |quoted| quoted.len())..];
        }
    }
    found
}

/// A literal up to its closing quote, and the rest.
fn literal(source: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = source.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &source[at + 1..]),
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push('\n'),
                Some((_, c)) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, "")
}

#[test]
fn texts_in_quotes_are_read_as_the_compiler_reads_them() {
    let source = r#"let a = "one \"two\" \
        three"; // "no"
        let b: &'static str = "x"; let c = ('"', "y");"#;
    assert_eq!(literals(source), ["one \"two\" three", "x", "y"]);
}
