//! A caller disconnects: the upstream request is cancelled, and the session is recorded as partial.

use masker::session::Status;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, Signal, openai, respond};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{ask, ask_streamed};

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app
}

#[tokio::test]
async fn hanging_up_in_a_stream_stops_the_provider() {
    let app = app().await;
    let server = app.serve().await;
    let never = Signal::new();
    app.upstream.script(Reply::stream(
        Script::new().event(&openai::role_chunk()).event(&openai::text_chunk("Hello there")).wait(&never).done(),
    ));
    let mut answer = server.post(&app.agent.path(), &ask_streamed("I am E-12345.")).await;
    answer.read_until("Hello there").await;
    assert!(!app.upstream.requests()[0].disconnected);
    answer.hang_up();
    app.upstream.wait_for_disconnect().await;
    let sessions = app.sessions_over(1).await;
    assert_eq!(sessions[0].status, Status::Partial);
    assert_eq!(sessions[0].redaction_count(), 1);
    app.finish().await;
}

#[tokio::test]
async fn hanging_up_before_the_answer_stops_the_provider() {
    let app = app().await;
    let server = app.serve().await;
    app.upstream.script(Reply::stall());
    let body = ask("I am E-12345.").to_string();
    let mut connection = TcpStream::connect(server.address()).await.expect("the app listens");
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", app.agent.path(), body.len());
    connection.write_all(head.as_bytes()).await.expect("a connection");
    app.upstream.wait_for_requests(1).await;
    drop(connection);
    app.upstream.wait_for_disconnect().await;
    assert_eq!(app.sessions_over(1).await[0].status, Status::Partial);
    app.finish().await;
}

#[tokio::test]
async fn hanging_up_in_the_middle_of_the_request_forwards_nothing() {
    let app = app().await;
    let server = app.serve().await;
    let mut connection = TcpStream::connect(server.address()).await.expect("the app listens");
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{{\"messages\":", app.agent.path());
    connection.write_all(head.as_bytes()).await.expect("a connection");
    drop(connection);
    // The next request is served, and the partial one leaves no trace.
    app.upstream.respond_with(respond::echo);
    let answer = server.post(&app.agent.path(), &ask("I am E-12345.")).await.rest().await;
    assert!(answer.contains("You said: I am E-12345."), "{answer}");
    assert_eq!(app.upstream.requests().len(), 1);
    assert_eq!(app.sessions_over(1).await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn stopping_the_server_lets_a_stream_finish() {
    let app = app().await;
    let server = app.serve().await;
    let go_on = Signal::new();
    app.upstream.script(Reply::stream(
        Script::new()
            .event(&openai::text_chunk("Hello there"))
            .wait(&go_on)
            .events(&[openai::text_chunk(", bye."), openai::finish_chunk("stop")])
            .done(),
    ));
    let mut answer = server.post(&app.agent.path(), &ask_streamed("I am E-12345.")).await;
    answer.read_until("Hello there").await;
    let stopping = tokio::spawn(server.stop());
    go_on.fire();
    let whole = answer.rest().await;
    assert!(whole.contains(", bye.") && whole.contains("[DONE]"), "{whole}");
    stopping.await.expect("the server stops");
    assert_eq!(app.sessions_over(1).await[0].status, Status::Ok);
    app.finish().await;
}
