//! Wrapper for caller text and keys: values that must not reach a log, an error or a file by accident.
//!
//! [`Sensitive::expose`] is the only way to read the value; its name makes every use easy to find.

use std::fmt;

use zeroize::Zeroize;

/// A value that cannot be printed, logged or serialised, and that is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Sensitive<T: Zeroize>(T);

/// Text from a caller or for a caller.
pub type SensitiveText = Sensitive<String>;

impl<T: Zeroize> Sensitive<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. The caller of this method is responsible for where it ends up.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, for changes in place.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// Unwraps the value, which is then no longer wiped.
    pub fn into_exposed(mut self) -> T
    where
        T: Default,
    {
        std::mem::take(&mut self.0)
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(..)")
    }
}

impl From<&str> for SensitiveText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for SensitiveText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_text_is_never_printed() {
        let text = SensitiveText::from("Jane Doe");
        assert_eq!(format!("{text:?}"), "Sensitive(..)");
        assert_eq!(format!("{:?}", Some(vec![text])), "Some([Sensitive(..)])");
    }
}
