//! French. Numbers: Académie française and "Le Bon Usage", with "septante", "huitante" and "nonante" of Belgium and
//! Switzerland. Months and days: CLDR 46, `fr`. Telephone alphabet: the one of the PTT.

use core::fmt::{Formatter, Result};

use crate::table::{Table, list, table, words};

pub const AND: Table<()> = words!("et");

/// The other numbers below a hundred are composed: "dix-sept", "soixante et onze", "quatre-vingt-douze".
pub const CARDINALS: Table<u32> = table! { u32;
    0 => "zero", 1 => "un" "une", 2 => "deux", 3 => "trois", 4 => "quatre", 5 => "cinq", 6 => "six", 7 => "sept",
    8 => "huit", 9 => "neuf", 10 => "dix", 11 => "onze", 12 => "douze", 13 => "treize", 14 => "quatorze",
    15 => "quinze", 16 => "seize", 20 => "vingt" "vingts", 30 => "trente", 40 => "quarante", 50 => "cinquante",
    60 => "soixante", 70 => "septante", 80 => "huitante" "octante", 90 => "nonante", 100 => "cent" "cents",
    1_000 => "mille" "mil", 1_000_000 => "million" "millions", 1_000_000_000 => "milliard" "milliards",
};
pub const ELIDED: Table<u32> = &[];
pub const DIGITS: Table<u8> = &[];
pub const REPEATS: Table<u8> = table! { u8; 2 => "double", 3 => "triple" };

pub const ORDINALS: Table<u32> = table! { u32;
    1 => "premier" "premiere" "unieme", 2 => "deuxieme" "second" "seconde", 3 => "troisieme", 4 => "quatrieme",
    5 => "cinquieme", 6 => "sixieme", 7 => "septieme", 8 => "huitieme", 9 => "neuvieme", 10 => "dixieme",
    11 => "onzieme", 12 => "douzieme", 13 => "treizieme", 14 => "quatorzieme", 15 => "quinzieme", 16 => "seizieme",
    20 => "vingtieme", 30 => "trentieme", 40 => "quarantieme", 50 => "cinquantieme", 60 => "soixantieme",
    100 => "centieme", 1_000 => "millieme",
};
pub const ORDINALS_CHAIN: bool = false;
pub const ORDINAL_ENDINGS: Table<()> = words!("er" "re" "ere" "e" "eme" "ieme" "nd" "nde");

pub const MONTHS: Table<u8> = table! { u8;
    1 => "janvier" "janv" "jan", 2 => "fevrier" "fevr" "fev", 3 => "mars", 4 => "avril" "avr", 5 => "mai", 6 => "juin",
    7 => "juillet" "juil", 8 => "aout", 9 => "septembre" "sept", 10 => "octobre" "oct", 11 => "novembre" "nov",
    12 => "decembre" "dec",
};
pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "lundi" "lun", 2 => "mardi" "mar", 3 => "mercredi" "mer", 4 => "jeudi" "jeu", 5 => "vendredi" "ven",
    6 => "samedi" "sam", 7 => "dimanche" "dim",
};

pub const LETTERS: Table<char> = table! { char;
    'b' => "be", 'f' => "effe", 'g' => "ge", 'h' => "hache", 'j' => "ji", 'k' => "ka", 'm' => "emme", 'n' => "enne",
    'p' => "pe", 'q' => "ku", 'r' => "erre", 's' => "esse", 'v' => "ve", 'w' => "double ve" "double v", 'x' => "ixe",
    'y' => "i grec", 'z' => "zede" "zed",
};
pub const SOUNDS: Table<char> = table! { char; 'c' => "ce", 'd' => "de", 'l' => "elle", 't' => "te" };

pub const ALPHABET: Table<()> = words!(
    "anatole" "berthe" "celestin" "desire" "eugene" "francois" "gaston" "henri" "irma" "joseph" "kleber" "louis"
    "marcel" "nicolas" "oscar" "pierre" "quintal" "raoul" "suzanne" "therese" "ursule" "victor" "william" "xavier"
    "yvonne" "zoe"
);
pub const LIKENERS: Table<()> = words!("comme" "comme dans");

