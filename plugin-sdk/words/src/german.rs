//! German. Numbers: Duden, as one word below a million. Months and days: CLDR 46, `de` and `de-AT`, with the "Juno" and
//! "Julei" of the telephone. Telephone alphabets: DIN 5009 of 1996 and of 2022.

use core::fmt::{Formatter, Result};

use crate::table::{Table, list, table, words};

pub const AND: Table<()> = words!("und");

/// Umlauts both as one letter and as two.
pub const CARDINALS: Table<u32> = table! { u32;
    0 => "null", 1 => "eins" "ein" "eine", 2 => "zwei" "zwo", 3 => "drei", 4 => "vier", 5 => "funf" "fuenf",
    6 => "sechs", 7 => "sieben", 8 => "acht", 9 => "neun", 10 => "zehn", 11 => "elf", 12 => "zwolf" "zwoelf",
    13 => "dreizehn", 14 => "vierzehn", 15 => "funfzehn" "fuenfzehn", 16 => "sechzehn", 17 => "siebzehn",
    18 => "achtzehn", 19 => "neunzehn", 20 => "zwanzig", 30 => "dreissig", 40 => "vierzig", 50 => "funfzig" "fuenfzig",
    60 => "sechzig", 70 => "siebzig", 80 => "achtzig", 90 => "neunzig", 100 => "hundert", 1_000 => "tausend",
    1_000_000 => "million" "millionen", 1_000_000_000 => "milliarde" "milliarden",
};
pub const ELIDED: Table<u32> = &[];
pub const DIGITS: Table<u8> = &[];
pub const REPEATS: Table<u8> = table! { u8; 2 => "doppel" "doppelt" "zweimal", 3 => "dreimal", 4 => "viermal" };

/// Without the ending for case and gender.
pub const ORDINALS: Table<u32> = table! { u32;
    1 => "erste", 2 => "zweite" "zwote", 3 => "dritte", 4 => "vierte", 5 => "funfte" "fuenfte", 6 => "sechste",
    7 => "siebte" "siebente", 8 => "achte", 9 => "neunte", 10 => "zehnte", 11 => "elfte", 12 => "zwolfte" "zwoelfte",
    13 => "dreizehnte", 14 => "vierzehnte", 15 => "funfzehnte" "fuenfzehnte", 16 => "sechzehnte", 17 => "siebzehnte",
    18 => "achtzehnte", 19 => "neunzehnte", 20 => "zwanzigste", 30 => "dreissigste", 40 => "vierzigste",
    50 => "funfzigste" "fuenfzigste", 60 => "sechzigste", 70 => "siebzigste", 80 => "achtzigste", 90 => "neunzigste",
    100 => "hundertste", 1_000 => "tausendste",
};
pub const ORDINALS_CHAIN: bool = false;
pub const ORDINAL_ENDINGS: Table<()> = words!("te" "ten" "ter" "ste" "sten" "ster");

pub const MONTHS: Table<u8> = table! { u8;
    1 => "januar" "janner" "jaenner" "jan", 2 => "februar" "feber" "feb", 3 => "marz" "maerz" "mrz" "mar",
    4 => "april" "apr", 5 => "mai", 6 => "juni" "juno" "jun", 7 => "juli" "julei" "jul", 8 => "august" "aug",
    9 => "september" "sept" "sep", 10 => "oktober" "okt", 11 => "november" "nov", 12 => "dezember" "dez",
};
pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "montag" "mo", 2 => "dienstag" "di", 3 => "mittwoch" "mi", 4 => "donnerstag" "do", 5 => "freitag" "fr",
    6 => "samstag" "sonnabend" "sa", 7 => "sonntag" "so",
};

pub const LETTERS: Table<char> = table! { char;
    'b' => "be", 'c' => "ce" "ze", 'd' => "de", 'f' => "ef", 'g' => "ge", 'h' => "ha", 'j' => "jot", 'k' => "ka",
    'l' => "el", 'm' => "em", 'n' => "en", 'p' => "pe", 'q' => "ku", 't' => "te", 'v' => "vau", 'w' => "we",
    'x' => "ix", 'y' => "ypsilon", 'z' => "zet" "zett",
};
pub const SOUNDS: Table<char> = table! { char; 'r' => "er", 's' => "es", 't' => "tee", 'w' => "weh" };

pub const ALPHABET: Table<()> = words!(
    "anton" "berta" "casar" "caesar" "dora" "emil" "friedrich" "gustav" "heinrich" "ida" "julius" "kaufmann" "konrad"
    "ludwig" "martha" "nordpol" "otto" "paula" "quelle" "richard" "samuel" "siegfried" "theodor" "ulrich" "viktor"
    "wilhelm" "xanthippe" "xaver" "ypsilon" "zacharias" "zeppelin"
    "aachen" "berlin" "chemnitz" "dusseldorf" "essen" "frankfurt" "goslar" "hamburg" "ingelheim" "jena" "koln"
    "leipzig" "munchen" "nurnberg" "offenbach" "potsdam" "quickborn" "rostock" "salzwedel" "tubingen" "unna"
    "volklingen" "wuppertal" "xanten" "zwickau"
);
pub const LIKENERS: Table<()> = words!("wie" "wie in");

