//! Start after end.
use masker_guests::sdk::Finding;
#[allow(clippy::reversed_empty_ranges)]
mod spans {
    pub const BACKWARDS: std::ops::Range<usize> = 5..2;
}
masker_guests::guest!("backwards", |messages| Ok(vec![Finding::new(
    messages.len() - 1,
    spans::BACKWARDS,
    "NAME",
    1.0
)]));
