//! Where a span must end: list separators, sentence ends, line breaks, markup.
//!
//! To the model a separator is one feature among about thirty, and others may outweigh it, so that three people in a
//! list become one name. Therefore each labelled span is cut at every gap that no value of its kind contains, and each
//! part of a list gets the confidence of the whole: a cut drops no finding. The cuts depend on the kind: "12 Oak Lane,
//! Apt 3" is one address, "Karen Doyle, Hannah Fischer" are two people.

use std::ops::Range;

use crate::features::{category_of, is_capital, is_number};
use crate::gaps::Between;
use crate::lexicon::{category, entry};
use crate::tokens::{Gap, Token, hash_word};

/// The index of this kind.
const ADDRESS: usize = 1;

/// Which kinds must not continue at a word, and what else the gap before it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cut {
    name: bool,
    address: bool,
    organization: bool,
    /// The word belongs to no value.
    outside: bool,
    /// A sentence or a value's label ends here: no further list value follows.
    ends: bool,
    /// A value's label ends here.
    called: bool,
}

/// A value in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its words.
    pub words: Range<usize>,
    /// Whether it is part of a list, so that evidence for the list's other values counts for it too.
    pub listed: bool,
}

/// The values in a span of `tokens` (those of `text` without padding) that was labelled as one of a kind. At most
/// `most` values; the last is then the rest.
pub fn values<'t>(
    text: &'t str,
    tokens: &'t [Token],
    span: Range<usize>,
    kind: usize,
    most: usize,
) -> impl Iterator<Item = Value> + 't {
    let mut at = span.start;
    let mut listed = true;
    let mut count = 0;
    std::iter::from_fn(move || {
        while at < span.end && tokens.get(at).is_some_and(|token| is_key(text, token)) {
            at += 1;
        }
        let mut value = Value { words: at..at + 1, listed };
        let mut called = false;
        count += 1;
        if count >= most {
            value.words.end = span.end;
        }
        while value.words.end < span.end {
            let cut = cut(text, tokens, value.words.start, value.words.end);
            (listed, called) = (!cut.ends, cut.called);
            if cut.outside || [cut.name, cut.address, cut.organization].get(kind) == Some(&true) {
                break;
            }
            called = false;
            value.words.end += 1;
        }
        at = value.words.end;
        (value.words.start < span.end).then_some((value, called))
    })
    .filter(move |(value, called)| {
        let words = tokens.get(value.words.clone()).unwrap_or_default();
        // "Subscriber ID: XKJ4821" was taken for a place as a whole.
        let name = *called && kind == ADDRESS && !words.iter().any(is_of_address);
        // "E11.9", "J45.909": a diagnosis; no postcode contains a point.
        let point = words.iter().skip(1).any(|word| word.gap == Gap::Period);
        let diagnosis = kind == ADDRESS && point && words.iter().all(is_number);
        !name && !diagnosis && (words.len() > 1 || words.first().is_some_and(|word| !is_and(word)))
    })
    .map(|(value, _)| value)
}

fn is_of_address(token: &Token) -> bool {
    is_number(token) || category_of(token) == category::STREET || token.entry >> entry::PLACE & 3 > 0 || token.place > 0
}

