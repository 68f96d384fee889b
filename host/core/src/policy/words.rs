//! Word boundaries.

/// Whether a boundary between these two neighbours would split a word, or a grapheme of several characters.
///
/// Scripts without spaces between words have no boundaries to look for, so no position in them splits a word.
pub(crate) fn joined(before: char, after: char) -> bool {
    if before.is_ascii() && after.is_ascii() {
        return before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric();
    }
    if is_mark(after) {
        return !before.is_whitespace();
    }
    let word = |c: char| (c.is_alphanumeric() || is_mark(c)) && !is_unspaced(c);
    word(before) && word(after)
}

/// Whether a word may begin at `at`: always, unless the preceding character belongs to the same word.
pub fn begins(text: &str, at: usize) -> bool {
    match (text[..at].chars().next_back(), text[at..].chars().next()) {
        (Some(before), Some(after)) => !joined(before, after),
        _ => true,
    }
}

/// Combining marks, which belong to the preceding character.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{94d}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{200c}' | '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Thai, Lao, Burmese, Khmer, kana and Han characters.
fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_cut() {
        for (before, after, cut) in [
            ('a', 'b', true),
            ('a', '1', true),
            ('a', ' ', false),
            ('a', '-', false),
            ('é', 'e', true),
            ('e', '\u{301}', true),
            (' ', 'é', false),
            ('张', '伟', false),
            ('김', '이', true),
        ] {
            assert_eq!(joined(before, after), cut, "{before}{after}");
        }
    }
}
