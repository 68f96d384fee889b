//! Puts a string of 20 MB into a finding.
use masker_guests::sdk::Finding;
masker_guests::guest!("huge-string", |_| {
    let mut finding = Finding::new(0, 0..1, "NAME", 1.0);
    finding.replacement = Some("x".repeat(20 << 20));
    Ok(vec![finding])
});
