//! Allocates memory until the limit.
masker_guests::guest!("memory-bomb", |_| {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
});
