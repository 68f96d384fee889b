//! Adjusts the beginning and end of a span.
//!
//! * It is clipped to the text and to whole characters ([`within`]).
//! * White space, sentence punctuation, quotes and unmatched brackets are removed from its ends ([`trim`]): "Jane
//!   Doe," and "Jane Doe" are one value and should have one token.
//! * A cut word is completed ([`widen`]), because the visible rest of a word may reveal the hidden part. The word is
//!   the run of letters and digits around the cut; in a name, an address or an organization it includes a hyphen or
//!   apostrophe between letters, but not a trailing `'s`.

use crate::kind::Kind;
use crate::policy::words::joined;
use crate::text::ByteSpan;

/// Maximum length of a word in bytes. A longer run is not a word, and many findings in it would each scan to its
/// ends.
const LONGEST_REST: usize = 1024;

/// The span clipped to the text and widened to whole characters; `None` when nothing is left.
pub fn within(text: &str, span: ByteSpan) -> Option<ByteSpan> {
    let mut end = span.end.min(text.len());
    let mut start = span.start.min(end);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (start < end).then_some(ByteSpan::new(start, end))
}

/// Removes characters that do not belong to a value. A span of only such characters is unchanged.
pub fn trim(text: &str, span: ByteSpan) -> ByteSpan {
    let whole = &text[span.range()];
    let (mut start, mut end) = (0, whole.len());
    // Position of the last closing bracket of each type: an opening bracket after it is unmatched.
    let mut closes = Brackets::default();
    while let Some(first) = whole[start..].chars().next() {
        let unpaired = closing(first).is_some_and(|other| closes.of(other, |c| whole.rfind(c)) < Some(start));
        if !(first.is_whitespace() || is_punctuation(first) || unpaired) {
            break;
        }
        start += first.len_utf8();
    }
    let mut opens = Brackets::default();
    while let Some(last) = whole[start..end].chars().next_back() {
        let first_open = |other| opens.of(other, |c| whole[start..].find(c).map(|at| start + at));
        let unpaired = opening(last).map(first_open).is_some_and(|at| at.is_none_or(|at| at >= end));
        if !(last.is_whitespace() || is_punctuation(last) || unpaired) {
            break;
        }
        end -= last.len_utf8();
    }
    if start == end { span } else { ByteSpan::new(span.start + start, span.start + end) }
}

/// A position for each type of bracket, computed once.
#[derive(Default)]
struct Brackets(Vec<(char, Option<usize>)>);

impl Brackets {
    fn of(&mut self, bracket: char, find: impl FnOnce(char) -> Option<usize>) -> Option<usize> {
        if let Some((_, at)) = self.0.iter().find(|(own, _)| *own == bracket) {
            return *at;
        }
        let at = find(bracket);
        self.0.push((bracket, at));
        at
    }
}

/// Extends the span to the ends of the words it cuts.
pub fn widen(text: &str, span: ByteSpan, kind: &Kind) -> ByteSpan {
    let hyphens = matches!(kind.as_str(), "NAME" | "ADDRESS" | "ORGANIZATION");
    let ByteSpan { mut start, mut end } = span;
    while span.start - start < LONGEST_REST
        && let Some(step) = before(text, start, hyphens && start < span.start)
    {
        start -= step;
    }
    while end - span.end < LONGEST_REST
        && let Some(step) = after(text, end, hyphens && end > span.end)
    {
        end += step;
    }
    ByteSpan::new(start, end)
}

/// Number of bytes before `at` that belong to the word continuing there.
fn before(text: &str, at: usize, hyphens: bool) -> Option<usize> {
    let next = text[at..].chars().next()?;
    let mut back = text[..at].chars().rev();
    let last = back.next()?;
    if joined(last, next) {
        return Some(last.len_utf8());
    }
    let letter = back.next().filter(|c| c.is_alphabetic())?;
    (hyphens && is_hyphen(last) && next.is_alphabetic()).then_some(last.len_utf8() + letter.len_utf8())
}