pub const SIGNS: Table<char> = table! { char;
    '-' => "tiret" "trait dunion" "moins", '.' => "point", '/' => "barre" "slash" "barre oblique",
    '\\' => "antislash" "barre inverse", '_' => "tiret bas" "underscore" "souligne", '+' => "plus",
    '@' => "arobase" "arrobase" "a commercial", ':' => "deux points" "deux-points", '#' => "diese",
    '*' => "etoile" "asterisque", '&' => "esperluette", ',' => "virgule",
};
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "tiret"),
    ('.', "point"),
    ('/', "barre oblique"),
    ('\\', "antislash"),
    ('_', "tiret bas"),
    ('+', "plus"),
    ('@', "arobase"),
    (':', "deux points"),
    ('#', "dièse"),
    ('*', "étoile"),
    ('&', "esperluette"),
    (',', "virgule"),
];
pub const FILLERS: Table<()> = words!("euh" "heu" "hum" "hm" "mm" "ah");

const SMALL: [&str; 17] = list! {
    "zéro" "un" "deux" "trois" "quatre" "cinq" "six" "sept" "huit" "neuf" "dix" "onze" "douze" "treize" "quatorze"
    "quinze" "seize"
};
const TENS: [&str; 7] = list! { "" "dix" "vingt" "trente" "quarante" "cinquante" "soixante" };
const SMALL_ORDINALS: [&str; 17] = list! {
    "" "unième" "deuxième" "troisième" "quatrième" "cinquième" "sixième" "septième" "huitième" "neuvième" "dixième"
    "onzième" "douzième" "treizième" "quatorzième" "quinzième" "seizième"
};
pub const MONTH_NAMES: &[&str; 12] = &list! {
    "janvier" "février" "mars" "avril" "mai" "juin" "juillet" "août" "septembre" "octobre" "novembre" "décembre"
};
pub const WEEKDAY_NAMES: &[&str; 7] = &list! { "lundi" "mardi" "mercredi" "jeudi" "vendredi" "samedi" "dimanche" };

pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, true)
}

/// "Vingts" and "cents" take an s at the `end` of a number and before "millions".
fn say(f: &mut Formatter<'_>, number: u32, end: bool) -> Result {
    match number {
        0..17 => f.write_str(SMALL[number as usize % 17]),
        17..70 => {
            f.write_str(TENS[number as usize / 10 % 7])?;
            more(f, if number % 10 == 1 { " et " } else { "-" }, number % 10, end)
        }
        70..80 => {
            f.write_str(if number == 71 { "soixante et " } else { "soixante-" })?;
            say(f, number - 60, end)
        }
        80 if end => f.write_str("quatre-vingts"),
        80..100 => {
            f.write_str("quatre-vingt")?;
            more(f, "-", number - 80, end)
        }
        100..1_000 => {
            if number >= 200 {
                say(f, number / 100, false)?;
                f.write_str(" ")?;
            }
            f.write_str(if number >= 200 && number % 100 == 0 && end { "cents" } else { "cent" })?;
            more(f, " ", number % 100, end)
        }
        1_000..1_000_000 => {
            if number >= 2_000 {
                say(f, number / 1_000, false)?;
                f.write_str(" ")?;
            }
            f.write_str("mille")?;
            more(f, " ", number % 1_000, end)
        }
        _ => {
            say(f, number / 1_000_000, true)?;
            f.write_str(if number < 2_000_000 { " million" } else { " millions" })?;
            more(f, " ", number % 1_000_000, end)
        }
    }
}

fn more(f: &mut Formatter<'_>, between: &str, rest: u32, end: bool) -> Result {
    if rest == 0 {
        return Ok(());
    }
    f.write_str(between)?;
    say(f, rest, end)
}

/// Up to 31; beyond that, the cardinal.
pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    match number {
        1 => f.write_str("premier"),
        2..17 => f.write_str(SMALL_ORDINALS[number as usize % 17]),
        20 => f.write_str("vingtième"),
        30 => f.write_str("trentième"),
        17..20 | 21..30 | 31 => {
            f.write_str(TENS[number as usize / 10 % 7])?;
            f.write_str(if number % 10 == 1 { " et " } else { "-" })?;
            f.write_str(SMALL_ORDINALS[number as usize % 10])
        }
        _ => cardinal(f, number),
    }
}

pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    cardinal(f, year)
}

/// "Quatorze mars mille neuf cent quatre-vingt-deux", "premier mai".
pub fn date(f: &mut Formatter<'_>, year: Option<u32>, month: &str, day: u8) -> Result {
    match day {
        1 => f.write_str("premier")?,
        _ => cardinal(f, day.into())?,
    }
    write!(f, " {month}")?;
    let Some(year) = year else { return Ok(()) };
    f.write_str(" ")?;
    cardinal(f, year)
}
