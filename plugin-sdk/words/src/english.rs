//! English. Names of months and days and their short forms: CLDR 46, `en` and `en-GB`.

use core::fmt::{Formatter, Result};

use crate::say::Say;
use crate::table::{Table, list, table, words};

pub const AND: Table<()> = words!("and");

/// Including common misspellings.
pub const CARDINALS: Table<u32> = table! { u32;
    0 => "zero", 1 => "one", 2 => "two", 3 => "three", 4 => "four", 5 => "five", 6 => "six", 7 => "seven", 8 => "eight",
    9 => "nine", 10 => "ten", 11 => "eleven", 12 => "twelve", 13 => "thirteen", 14 => "fourteen", 15 => "fifteen",
    16 => "sixteen", 17 => "seventeen", 18 => "eighteen", 19 => "nineteen", 20 => "twenty", 30 => "thirty",
    40 => "forty" "fourty", 50 => "fifty", 60 => "sixty", 70 => "seventy", 80 => "eighty", 90 => "ninety",
    100 => "hundred", 1_000 => "thousand", 1_000_000 => "million", 1_000_000_000 => "billion",
};

pub const ELIDED: Table<u32> = &[];

/// Telephone usage, and ICAO Annex 10's radio pronunciations that differ from the usual words.
pub const DIGITS: Table<u8> = table! { u8;
    0 => "oh" "o" "nought" "naught" "aught" "nil",
    4 => "fower",
    5 => "fife",
    9 => "niner",
};

pub const REPEATS: Table<u8> = table! { u8; 2 => "double", 3 => "triple" "treble", 4 => "quadruple" };

pub const ORDINALS: Table<u32> = table! { u32;
    1 => "first", 2 => "second", 3 => "third", 4 => "fourth", 5 => "fifth", 6 => "sixth", 7 => "seventh",
    8 => "eighth", 9 => "ninth" "nineth", 10 => "tenth", 11 => "eleventh", 12 => "twelfth" "twelveth",
    13 => "thirteenth", 14 => "fourteenth", 15 => "fifteenth", 16 => "sixteenth", 17 => "seventeenth",
    18 => "eighteenth", 19 => "nineteenth", 20 => "twentieth", 30 => "thirtieth", 40 => "fortieth", 50 => "fiftieth",
    60 => "sixtieth", 70 => "seventieth", 80 => "eightieth", 90 => "ninetieth", 100 => "hundredth",
    1_000 => "thousandth", 1_000_000 => "millionth",
};

/// Suffixes of written ordinals.
pub const ORDINAL_ENDINGS: Table<()> = words!("st" "nd" "rd" "th");

pub const MONTHS: Table<u8> = table! { u8;
    1 => "january" "jan", 2 => "february" "feb", 3 => "march" "mar", 4 => "april" "apr", 5 => "may", 6 => "june" "jun",
    7 => "july" "jul", 8 => "august" "aug", 9 => "september" "sept" "sep", 10 => "october" "oct",
    11 => "november" "nov", 12 => "december" "dec",
};

pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "monday" "mon", 2 => "tuesday" "tues" "tue", 3 => "wednesday" "wed", 4 => "thursday" "thurs" "thur" "thu",
    5 => "friday" "fri", 6 => "saturday" "sat", 7 => "sunday" "sun",
};

/// Names of letters that are rarely anything else.
pub const LETTERS: Table<char> = table! { char;
    'a' => "ay", 'b' => "bee", 'c' => "cee", 'd' => "dee", 'e' => "ee", 'f' => "eff" "ef", 'g' => "gee",
    'h' => "aitch" "haitch", 'j' => "jay", 'k' => "kay", 'l' => "ell" "el", 'm' => "em", 'n' => "en", 'p' => "pee",
    'q' => "cue", 'r' => "ar", 's' => "ess", 't' => "tee", 'v' => "vee",
    'w' => "double u" "double you" "double-u" "doubleyou", 'x' => "ex", 'y' => "wye", 'z' => "zee" "zed",
};

/// Common words that sound like a letter, as a recogniser may transcribe it.
pub const SOUNDS: Table<char> = table! { char;
    'b' => "be", 'c' => "see" "sea", 'g' => "jee", 'i' => "eye", 'o' => "oh", 'p' => "pea", 'q' => "queue",
    'r' => "are", 't' => "tea", 'u' => "you", 'y' => "why",
};

/// Telephone alphabets other than the international one: the US police's (APCO) and callers' improvisations.
pub const ALPHABET: Table<()> = words!(
    "adam" "apple" "baker" "boy" "cat" "charles" "david" "dog" "easy" "edward" "fox" "frank" "george" "henry" "ida"
    "item" "jack" "john" "king" "lincoln" "love" "lucy" "mary" "nancy" "nora" "ocean" "paul" "peter" "queen" "robert"
    "roger" "sam" "sugar" "thomas" "tom" "union" "william" "young" "zebra"
);