/// Number of bytes from `at` that belong to the word before it.
fn after(text: &str, at: usize, hyphens: bool) -> Option<usize> {
    let last = text[..at].chars().next_back()?;
    let mut rest = text[at..].chars();
    let next = rest.next()?;
    if joined(last, next) {
        return Some(next.len_utf8());
    }
    let letter = rest.next().filter(|c| c.is_alphabetic())?;
    let inner = hyphens && is_hyphen(next) && last.is_alphabetic() && !is_possessive(&text[at..]);
    inner.then_some(next.len_utf8() + letter.len_utf8())
}

fn is_possessive(rest: &str) -> bool {
    let mut chars = rest.chars();
    matches!(chars.next(), Some('\'' | '\u{2019}'))
        && matches!(chars.next(), Some('s' | 'S'))
        && !chars.next().is_some_and(char::is_alphanumeric)
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\'' | '\u{2019}')
}

fn is_punctuation(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '`' | '…' | '“' | '”' | '‘' | '’' | '«' | '»')
}

fn closing(c: char) -> Option<char> {
    match c {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        '<' => Some('>'),
        _ => None,
    }
}

fn opening(c: char) -> Option<char> {
    match c {
        ')' => Some('('),
        ']' => Some('['),
        '}' => Some('{'),
        '>' => Some('<'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The finding is the part of `text` between `<` and `>`.
    fn check(kind: &str, text: &str, expected: &str) {
        let start = text.find('<').expect("a start");
        let end = text.find('>').expect("an end") - 1;
        let text = text.replace(['<', '>'], "");
        let span = within(&text, ByteSpan::new(start, end)).expect("not empty");
        let tidy = widen(&text, trim(&text, span), &Kind::new(kind).expect("a kind"));
        assert_eq!(&text[tidy.range()], expected, "{text}");
    }

    #[test]
    fn punctuation_and_space_are_taken_off_the_ends() {
        check("NAME", "I am< Jane Doe, >you know", "Jane Doe");
        check("NAME", "(“<Jane”)> said", "Jane");
        check("PHONE", "call <(555) 123-4567.>", "(555) 123-4567");
        check("PHONE", "call <+1 555>", "+1 555");
        check("URL", "(see <http://a.b/c).>", "http://a.b/c");
        check("NAME", "<?!>", "?!");
    }

    #[test]
    fn a_cut_word_is_completed() {
        check("NAME", "Mr. <Joh>nson-Smith's cat", "Johnson-Smith");
        check("NAME", "J. D'Ar<tagnan> is", "D'Artagnan");
        check("NAME", "<Smith>'s cat", "Smith");
        check("NAME", "<Smith>-Jones", "Smith");
        check("NAME", "<Mull>e\u{301}r", "Mulle\u{301}r");
        check("NAME", "<Mulle>\u{301} x", "Mulle\u{301}");
        check("SSN", "no. A1<23>45-6", "A12345");
        check("NAME", "我是<张伟>吗", "张伟");
    }

    #[test]
    fn brackets_without_partners_are_taken_off_however_many_there_are() {
        check("NAME", "a <((((Jane> Doe", "Jane");
        check("NAME", "a <Jane))]> b", "Jane");
        check("NAME", "a <(Jane) (Doe))> b", "(Jane) (Doe))");
        let many = "(".repeat(100_000);
        assert_eq!(trim(&many, ByteSpan::new(0, many.len())), ByteSpan::new(0, many.len()), "nothing else");
    }

    #[test]
    fn what_goes_on_without_end_is_no_word() {
        let text = "x".repeat(10_000);
        let span = widen(&text, ByteSpan::new(5000, 5001), &Kind::new("NAME").expect("a kind"));
        assert_eq!((span.start, span.end), (5000 - LONGEST_REST, 5001 + LONGEST_REST));
    }

    #[test]
    fn a_character_is_never_cut() {
        let text = "aé";
        assert_eq!(within(text, ByteSpan::new(2, 3)), Some(ByteSpan::new(1, 3)));
        assert_eq!(within(text, ByteSpan::new(0, 2)), Some(ByteSpan::new(0, 3)));
        assert_eq!(within(text, ByteSpan::new(2, 99)), Some(ByteSpan::new(1, 3)));
        assert_eq!(within(text, ByteSpan::new(9, 99)), None);
        assert_eq!(within(text, ByteSpan::new(1, 1)), None);
    }
}