fn cut(text: &str, tokens: &[Token], start: usize, at: usize) -> Cut {
    let Some(this) = tokens.get(at) else { return Cut::default() };
    let outside = is_key(text, this);
    let Some(before) = at.checked_sub(1).and_then(|at| tokens.get(at)) else {
        return Cut { outside, ..Cut::default() };
    };
    let new_address = begins_address(tokens, at) || is_and(this) && begins_address(tokens, at + 1);
    // Nearly every word takes this early exit.
    let blank = text.as_bytes().get(before.end as usize) == Some(&b' ');
    if blank && this.gap == Gap::Space && this.start == before.end + 1 {
        return Cut { address: new_address, outside, ..Cut::default() };
    }
    let gap = Between::read(text, before.end as usize, this.start as usize);
    let spelled = is_spelled(text, tokens, at);
    let ends = gap.ends || gap.sentence && !is_abbreviated(text, before) && !spelled;
    let apart = gap.separator || ends;
    let bracketed = gap.closes && gap.opens;
    let sign = gap.slash || gap.joining_sign || gap.hash;
    let company = category_of(before) == category::COMPANY && category_of(this) != category::COMPANY;
    Cut {
        name: apart
            || gap.lines > 0
            || sign
            || gap.spaced_dash && !spelled
            || gap.comma && !spelled && !is_family_first(text, tokens, at)
            || gap.has_quotes() && !is_nickname(text, tokens, start, at),
        address: new_address
            || apart
            || gap.lines > 1
            || gap.lines > 0 && gap.spaced_dash
            || gap.quotes > 0
            || bracketed
            || is_code(before) && is_code(this),
        organization: apart
            || gap.lines > 0
            || gap.quotes > 1
            || gap.quotes > 0 && gap.comma
            || bracketed
            || company && (gap.comma || gap.spaced_dash || gap.slash),
        outside,
        ends: ends && !gap.separator && gap.lines == 0,
        called: gap.colon,
    }
}

/// Whether a house number and its street begin here shortly after another street: "18 Maple Street, 205 Cedar Avenue",
/// but not "Flat 2, 27b Marlock Road".
fn begins_address(tokens: &[Token], at: usize) -> bool {
    /// What follows the street of an address is rarely longer.
    const BACK: usize = 7;
    let Some(this) = tokens.get(at).filter(|token| is_number(token)) else { return false };
    let separated = this.gap > Gap::Space || at.checked_sub(1).is_some_and(|before| is_and(&tokens[before]));
    // The distance in words to the street type.
    let street_follows = (1..=3).contains(&(this.near >> 4)) && category_of(this) != category::STREET;
    separated
        && street_follows
        && tokens[at.saturating_sub(BACK)..at].iter().any(|token| category_of(token) == category::STREET)
}

/// "QX7021934": longer than the halves of a postcode.
fn is_code(token: &Token) -> bool {
    is_number(token) && token.end - token.start >= 6
}

fn is_and(token: &Token) -> bool {
    const AND: u64 = hash_word(b"and");
    const OR: u64 = hash_word(b"or");
    matches!(token.word, AND | OR)
}

/// Abbreviations whose stop ends no sentence, besides single letters.
const ABBREVIATIONS: [u64; 40] = [
    hash_word(b"st"),
    hash_word(b"dr"),
    hash_word(b"mr"),
    hash_word(b"mrs"),
    hash_word(b"ms"),
    hash_word(b"jr"),
    hash_word(b"sr"),
    hash_word(b"prof"),
    hash_word(b"rev"),
    hash_word(b"fr"),
    hash_word(b"hon"),
    hash_word(b"capt"),
    hash_word(b"sgt"),
    hash_word(b"lt"),
    hash_word(b"col"),
    hash_word(b"gen"),
    hash_word(b"wm"),
    hash_word(b"geo"),
    hash_word(b"chas"),
    hash_word(b"jos"),
    hash_word(b"ste"),
    hash_word(b"mt"),
    hash_word(b"ft"),
    hash_word(b"ave"),
    hash_word(b"av"),
    hash_word(b"blvd"),
    hash_word(b"rd"),
    hash_word(b"ln"),
    hash_word(b"hwy"),
    hash_word(b"pkwy"),
    hash_word(b"apt"),
    hash_word(b"no"),
    hash_word(b"bldg"),
    hash_word(b"str"),
    hash_word(b"pl"),
    hash_word(b"ct"),
    hash_word(b"sq"),
    hash_word(b"inc"),
    hash_word(b"co"),
    hash_word(b"corp"),
];

