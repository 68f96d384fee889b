//! ADDRESS: streets whose type comes first ("6 rue Gustave Charpentier", "Calle Mayor 5") or is the end of a compound
//! word ("Hauptstraße 12").

use super::{Rule, address};
use crate::kinds::Kind;
use crate::tokens::{Caps, Class, Gap};
use crate::turn::Turn;
use crate::words::{UNKNOWN, flag};

/// The rule.
pub static RULE: Rule = Rule { scan, needs: flag::STREET_FIRST | flag::WRITTEN, ..Rule::new(Kind::Address) };

/// Endings of German and Dutch street names. A number must follow, since such words also occur outside addresses.
const ENDINGS: &[&str] = &["straße", "strasse", "gasse", "platz", "allee", "straat", "gracht", "str"];

fn scan(turn: &mut Turn<'_>) {
    for at in 0..turn.tokens.len() {
        let token = *turn.at(at);
        if token.claimed || token.class != Class::Word {
            continue;
        }
        if token.is(flag::STREET_FIRST) {
            if let Some((first, last)) = type_first(turn, at) {
                address::report(turn, first, last, 0.88);
            }
        } else if token.word == UNKNOWN && token.caps == Caps::First && token.len() >= 6 {
            if let Some(last) = one_word(turn, at) {
                address::report(turn, at, last, 0.85);
            }
        }
    }
}

fn type_first(turn: &Turn<'_>, street: usize) -> Option<(usize, usize)> {
    let before = turn.before(street);
    let comma = before.is_sign(b',') && street > 1;
    let number = if comma { street - 2 } else { street.wrapping_sub(1) };
    // "28bis Avenue Corentin Cariou".
    let bis = !comma && ["bis", "ter"].iter().any(|word| street > 1 && turn.str_at(number).eq_ignore_ascii_case(word));
    let number = if bis { number - 1 } else { number };
    let numbered = turn.at(number).is_digits() && turn.width_at(number) <= 5 && !turn.at(number).claimed
        || turn.at(number).is(flag::NUMBER) && !turn.at(number).is_letter();
    // "Via" and "avenue" in lower case are English words.
    let english = turn.at(street).is(flag::STREET) || turn.str_at(street).eq_ignore_ascii_case("via");
    if english && (turn.at(street).caps == Caps::None || turn.at(street + 1).caps != Caps::First) {
        return None;
    }
    if turn.at(street).is(flag::STREET) && !numbered {
        return None;
    }
    let mut last = street;
    while last - street < 4 {
        let next = turn.at(last + 1);
        let particle = ["de", "la", "le", "du", "des", "del", "los", "las", "da", "di", "della", "l", "d"]
            .iter()
            .any(|word| turn.str_at(last + 1).eq_ignore_ascii_case(word));
        let name = next.class == Class::Word
            && next.gap != Gap::Line
            && !next.is(flag::STOP | flag::LINK | flag::NUMBER | flag::APARTMENT | flag::MONTH | flag::WEEKDAY);
        let loud = next.caps != Caps::None || !english && last - street < 2;
        if !(particle || name && loud) {
            break;
        }
        last += 1;
    }
    if last == street {
        return None;
    }
    if numbered {
        return Some((address::house_number(turn, number).unwrap_or(number), last));
    }
    // "The band camino 9th": without a number before it, a type in lower case is an ordinary word.
    if turn.at(street).caps == Caps::None {
        return None;
    }
    let after = if turn.at(last + 1).is_sign(b',') { last + 2 } else { last + 1 };
    (turn.at(after).is_digits() && turn.width_at(after) <= 4 && turn.at(after).gap != Gap::Line)
        .then_some((street, after))
}

fn one_word(turn: &Turn<'_>, at: usize) -> Option<usize> {
    let text = turn.str_at(at);
    let named = ENDINGS.iter().any(|ending| text.ends_with(ending));
    let number = if turn.at(at + 1).is_sign(b'.') { at + 2 } else { at + 1 };
    if !named || !turn.at(number).is_digits() || turn.width_at(number) > 4 {
        return None;
    }
    let letter = turn.at(number + 1).is_letter() && turn.at(number + 1).is_glued();
    Some(if letter { number + 1 } else { number })
}
