//! The Prometheus endpoint: names and labels match docs/operate/metrics.md, and it contains no secret or value.

use std::collections::{BTreeMap, BTreeSet};

use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;

/// Every metric with its labels.
fn series(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split('}').next().expect("labels"));
        let labels = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        found.entry(name.to_owned()).or_default().extend(labels.filter(|label| label != "le"));
    }
    found
}

#[tokio::test]
async fn the_metrics_have_the_names_and_labels_of_the_contract_and_hold_no_secret() {
    let mut app = TestApp::builder().policy(masker_tests::test_app::STAFF_POLICY).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app.say("I am E-12345.").await;
    app.sessions().await;
    let text = String::from_utf8(app.app().pipeline.metrics.render()).expect("text");
    let found = series(&text);
    for (name, labels) in [
        ("masker_requests_total", &["agent", "status"][..]),
        ("masker_request_duration_seconds", &["stage"]),
        ("masker_redactions_total", &["kind", "pass"]),
        ("masker_vault_size_bytes", &[]),
        ("masker_plugin_calls_total", &["plugin"]),
        ("masker_plugin_duration_seconds", &["plugin"]),
    ] {
        let own: Vec<&str> =
            found.get(name).unwrap_or_else(|| panic!("{name} is missing: {text}")).iter().map(String::as_str).collect();
        assert_eq!(own, labels, "{name}");
    }
    let name = app.agent.body["name"].as_str().expect("a name");
    assert!(text.contains(&format!("masker_requests_total{{agent=\"{name}\",status=\"ok\"}} 1")), "{text}");
    assert!(text.contains("masker_redactions_total{kind=\"STAFF_ID\",pass=\"staff-id\"} 1"), "{text}");
    for stage in ["detection", "tokenize", "upstream", "rehydrate"] {
        assert!(text.contains(&format!("masker_request_duration_seconds_count{{stage=\"{stage}\"}} 1")), "{stage}");
    }
    for secret in ["E-12345", "MSKV1", "agt_", "sess_", "acc_"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    app.finish().await;
}
