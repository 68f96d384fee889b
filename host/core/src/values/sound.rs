//! Words that sound alike or differ by one letter.
//!
//! The code is NYSIIS (New York State Identification and Intelligence System; R. L. Taft, "Name Search Techniques",
//! 1970), which was designed for names and is more selective than Soundex.

/// Minimum word length at which a difference of one letter makes words similar.
const LONG: usize = 4;
/// Maximum number of letters compared. The comparison is not linear.
const LONGEST: usize = 32;

/// Whether two words, in lower-case letters without accents, are different words that a listener may confuse.
pub(super) fn is_similar(a: &str, b: &str) -> bool {
    if a == b || a.len() > LONGEST || b.len() > LONGEST || a.len().min(b.len()) < 3 {
        return false;
    }
    let sounds = || code(a).is_some_and(|sound| Some(sound) == code(b));
    a.len().min(b.len()) >= LONG && is_one_edit(a, b) || sounds()
}

/// Bucket keys: similar words share at least one: the sound, and the word with each letter left out in turn.
pub(super) fn variants(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < 3 || word.len() > LONGEST {
        return Vec::new();
    }
    let mut variants: Vec<String> = code(word).into_iter().map(|sound| format!("={sound}")).collect();
    if letters.len() >= LONG {
        variants.push(word.to_owned());
        variants.extend(
            (0..letters.len())
                .map(|out| letters.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, c)| *c).collect()),
        );
    }
    variants
}

/// Whether the words differ by one inserted, deleted or replaced letter, or by one transposition.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    let start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let end = short[start..].iter().rev().zip(long.iter().rev()).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[start..short.len() - end], &long[start..long.len() - end]);
    match (short, long) {
        ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// The NYSIIS code; `None` unless the word is all Latin letters.
pub(super) fn code(word: &str) -> Option<String> {
    if word.is_empty() || word.len() > LONGEST || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let mut word = word.to_owned();
    for (from, to) in [("mac", "mcc"), ("kn", "nn"), ("k", "c"), ("ph", "ff"), ("pf", "ff"), ("sch", "sss")] {
        if let Some(rest) = word.strip_prefix(from) {
            word = format!("{to}{rest}");
            break;
        }
    }
    for (from, to) in [("ee", "y"), ("ie", "y"), ("dt", "d"), ("rt", "d"), ("rd", "d"), ("nt", "d"), ("nd", "d")] {
        if let Some(rest) = word.strip_suffix(from) {
            word = format!("{rest}{to}");
            break;
        }
    }
    let letters = word.as_bytes();
    let mut code = vec![letters[0]];
    let mut at = 1;
    let mut before = letters[0];
    while at < letters.len() {
        let rest = &letters[at..];
        let (sound, taken): (&[u8], usize) = match rest {
            [b'e', b'v', ..] => (b"af", 2),
            [b'a' | b'e' | b'i' | b'o' | b'u', ..] => (b"a", 1),
            [b'q', ..] => (b"g", 1),
            [b'z', ..] => (b"s", 1),
            [b'm', ..] => (b"n", 1),
            [b'k', b'n', ..] => (b"n", 2),
            [b'k', ..] => (b"c", 1),
            [b's', b'c', b'h', ..] => (b"s", 3),
            [b'p', b'h', ..] => (b"f", 2),
            [b'h', rest @ ..]
                if !is_vowel(before) || rest.first().is_some_and(|next| !is_vowel(*next)) || rest.is_empty() =>
            {
                (&[], 1)
            }
            [b'w', ..] if is_vowel(before) => (&[], 1),
            [other, ..] => (std::slice::from_ref(other), 1),
            [] => break,
        };
        for sound in sound {
            if code.last() != Some(sound) {
                code.push(*sound);
            }
        }
        at += taken;
        before = letters[at - 1];
    }
    if code.len() > 1 && code.last() == Some(&b's') {
        code.pop();
    }
    if code.ends_with(b"ay") {
        code.remove(code.len() - 2);
    }
    if code.len() > 1 && code.last() == Some(&b'a') {
        code.pop();
    }
    String::from_utf8(code).ok()
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_misheard_are_similar() {
        for (a, b) in [
            ("gonzales", "gonzalez"),
            ("thomson", "thompson"),
            ("rodrigues", "rodriguez"),
            ("hanson", "hansen"),
            ("erik", "eric"),
            ("cortes", "cortez"),
            ("baldez", "valdez"),
            ("catherine", "katherine"),
            ("philip", "filip"),
            ("lopes", "lopez"),
            ("brain", "brian"),
        ] {
            assert!(is_similar(a, b) && is_similar(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("maria", "maria"),
            ("gonzalez", "hernandez"),
            ("li", "le"),
            ("marisol", "helene"),
            ("", "a"),
            ("ольга", "инна"),
        ] {
            assert!(!is_similar(a, b), "{a} {b}");
        }
    }
}