fn is_abbreviated(text: &str, token: &Token) -> bool {
    is_letter(text, token) || ABBREVIATIONS.contains(&token.word)
}

/// Whether word `at` is a letter of a spelled name: "M, A, R, I, A", "T as in Tango, A as in Alpha".
fn is_spelled(text: &str, tokens: &[Token], at: usize) -> bool {
    const LIKE: [u64; 3] = [hash_word(b"as"), hash_word(b"for"), hash_word(b"like")];
    let letter = |token: Option<&Token>| token.is_some_and(|token| is_letter(text, token));
    let likened = tokens.get(at + 1).is_some_and(|next| LIKE.contains(&next.word));
    letter(tokens.get(at)) && (likened || letter(at.checked_sub(1).and_then(|at| tokens.get(at))))
}

fn is_letter(text: &str, token: &Token) -> bool {
    let mut chars = text.get(token.start as usize..token.end as usize).unwrap_or_default().chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Whether the comma before word `at` separates a family name from a given name: "Gonzalez, Maria". It does if only
/// one family name precedes it, one or two given names follow, and the list is no longer than that.
fn is_family_first(text: &str, tokens: &[Token], at: usize) -> bool {
    let (Some(family), Some(given)) = (at.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(at)) else {
        return false;
    };
    let Some(between) = text.get(family.end as usize..given.start as usize) else { return false };
    let rank = |token: &Token, field: u32| token.entry >> field & 3;
    let initial = given.end == given.start + 1;
    let listed = rank(family, entry::LAST) >= rank(family, entry::FIRST) && (rank(given, entry::FIRST) > 0 || initial);
    if between.trim_end() != "," || !listed {
        return false;
    }
    // "Karen Doyle, Robert": a full name precedes the comma.
    let alone = match at.checked_sub(2).and_then(|at| tokens.get(at)) {
        Some(before) if family.gap <= Gap::Space => !is_capital(before),
        _ => family.gap != Gap::Comma,
    };
    let more = tokens[at + 1..].iter().take(2).take_while(|token| token.gap <= Gap::Space && is_capital(token)).count();
    let longer = tokens.get(at + 1 + more).is_some_and(|next| {
        let named = rank(next, entry::FIRST) > 0 || rank(next, entry::LAST) > 0;
        is_and(next) && next.gap <= Gap::Comma || next.gap == Gap::Comma && named && is_capital(next)
    });
    alone && is_capital(family) && is_capital(given) && !longer
}

/// Whether the quotation marks or brackets before word `at` are those of a nickname in a name that begins at `start`:
/// `Robert "Bob" Smith`.
fn is_nickname(text: &str, tokens: &[Token], start: usize, at: usize) -> bool {
    at > start && opens_nickname(text, tokens, at) || at > start + 1 && opens_nickname(text, tokens, at - 1)
}

/// Whether word `at` is one word in quotation marks or brackets between two others.
fn opens_nickname(text: &str, tokens: &[Token], at: usize) -> bool {
    let (Some(before), Some(this), Some(after)) =
        (at.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(at), tokens.get(at + 1))
    else {
        return false;
    };
    let gap = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or_default();
    let pair = (gap(before.end, this.start), gap(this.end, after.start));
    let quoted = matches!(
        pair,
        (" \"", "\" ") | (" '", "' ") | (" (", ") ") | (" \u{201c}", "\u{201d} ") | (" \u{2018}", "\u{2019} ")
    );
    quoted && is_capital(before) && is_capital(this) && is_capital(after)
}

/// Whether it is a lower-case JSON key: `"doctor":`.
fn is_key(text: &str, token: &Token) -> bool {
    if token.gap < Gap::Quote || is_capital(token) {
        return false;
    }
    let (before, after) = text.split_at_checked(token.end as usize).unwrap_or_default();
    let quoted = before.get(..token.start as usize).is_some_and(|before| before.ends_with('"'));
    quoted && (after.starts_with("\":") || after.starts_with("\\\":"))
}
