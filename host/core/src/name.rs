//! Validates names that users choose: they must be visible and distinguishable from each other.

/// Maximum length, in characters.
const LONGEST: usize = 64;

/// Ranges of characters without a visible glyph: some change the text direction, some are invisible.
const UNSEEN: [(char, char); 20] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13455}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{e000}', '\u{f8ff}'),
];

/// Why a name is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameFault {
    /// Too short or too long.
    #[error("must have 1 to {LONGEST} characters")]
    Length,
    /// White space other than plain spaces, or a space at either end.
    #[error("must not begin or end with a space or contain white space other than plain spaces")]
    Space,
    /// Contains an invisible character.
    #[error("contains an invisible character: U+{:04X}", u32::from(*.0))]
    Unseen(char),
}

/// # Errors
/// The name is invisible or cannot be told from another.
pub fn check(name: &str) -> Result<(), NameFault> {
    if !(1..=LONGEST).contains(&name.chars().count()) {
        return Err(NameFault::Length);
    }
    if let Some(unseen) = name.chars().find(|c| is_unseen(*c)) {
        return Err(NameFault::Unseen(unseen));
    }
    let is_odd = |c: char| c.is_whitespace() && c != ' ';
    if name.starts_with(' ') || name.ends_with(' ') || name.contains(is_odd) {
        return Err(NameFault::Space);
    }
    Ok(())
}

fn is_unseen(c: char) -> bool {
    c.is_control() || UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_seen_and_told_apart() {
        for name in ["a", "front desk", "Praxis Dr. Müller · 2", "前台", "مكتب", "☎ desk", &"é".repeat(64)] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let long = "x".repeat(65);
        for (name, fault) in [
            ("", NameFault::Length),
            (long.as_str(), NameFault::Length),
            ("   ", NameFault::Space),
            (" a", NameFault::Space),
            ("a ", NameFault::Space),
            ("a\u{a0}b", NameFault::Space),
            ("\u{3000}", NameFault::Space),
            ("a\nb", NameFault::Unseen('\n')),
            ("\u{7f}", NameFault::Unseen('\u{7f}')),
            ("\u{85}", NameFault::Unseen('\u{85}')),
        ] {
            assert_eq!(check(name), Err(fault), "{name:?}");
        }
        for unseen in "\u{200b}\u{200c}\u{200d}\u{200e}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{ad}\u{3164}\u{e0041}".chars() {
            for name in [unseen.to_string(), format!("a{unseen}b")] {
                assert_eq!(check(&name), Err(NameFault::Unseen(unseen)), "{name:?}");
            }
        }
        assert_eq!(NameFault::Unseen('\u{202e}').to_string(), "contains an invisible character: U+202E");
    }
}
