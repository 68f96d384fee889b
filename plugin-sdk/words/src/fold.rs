//! The normal form in which words are compared.

/// The longest word considered, in bytes of its normal form: German writes 777,777 as one word of 65 letters.
const LONGEST: usize = 96;

/// A word in its normal form: lower case, no accents, no apostrophes, no final stop.
///
/// `Sept.` becomes `sept`, `Décimo` `decimo`, `dreißig` `dreissig`, `cœur` `coeur`. A hyphen stays a hyphen, in each of
/// its Unicode forms. Accents may be part of their letter or follow it as combining marks.
#[derive(Clone, Copy, Debug)]
pub struct Folded {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Folded {
    pub(crate) const EMPTY: Self = Self { bytes: [0; LONGEST], length: 0 };

    /// The normal form; `None` for words that are too long or contain anything but Latin letters and hyphens.
    pub fn new(word: &str) -> Option<Self> {
        let mut folded = Self::EMPTY;
        folded.add(word).then_some(folded)
    }

    /// The bytes, all ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds another word after a blank, for names of several words ("double u"). Returns false if that is not
    /// possible.
    pub fn add_word(&mut self, word: &str) -> bool {
        self.push(b' ') && self.add(word)
    }

    /// The letter, if the word is a single one.
    pub(crate) fn only_letter(&self) -> Option<char> {
        match self.as_bytes() {
            [letter @ b'a'..=b'z'] => Some(char::from(*letter)),
            _ => None,
        }
    }

    pub(crate) fn add(&mut self, word: &str) -> bool {
        word.strip_suffix('.').unwrap_or(word).chars().all(|c| self.add_char(c))
    }

    fn add_char(&mut self, c: char) -> bool {
        let letter = match c {
            'a'..='z' | '-' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            '\'' | '\u{2019}' | '\u{ad}' | '\u{300}'..='\u{36f}' => return true,
            '\u{2010}'..='\u{2013}' => '-',
            'à'..='å' | 'À'..='Å' => 'a',
            'ç' | 'Ç' => 'c',
            'è'..='ë' | 'È'..='Ë' => 'e',
            'ì'..='ï' | 'Ì'..='Ï' => 'i',
            'ñ' | 'Ñ' => 'n',
            'ò'..='ö' | 'Ò'..='Ö' => 'o',
            'ù'..='ü' | 'Ù'..='Ü' => 'u',
            'ý' | 'ÿ' | 'Ý' => 'y',
            'ß' | 'ẞ' => return self.push(b's') && self.push(b's'),
            'æ' | 'Æ' => return self.push(b'a') && self.push(b'e'),
            'œ' | 'Œ' => return self.push(b'o') && self.push(b'e'),
            _ => return false,
        };
        self.push(letter as u8)
    }

    fn push(&mut self, byte: u8) -> bool {
        let Some(place) = self.bytes.get_mut(self.length) else { return false };
        *place = byte;
        self.length += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        let folded = Folded::new(word);
        assert_eq!(folded.as_ref().map(Folded::as_bytes), expected.map(str::as_bytes), "{word}");
    }

    #[test]
    fn a_word_loses_case_accents_and_stop() {
        check("Sept.", Some("sept"));
        check("DÉCIMO", Some("decimo"));
        check("de\u{301}cimo", Some("decimo"));
        check("dreißig", Some("dreissig"));
        check("forty\u{2011}two", Some("forty-two"));
        check("cent’otto", Some("centotto"));
        check("", Some(""));
        for other in ["14th", "a b", "что", "a_b", "a,", &"a".repeat(97)] {
            check(other, None);
        }
    }
}
