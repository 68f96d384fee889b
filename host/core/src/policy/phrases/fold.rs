//! One character as phrases compare it: without case, accents and compatibility forms; any white space as one space.

use unicode_normalization::char::decompose_compatible;

/// Folds the characters of one text, in order.
#[derive(Default)]
pub(super) struct Folder {
    in_space: bool,
}

impl Folder {
    /// Gives the bytes that a character is folded to: none for an accent, and for white space that follows white space.
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

/// Marks above, below and through letters (Unicode's blocks of combining diacritical marks). Vowel signs of other scripts are letters.
pub(super) fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters that Unicode does not take apart, as they are typed where a keyboard does not have them; the typographic apostrophe.
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
