//! Folds a character for comparison: case, accents and compatibility forms removed, any white space as one space.

use unicode_normalization::char::decompose_compatible;

/// Folds the characters of one text, in order.
#[derive(Default)]
pub(super) struct Folder {
    in_space: bool,
}

impl Folder {
    /// Emits the bytes that a character folds to: none for an accent, and none for white space after white space.
    pub fn fold(&mut self, c: char, mut byte: impl FnMut(u8)) {
        let in_space = std::mem::replace(&mut self.in_space, c.is_whitespace());
        if c.is_ascii() && !c.is_whitespace() {
            byte((c as u8).to_ascii_lowercase());
        } else if c.is_whitespace() {
            if !in_space {
                byte(b' ');
            }
        } else if let Some(letters) = letters(c) {
            letters.bytes().for_each(byte);
        } else {
            let mut push = |c: char| {
                for c in c.to_lowercase().filter(|c| !is_accent(*c)) {
                    c.encode_utf8(&mut [0; 4]).bytes().for_each(&mut byte);
                }
            };
            decompose_compatible(c, &mut push);
        }
    }
}

/// Combining diacritical marks (Unicode blocks of that name). Vowel signs of other scripts are letters.
pub(super) fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters without a Unicode decomposition, as typed on a keyboard that lacks them; the typographic apostrophe.
fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2019}' => "'",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' => "d",
        'ı' => "i",
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        _ => return None,
    })
}
