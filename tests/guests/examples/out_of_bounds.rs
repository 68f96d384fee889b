//! Reads outside its memory.
masker_guests::guest!("out-of-bounds", |_| {
    // SAFETY: none; the invalid read is deliberate.
    let value = unsafe { std::ptr::read_volatile(std::hint::black_box(0xFFFF_FFF0usize) as *const u32) };
    std::hint::black_box(value);
    Ok(vec![])
});
