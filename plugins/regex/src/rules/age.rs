//! AGE: ages of 90 and over. The Safe Harbor rule permits younger ages, and so does this pass.

use super::{Rule, finds};
use crate::kinds::Kind;
use crate::numbers::{self, Number};
use crate::tokens::Class;
use crate::turn::Turn;
use crate::words::flag;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["age", "how old", "aged", "years of age", "current age"],
    scan,
    needs: flag::WRITTEN | flag::NUMBER,
    ..Rule::new(Kind::Age)
};

/// The oldest verified age is 122.
const AGES: std::ops::RangeInclusive<u32> = 90..=125;

fn scan(turn: &mut Turn<'_>) {
    let mut at = 0;
    while at < turn.tokens.len() {
        let token = turn.at(at);
        let starts = token.is(flag::WRITTEN | flag::TENS | flag::HUNDRED | flag::DIGIT);
        let number = (starts && !token.claimed).then(|| numbers::below_thousand(turn, at)).flatten();
        let Some(number) = number else {
            at += 1;
            continue;
        };
        if AGES.contains(&number.value) && !turn.before(at).is(flag::NUMBER) {
            if let Some((last, confidence)) = age(turn, at, number) {
                turn.found(at, last, Kind::Age, confidence);
            }
        }
        at = number.next;
    }
}

fn age(turn: &Turn<'_>, at: usize, number: Number) -> Option<(usize, f32)> {
    if turn.at(number.next).is_sign_of(b"/%") || turn.before(at).is_sign_of(b"/$") {
        return None;
    }
    if years_old(turn, number.next) {
        return Some((number.next - 1, 0.93));
    }
    // A quantity of something else.
    let after = turn.at(number.next);
    if after.is(flag::UNIT | flag::NUMBER)
        || after.is_digits()
        || after.is_sign_of(b".:-") && turn.at(number.next + 1).is_glued() && turn.at(number.next + 1).is_digits()
    {
        return None;
    }
    let cued = turn.cue_before(at, 3, |cue| finds(cue.rule, Kind::Age)).is_some()
        || turn.carried.asks_for(|rule| finds(rule, Kind::Age)) && turn.tokens.len() <= 8;
    // "She is ninety five over sixty" is a blood pressure.
    if turn.str_at(number.next).eq_ignore_ascii_case("over") {
        return None;
    }
    // "She turned ninety", "I'll be 95 in March".
    let turned = ["turned", "turning", "turns"].iter().any(|w| at > 0 && turn.str_at(at - 1).eq_ignore_ascii_case(w));
    let confidence = if cued { 0.9 } else { 0.75 };
    (cued || turned || is_person(turn, at)).then_some((number.next - 1, confidence))
}

/// "My mother is ninety five", "she's 92", "I'm 94": said of a person, such a number is an age.
fn is_person(turn: &Turn<'_>, at: usize) -> bool {
    const PEOPLE: &[&str] = &[
        "i",
        "he",
        "she",
        "who",
        "mother",
        "father",
        "mom",
        "mum",
        "dad",
        "grandmother",
        "grandfather",
        "grandma",
        "grandpa",
        "nana",
        "wife",
        "husband",
        "aunt",
        "uncle",
        "sister",
        "brother",
        "patient",
        "lady",
        "gentleman",
    ];
    let person = |at: usize, ended: bool| {
        let text = turn.str_at(at);
        let (word, ending) = text.split_once(['\'', '\u{2019}']).unwrap_or((text, ""));
        PEOPLE.iter().any(|person| word.eq_ignore_ascii_case(person)) && ended != ending.is_empty()
    };
    if at == 0 || turn.starts_sentence(at) {
        return false;
    }
    // "A hundred and two".
    let at = if at > 1 && turn.str_at(at - 1).eq_ignore_ascii_case("a") { at - 1 } else { at };
    let before = at - 1;
    let verb = ["is", "was", "am"].iter().any(|word| turn.str_at(before).eq_ignore_ascii_case(word));
    person(before, true) || verb && at >= 2 && person(at - 2, false)
}

/// "years old", "-year-old", "y/o", "yo", "yrs of age".
fn years_old(turn: &Turn<'_>, at: usize) -> bool {
    let mut at = at;
    let mut words = 0;
    let mut years = false;
    while words < 4 {
        let token = turn.at(at);
        if token.class == Class::End {
            return false;
        }
        if token.class == Class::Word {
            let text = turn.str_at(at);
            let is = |list: &[&str]| list.iter().any(|word| text.eq_ignore_ascii_case(word));
            if is(&["old", "age", "yo", "yom", "yof"]) {
                return true;
            }
            if is(&["y"]) && turn.str_at(at + 2).eq_ignore_ascii_case("o") {
                return true;
            }
            years |= is(&["year", "years", "yr", "yrs"]);
            if !years && !token.is(flag::FILLER) || years && !is(&["year", "years", "yr", "yrs", "of"]) {
                return false;
            }
            words += 1;
        } else if !token.is_sign_of(b"-/") {
            return false;
        }
        at += 1;
    }
    false
}
