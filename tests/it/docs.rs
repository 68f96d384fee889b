//! Documentation checks: every page is in the book, every link resolves, and the generated page is current.
//!
//! `MASKER_WRITE_DOCS=1` regenerates that page instead of comparing it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::extract::Request;
use masker_tests::TestApp;
use serde_json::Value;

use crate::tidy::{between, documents, files, read, root};

/// A document without its code blocks, whose brackets and lines are not Markdown.
fn prose(document: &str) -> String {
    let mut is_code = false;
    let mut prose = String::new();
    for line in document.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// The anchors of a document's headings, as GitHub and mdBook make them.
fn anchors(document: &str) -> Vec<String> {
    let headings = document.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| slug(heading.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Resolves `..` in `a/b/../c`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The problem with a link of a document, if any.
fn complaint(document: &str, link: &str) -> Option<String> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(document).parent().expect("a file");
    let target = if file.is_empty() { PathBuf::from(document) } else { plain(&folder.join(file)) };
    if !root().join(&target).exists() {
        return Some(format!("{document}: {link} leads nowhere"));
    }
    // mdBook copies only files of the book.
    if document.starts_with("docs/") && !target.starts_with("docs") {
        return Some(format!("{document}: {link} leaves the book"));
    }
    let has_heading = || {
        let text = prose(&read(target.to_str().expect("a UTF-8 path")));
        anchors(&text).iter().any(|known| known == anchor)
    };
    (!anchor.is_empty() && !has_heading()).then(|| format!("{document}: {link} has no such heading"))
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        let text = prose(&read(&document));
        let links = between(&text, "](", ")").into_iter().filter(|link| !link.contains("://"));
        for link in links {
            count += 1;
            wrong.extend(complaint(&document, link));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} links: are they still found?");
}

#[test]
fn every_page_is_in_the_book_once() {
    let summary = read("docs/SUMMARY.md");
    let mut listed: Vec<String> = between(&summary, "](", ")").iter().map(|page| format!("docs/{page}")).collect();
    listed.sort_unstable();
    let pages: Vec<String> = files("docs", "md").into_iter().filter(|page| page != "docs/SUMMARY.md").collect();
    assert_eq!(listed, pages);
}

#[test]
fn the_readme_stays_short() {
    assert!(read("README.md").lines().count() <= 130, "move something into docs");
}

#[test]
fn headings_become_anchors() {
    let text = prose("# One\n```sh\n# no heading\n```\n## `make bench`, and *more*: a_b-c\n");
    assert_eq!(anchors(&text), ["one", "make-bench-and-more-a_b-c"]);
}

#[tokio::test]
async fn the_page_of_routes_and_errors_is_current() {
    let app = TestApp::start().await;
    let answer = app.request(Request::get("/api/v1/openapi.json").body(Body::empty()).expect("a request")).await;
    let document: Value = serde_json::from_str(answer.text()).expect("the document is JSON");
    compare("docs/reference/http.md", &routes_and_errors(&document));
    app.finish().await;
}

/// Compares a generated page with the one in the repository, or writes it.
fn compare(page: &str, generated: &str) {
    if std::env::var_os("MASKER_WRITE_DOCS").is_some() {
        fs::write(root().join(page), generated).expect("the page can be written");
    }
    assert!(read(page) == generated, "{page} is not current: run the test with MASKER_WRITE_DOCS=1 to write it");
}

fn routes_and_errors(document: &Value) -> String {
    let mut groups: BTreeMap<&str, String> = BTreeMap::new();
    let mut errors: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let mut success = Vec::new();
            let mut codes = Vec::new();
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let examples = response["content"]["application/json"]["examples"].as_object();
                let mut is_error = false;
                for (code, example) in examples.into_iter().flatten() {
                    if let Some(meaning) = example["value"]["error"]["message"].as_str() {
                        is_error = true;
                        codes.push(format!("`{code}`"));
                        errors.insert((status, code), meaning);
                    }
                }
                if !is_error {
                    success.push(status.as_str());
                }
            }
            let group = groups.entry(operation["tags"][0].as_str().expect("a tag")).or_default();
            let route = format!("`{} {path}`", method.to_uppercase());
            writeln!(group, "| {route} | {} | {} |", success.join(", "), codes.join(", ")).expect("a string");
        }
    }
    let mut page = String::from(
        "# Every route and error\n\nGenerated from the server's OpenAPI document by \
         `docs::the_page_of_routes_and_errors_is_current`;\n[The HTTP API](../api.md) explains it.\n",
    );
    for (group, rows) in groups {
        write!(page, "\n## {group}\n\n| route | success | errors |\n| --- | --- | --- |\n{rows}").expect("a string");
    }
    page.push_str("\n## Errors\n\n| code | status | when |\n| --- | --- | --- |\n");
    for ((status, code), meaning) in errors {
        writeln!(page, "| `{code}` | {status} | {meaning} |").expect("a string");
    }
    page
}
