//! Marks that look like words: the numbers of list items and the names of tags. They are skipped like punctuation, so
//! that the model sees a list as its lines.

use crate::tokens::Gap;

/// The end of the mark that begins at `at`, if there is one. `gap` precedes it.
pub fn end_of_mark(bytes: &[u8], at: usize, gap: Gap) -> Option<usize> {
    let first = *bytes.get(at)?;
    let opened = at > 0 && (bytes[at - 1] == b'<' || at > 1 && bytes[at - 1] == b'/' && bytes[at - 2] == b'<');
    if opened {
        return tag(bytes, at);
    }
    let may_number = first.is_ascii_digit() || matches!(gap, Gap::Line | Gap::Start);
    if may_number { item_number(bytes, at, gap) } else { None }
}

/// "1. ", "2: ", "b) " and "(3) " at the start of a line, "#4 " there, "5) " anywhere except in brackets.
fn item_number(bytes: &[u8], at: usize, gap: Gap) -> Option<usize> {
    let begins = matches!(gap, Gap::Line | Gap::Start);
    let digits = bytes.iter().skip(at).take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let letter = begins && digits == 0 && bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    let end = at + if letter { 1 } else { digits };
    if !letter && !(1..=2).contains(&digits) {
        return None;
    }
    let blank = |at: usize| matches!(bytes.get(at), Some(b' ' | b'\t'));
    let before = |back: usize| at.checked_sub(back).map(|at| bytes[at]);
    let marked = match bytes.get(end)? {
        b'.' | b':' => begins && !letter && blank(end + 1),
        // "(Apt 3) ".
        b')' => blank(end + 1) && (begins || !bytes[at.saturating_sub(24)..at].contains(&b'(')),
        b' ' => !letter && before(1) == Some(b'#') && matches!(before(2), None | Some(b'\n')),
        _ => false,
    };
    marked.then_some(end)
}

/// Tags whose names the model may take for names or words.
const TAGS: [&[u8]; 24] = [
    b"li", b"ul", b"ol", b"td", b"tr", b"th", b"tbody", b"thead", b"table", b"div", b"span", b"br", b"b", b"i", b"em",
    b"strong", b"dd", b"dt", b"dl", b"option", b"p", b"a", b"h1", b"h2",
];

fn tag(bytes: &[u8], at: usize) -> Option<usize> {
    let letters = bytes.iter().skip(at).take(8).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = bytes.get(at..at + letters)?;
    let ends = matches!(bytes.get(at + letters), Some(b'>' | b' ' | b'/'));
    (ends && TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag))).then_some(at + letters)
}

#[cfg(test)]
mod tests {
    use crate::tokens::tokenize;

    fn words(text: &str) -> Vec<&str> {
        let mut tokens = Vec::new();
        tokenize(text, &mut tokens);
        tokens.iter().map(|token| &text[token.start as usize..token.end as usize]).collect()
    }

    #[test]
    fn numbers_of_items_are_no_words() {
        for text in [
            "1. Jo\n2. Al",
            "1) Jo\n2) Al",
            "(1) Jo\n(2) Al",
            "#1 Jo\n#2 Al",
            "a) Jo\nb) Al",
            "1: Jo\n 2: Al",
            "1) Jo 2) Al",
        ] {
            assert_eq!(words(text), ["Jo", "Al"], "{text}");
        }
        assert_eq!(words("12 Oak Lane (Apt 3) #4 at 9:30"), ["12", "Oak", "Lane", "Apt", "3", "4", "at", "9", "30"]);
        assert_eq!(words("2 of them\n123. Jo\nJ. R. Al"), ["2", "of", "them", "123", "Jo", "J", "R", "Al"]);
    }

    #[test]
    fn names_of_tags_are_no_words() {
        assert_eq!(words("<ul><li>Jo</li><LI>Al</LI></ul>"), ["Jo", "Al"]);
        assert_eq!(
            words("<td class=x>Li</td> <Li Wei> a<b and/or i"),
            ["class", "x", "Li", "Wei", "a", "and", "or", "i"]
        );
    }
}