/// Between a letter and a word that begins with it.
pub const LIKENERS: Table<()> = words!("as" "as in" "for" "like");

pub const SIGNS: Table<char> = table! { char;
    '-' => "dash" "hyphen" "minus",
    '.' => "dot" "period" "point" "full stop",
    '/' => "slash" "forward slash",
    '\\' => "backslash" "back slash",
    '_' => "underscore",
    '+' => "plus" "plus sign",
    '@' => "at" "at sign",
    ':' => "colon",
    '#' => "hash" "number sign" "pound sign",
    '*' => "star" "asterisk",
    '&' => "ampersand",
    ',' => "comma",
};

pub const FILLERS: Table<()> = words!("uh" "um" "uhm" "umm" "er" "erm" "hmm" "hm" "mm" "ah");

/// Only the last word of an ordinal is an ordinal.
pub const ORDINALS_CHAIN: bool = false;

const SMALL: [&str; 20] = list! {
    "zero" "one" "two" "three" "four" "five" "six" "seven" "eight" "nine" "ten" "eleven" "twelve" "thirteen" "fourteen"
    "fifteen" "sixteen" "seventeen" "eighteen" "nineteen"
};
const TENS: [&str; 10] = list! { "" "" "twenty" "thirty" "forty" "fifty" "sixty" "seventy" "eighty" "ninety" };
const SMALL_ORDINALS: [&str; 20] = list! {
    "zeroth" "first" "second" "third" "fourth" "fifth" "sixth" "seventh" "eighth" "ninth" "tenth" "eleventh" "twelfth"
    "thirteenth" "fourteenth" "fifteenth" "sixteenth" "seventeenth" "eighteenth" "nineteenth"
};
const ORDINAL_TENS: [&str; 10] = list! {
    "" "" "twentieth" "thirtieth" "fortieth" "fiftieth" "sixtieth" "seventieth" "eightieth" "ninetieth"
};
const SCALES: [(u32, &str); 4] =
    [(1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred")];

pub const MONTH_NAMES: &[&str; 12] = &list! {
    "January" "February" "March" "April" "May" "June" "July" "August" "September" "October" "November" "December"
};
pub const WEEKDAY_NAMES: &[&str; 7] = &list! { "Monday" "Tuesday" "Wednesday" "Thursday" "Friday" "Saturday" "Sunday" };
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "dash"),
    ('.', "dot"),
    ('/', "slash"),
    ('\\', "backslash"),
    ('_', "underscore"),
    ('+', "plus"),
    ('@', "at"),
    (':', "colon"),
    ('#', "hash"),
    ('*', "star"),
    ('&', "ampersand"),
    (',', "comma"),
];

/// As in the US, without "and".
pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, cardinal, &SMALL, &TENS, "")
}

pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, ordinal, &SMALL_ORDINALS, &ORDINAL_TENS, "th")
}

/// Writes a number whose last part `end` writes: the last word is from `small` or `tens`, or a scale with `ending`.
fn say(f: &mut Formatter<'_>, number: u32, end: Say, small: &[&str], tens: &[&str], ending: &str) -> Result {
    if let Some((scale, name)) = SCALES.iter().find(|(scale, _)| number >= *scale) {
        cardinal(f, number / scale)?;
        return match number % scale {
            0 => write!(f, " {name}{ending}"),
            more => {
                write!(f, " {name} ")?;
                end(f, more)
            }
        };
    }
    let at = number as usize;
    match (small.get(at), tens.get(at / 10), TENS.get(at / 10)) {
        (Some(word), ..) => f.write_str(word),
        (_, Some(word), _) if at % 10 == 0 => f.write_str(word),
        (_, _, Some(ten)) => {
            write!(f, "{ten} ")?;
            end(f, number % 10)
        }
        _ => Ok(()),
    }
}

/// "Nineteen eighty two", "nineteen oh five", "two thousand five", "twenty twenty four".
pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    let (century, rest) = (year / 100, year % 100);
    if !(10..100).contains(&century) || century % 10 == 0 && rest < 10 {
        return cardinal(f, year);
    }
    cardinal(f, century)?;
    f.write_str(match rest {
        0 => return f.write_str(" hundred"),
        1..10 => " oh ",
        _ => " ",
    })?;
    cardinal(f, rest)
}

/// "March fourteenth, nineteen eighty two".
pub fn date(f: &mut Formatter<'_>, of_year: Option<u32>, month: &str, day: u8) -> Result {
    write!(f, "{month} ")?;
    ordinal(f, day.into())?;
    let Some(of_year) = of_year else { return Ok(()) };
    f.write_str(", ")?;
    year(f, of_year)
}
