//! Deterministic pseudorandom choices, derived from a key and the purpose of the choice.

/// A source of choices. Without the key they are indistinguishable from random ones; with it they are reproducible.
pub struct Dice(blake3::OutputReader);

impl Dice {
    /// The choices for the purpose that the parts name.
    pub fn new(key: &[u8; 32], parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize_xof())
    }

    fn next(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `end`, which is small: the modulo bias is negligible.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A digit.
    pub fn digit(&mut self) -> u8 {
        self.below(10) as u8
    }

    /// An element of a non-empty list.
    pub fn pick<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }

    /// Laplace noise centred at zero.
    pub fn laplace(&mut self, scale: f64) -> f64 {
        // Within (-0.5, 0.5), with the 53 bits of precision of a float.
        let uniform = ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64 - 0.5;
        -scale * uniform.signum() * (1.0 - 2.0 * uniform.abs()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_and_parts_give_the_same_choices_and_others_do_not() {
        let roll = |key: u8, part: &[u8]| Dice::new(&[key; 32], &[part]).next();
        assert_eq!(roll(1, b"a"), roll(1, b"a"));
        assert_ne!(roll(1, b"a"), roll(2, b"a"));
        assert_ne!(roll(1, b"a"), roll(1, b"b"));
    }

    #[test]
    fn noise_is_spread_as_its_scale_says() {
        let mut dice = Dice::new(&[1; 32], &[]);
        let noise: Vec<f64> = (0..20_000).map(|_| dice.laplace(10.0)).collect();
        // The mean of the absolute value of Laplace noise is its scale, and half of it lies within scale * ln 2.
        let mean = noise.iter().map(|value| value.abs()).sum::<f64>() / noise.len() as f64;
        assert!((9.5..10.5).contains(&mean), "{mean}");
        let near = noise.iter().filter(|value| value.abs() < 10.0 * std::f64::consts::LN_2).count();
        assert!((9_700..10_300).contains(&near), "{near}");
        assert!(noise.iter().all(|value| value.is_finite()));
    }
}
