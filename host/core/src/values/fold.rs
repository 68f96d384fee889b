//! Folds case, accents and typographic forms of letters.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents: `Peña` becomes `pena`, as telephone systems write it.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            // `İ` in lower case is an i and a dot above.
            None if !is_combining_mark(c) => folded.push(c),
            None => {}
        }
    }
    Cow::Owned(folded)
}

/// Letters that Unicode does not decompose.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ł' => "l",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ı' => "i",
        _ => return None,
    })
}

/// A text with white space and case normalised, without sentence punctuation at its ends. Accents are kept.
pub(super) fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let trimmed = text
        .trim_matches(|c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '.' | ';' | ':' | '!' | '?'));
    let kept = if trimmed.is_empty() { text } else { trimmed };
    for word in kept.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        push_upper(word, &mut tidy);
    }
    tidy
}

/// Appends a text in upper case.
pub(super) fn push_upper(text: &str, to: &mut String) {
    let from = to.len();
    if text.is_ascii() {
        to.push_str(text);
        to[from..].make_ascii_uppercase();
    } else {
        to.extend(text.chars().flat_map(char::to_uppercase));
    }
}

/// A word with a capital first letter and the rest in lower case.
pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_forms_do_not_matter() {
        for (text, folded) in
            [("Peña", "pena"), ("ŁUKASZ", "lukasz"), ("Ｍａｒｉａ", "maria"), ("Jørgen", "jorgen"), ("ok", "ok")]
        {
            assert_eq!(fold(text), folded);
        }
        assert_eq!(tidy("  31  february, 1982."), "31 FEBRUARY, 1982");
        assert_eq!(tidy("."), ".");
    }
}
