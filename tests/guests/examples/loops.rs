//! Never returns.
masker_guests::guest!("loops", |_| loop {
    std::hint::black_box(());
});