pub const SIGNS: Table<char> = table! { char;
    '-' => "bindestrich" "strich" "minus", '.' => "punkt", '/' => "schragstrich" "schraegstrich" "slash",
    '\\' => "backslash", '_' => "unterstrich", '+' => "plus", '@' => "at" "klammeraffe", ':' => "doppelpunkt",
    '#' => "raute", '*' => "stern" "sternchen", '&' => "kaufmannisches und", ',' => "komma",
};
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "Bindestrich"),
    ('.', "Punkt"),
    ('/', "Schrägstrich"),
    ('\\', "Backslash"),
    ('_', "Unterstrich"),
    ('+', "plus"),
    ('@', "at"),
    (':', "Doppelpunkt"),
    ('#', "Raute"),
    ('*', "Stern"),
    (',', "Komma"),
];
pub const FILLERS: Table<()> = words!("ah" "ahm" "aeh" "aehm" "eh" "ehm" "hm" "hmm" "mm");

const SMALL: [&str; 20] = list! {
    "null" "eins" "zwei" "drei" "vier" "fünf" "sechs" "sieben" "acht" "neun" "zehn" "elf" "zwölf" "dreizehn" "vierzehn"
    "fünfzehn" "sechzehn" "siebzehn" "achtzehn" "neunzehn"
};
const TENS: [&str; 10] =
    list! { "" "" "zwanzig" "dreißig" "vierzig" "fünfzig" "sechzig" "siebzig" "achtzig" "neunzig" };
const SMALL_ORDINALS: [&str; 20] = list! {
    "nullte" "erste" "zweite" "dritte" "vierte" "fünfte" "sechste" "siebte" "achte" "neunte" "zehnte" "elfte" "zwölfte"
    "dreizehnte" "vierzehnte" "fünfzehnte" "sechzehnte" "siebzehnte" "achtzehnte" "neunzehnte"
};
pub const MONTH_NAMES: &[&str; 12] = &list! {
    "Januar" "Februar" "März" "April" "Mai" "Juni" "Juli" "August" "September" "Oktober" "November" "Dezember"
};
pub const WEEKDAY_NAMES: &[&str; 7] =
    &list! { "Montag" "Dienstag" "Mittwoch" "Donnerstag" "Freitag" "Samstag" "Sonntag" };

pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, true)
}

/// "Eins" at the `end` of a number becomes "ein" within it.
fn say(f: &mut Formatter<'_>, number: u32, end: bool) -> Result {
    let (upper, rest, name) = match number {
        1 if !end => return f.write_str("ein"),
        0..20 => return f.write_str(SMALL[number as usize % 20]),
        20..100 => {
            if number % 10 > 0 {
                say(f, number % 10, false)?;
                f.write_str("und")?;
            }
            return f.write_str(TENS[number as usize / 10 % 10]);
        }
        100..1_000 => (number / 100, number % 100, "hundert"),
        1_000..1_000_000 => (number / 1_000, number % 1_000, "tausend"),
        _ => {
            match number / 1_000_000 {
                1 => f.write_str("eine Million")?,
                millions => {
                    say(f, millions, true)?;
                    f.write_str(" Millionen")?;
                }
            }
            return match number % 1_000_000 {
                0 => Ok(()),
                rest => {
                    f.write_str(" ")?;
                    say(f, rest, end)
                }
            };
        }
    };
    say(f, upper, false)?;
    f.write_str(name)?;
    if rest > 0 { say(f, rest, end) } else { Ok(()) }
}

pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    match number % 100 {
        1..20 => {
            if number >= 100 {
                say(f, number - number % 100, true)?;
            }
            f.write_str(SMALL_ORDINALS[number as usize % 100 % 20])
        }
        _ if number == 0 => f.write_str(SMALL_ORDINALS[0]),
        _ => {
            say(f, number, true)?;
            f.write_str("ste")
        }
    }
}

/// "Neunzehnhundertzweiundachtzig", "zweitausendfünf".
pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    if !(1_100..2_000).contains(&year) {
        return cardinal(f, year);
    }
    cardinal(f, year / 100)?;
    f.write_str("hundert")?;
    if year % 100 > 0 { cardinal(f, year % 100) } else { Ok(()) }
}

/// "Vierzehnter März neunzehnhundertzweiundachtzig".
pub fn date(f: &mut Formatter<'_>, of_year: Option<u32>, month: &str, day: u8) -> Result {
    ordinal(f, day.into())?;
    write!(f, "r {month}")?;
    let Some(of_year) = of_year else { return Ok(()) };
    f.write_str(" ")?;
    year(f, of_year)
}
