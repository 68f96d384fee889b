//! A stand-in for an OpenAI-compatible provider: it records every request byte for byte and returns the responses that
//! the test scripts.
//!
//! It is a real server on a real port, not a mock, because the hard cases occur on the wire: half a UTF-8 character in
//! one packet, a reset in mid-stream, a stall, an HTML page instead of JSON. It is independent of Masker and checks
//! nothing itself: a test reads [`FakeUpstream::requests`].
//!
//! ```no_run
//! # async fn test() {
//! use masker_fake_upstream::{FakeUpstream, Reply, Script, Signal, openai};
//!
//! let upstream = FakeUpstream::start().await;
//! let go_on = Signal::new();
//! upstream.script(Reply::stream(
//!     Script::new()
//!         .event(&openai::text_chunk("Hello "))
//!         .wait(&go_on)
//!         .event(&openai::text_chunk("there."))
//!         .event(&openai::finish_chunk("stop"))
//!         .done()
//!         .cut_every(1),
//! ));
//! // ... send a request through the proxy at upstream.base_url(), read "Hello ", then:
//! go_on.fire();
//! assert_eq!(upstream.requests()[0].path, "/v1/chat/completions");
//! # }
//! ```
//!
//! See [`Reply`] for whole answers and errors, [`Script`] for streams, [`respond`] for answers that depend on the
//! request, [`openai`] for the JSON formats.

mod body;
mod connection;
mod log;
pub mod openai;
mod reply;
pub mod respond;
mod script;
mod server;
mod signal;

pub use log::Recorded;
pub use reply::Reply;
pub use script::Script;
pub use server::{FakeUpstream, RefusedPort};
pub use signal::Signal;
