//! What the service tests share: the real app on a temporary folder ([`TestApp`]), a real fake upstream, a GitHub to
//! sign in with ([`fake_github`]), and the components that `make plugins guests` built ([`components`]).

pub mod components;
pub mod fake_github;
pub mod test_app;

pub use masker_fake_upstream as fake_upstream;
pub use test_app::TestApp;
