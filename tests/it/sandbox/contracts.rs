//! A component built against a released contract keeps working.

use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;

#[tokio::test]
async fn a_component_of_every_released_contract_still_works() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let folder = fixtures.join("contract-v0.1");
    let frozen = std::fs::read(folder.join("staff-id.wasm")).expect("the fixture");
    let app = TestApp::builder().env("MASKER_PLUGIN_DIR", folder.to_str().expect("UTF-8")).start().await;
    let catalog = app.app().catalog();
    let plugin = catalog.plugin("staff-id").expect("loaded");
    assert_eq!(plugin.bytes, frozen, "it is the frozen one");
    assert_eq!(plugin.manifest.contract, "0.1.0");
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    app.finish().await;
}
