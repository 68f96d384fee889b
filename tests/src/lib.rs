//! Shared code of the service tests: the real app on a temporary folder ([`TestApp`]), a fake upstream on a real port,
//! a fake GitHub ([`fake_github`]), and the components built by `make plugins guests` ([`components`]).

pub mod components;
pub mod fake_github;
pub mod test_app;

pub use masker_fake_upstream as fake_upstream;
pub use test_app::TestApp;
