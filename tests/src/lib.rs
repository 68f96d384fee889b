//! What the service tests share: the real app on a temporary folder ([`TestApp`]) and a real fake upstream.

pub mod test_app;

pub use masker_fake_upstream as fake_upstream;
pub use test_app::TestApp;
