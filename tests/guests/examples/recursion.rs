//! Recurses until the stack overflows.
#[allow(unconditional_recursion, reason = "that is the fault it commits")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box([depth; 16]);
    deeper(std::hint::black_box(depth + 1)) + depth
}
masker_guests::guest!("recursion", |_| {
    std::hint::black_box(deeper(0));
    Ok(vec![])
});
