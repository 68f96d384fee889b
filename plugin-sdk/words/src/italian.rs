//! Italian. Numbers: Accademia della Crusca and Treccani, as one word below a million. Months and days: CLDR 46, `it`.

use core::fmt::{Formatter, Result};

use crate::table::{Table, list, table, words};

pub const AND: Table<()> = words!("e");

pub const CARDINALS: Table<u32> = table! { u32;
    0 => "zero", 1 => "uno" "un" "una", 2 => "due", 3 => "tre", 4 => "quattro", 5 => "cinque", 6 => "sei",
    7 => "sette", 8 => "otto", 9 => "nove", 10 => "dieci", 11 => "undici", 12 => "dodici", 13 => "tredici",
    14 => "quattordici", 15 => "quindici", 16 => "sedici", 17 => "diciassette", 18 => "diciotto", 19 => "diciannove",
    20 => "venti", 30 => "trenta", 40 => "quaranta", 50 => "cinquanta", 60 => "sessanta", 70 => "settanta",
    80 => "ottanta", 90 => "novanta", 100 => "cento", 1_000 => "mille" "mila", 1_000_000 => "milione" "milioni",
    1_000_000_000 => "miliardo" "miliardi",
};

/// They lose their vowel before "uno" and "otto": "ventuno", "centotto".
pub const ELIDED: Table<u32> = table! { u32;
    20 => "vent", 30 => "trent", 40 => "quarant", 50 => "cinquant", 60 => "sessant", 70 => "settant", 80 => "ottant",
    90 => "novant", 100 => "cent",
};
pub const DIGITS: Table<u8> = &[];
pub const REPEATS: Table<u8> = table! { u8; 2 => "doppio" "doppia", 3 => "triplo" "tripla" };

/// Including the endings of one-word ordinals: "ventiduesimo".
pub const ORDINALS: Table<u32> = table! { u32;
    1 => "primo" "prima" "unesimo" "unesima", 2 => "secondo" "seconda" "duesimo" "duesima",
    3 => "terzo" "terza" "treesimo" "treesima", 4 => "quarto" "quarta" "quattresimo" "quattresima",
    5 => "quinto" "quinta" "cinquesimo" "cinquesima", 6 => "sesto" "sesta" "seiesimo" "seiesima",
    7 => "settimo" "settima" "settesimo" "settesima", 8 => "ottavo" "ottava" "ottesimo" "ottesima",
    9 => "nono" "nona" "novesimo" "novesima", 10 => "decimo" "decima", 11 => "undicesimo" "undicesima",
    12 => "dodicesimo" "dodicesima", 13 => "tredicesimo" "tredicesima", 14 => "quattordicesimo" "quattordicesima",
    15 => "quindicesimo" "quindicesima", 16 => "sedicesimo" "sedicesima", 17 => "diciassettesimo" "diciassettesima",
    18 => "diciottesimo" "diciottesima", 19 => "diciannovesimo" "diciannovesima", 20 => "ventesimo" "ventesima",
    30 => "trentesimo" "trentesima", 40 => "quarantesimo" "quarantesima", 50 => "cinquantesimo" "cinquantesima",
    60 => "sessantesimo" "sessantesima", 70 => "settantesimo" "settantesima", 80 => "ottantesimo" "ottantesima",
    90 => "novantesimo" "novantesima", 100 => "centesimo" "centesima", 1_000 => "millesimo" "millesima",
};
pub const ORDINALS_CHAIN: bool = true;
pub const ORDINAL_ENDINGS: Table<()> = words!("o" "a");

pub const MONTHS: Table<u8> = table! { u8;
    1 => "gennaio" "gen", 2 => "febbraio" "feb", 3 => "marzo" "mar", 4 => "aprile" "apr", 5 => "maggio" "mag",
    6 => "giugno" "giu", 7 => "luglio" "lug", 8 => "agosto" "ago", 9 => "settembre" "sett" "set", 10 => "ottobre" "ott",
    11 => "novembre" "nov", 12 => "dicembre" "dic",
};
pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "lunedi" "lun", 2 => "martedi" "mar", 3 => "mercoledi" "mer", 4 => "giovedi" "gio", 5 => "venerdi" "ven",
    6 => "sabato" "sab", 7 => "domenica" "dom",
};

pub const LETTERS: Table<char> = table! { char;
    'b' => "bi", 'f' => "effe", 'g' => "gi", 'h' => "acca", 'j' => "i lunga", 'k' => "cappa", 'l' => "elle",
    'm' => "emme", 'n' => "enne", 'p' => "pi", 'q' => "cu" "qu", 'r' => "erre", 's' => "esse", 'v' => "vu",
    'w' => "doppia vu" "vu doppia" "doppia v", 'x' => "ics", 'y' => "i greca" "ipsilon", 'z' => "zeta",
};
pub const SOUNDS: Table<char> = table! { char; 'c' => "ci", 'd' => "di", 't' => "ti", 'v' => "vi" };

/// The telephone alphabet's towns.
pub const ALPHABET: Table<()> = words!(
    "ancona" "bari" "bologna" "como" "domodossola" "empoli" "firenze" "genova" "hotel" "imola" "jolly" "jersey"
    "kursaal" "livorno" "milano" "napoli" "otranto" "padova" "palermo" "quarto" "quadro" "roma" "savona" "torino"
    "udine" "venezia" "washington" "xilofono" "xeres" "york" "yacht" "zara"
);
pub const LIKENERS: Table<()> = words!("come" "di" "come in");

pub const SIGNS: Table<char> = table! { char;
    '-' => "trattino" "lineetta" "meno", '.' => "punto", '/' => "barra" "slash" "barra obliqua",
    '\\' => "barra inversa" "backslash", '_' => "trattino basso" "underscore" "sottolineato", '+' => "piu",
    '@' => "chiocciola" "at", ':' => "due punti", '#' => "cancelletto", '*' => "asterisco", '&' => "e commerciale",
    ',' => "virgola",
};
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "trattino"),
    ('.', "punto"),
    ('/', "barra"),
    ('\\', "barra inversa"),
    ('_', "trattino basso"),
    ('+', "più"),
    ('@', "chiocciola"),
    (':', "due punti"),
    ('#', "cancelletto"),
    ('*', "asterisco"),
    ('&', "e commerciale"),
    (',', "virgola"),
];
pub const FILLERS: Table<()> = words!("ehm" "eh" "uhm" "mh" "mhm" "mm" "hm" "ah");

const SMALL: [&str; 20] = list! {
    "zero" "uno" "due" "tre" "quattro" "cinque" "sei" "sette" "otto" "nove" "dieci" "undici" "dodici" "tredici"
    "quattordici" "quindici" "sedici" "diciassette" "diciotto" "diciannove"
};
const TENS: [&str; 10] =
    list! { "" "" "venti" "trenta" "quaranta" "cinquanta" "sessanta" "settanta" "ottanta" "novanta" };
const SMALL_ORDINALS: [&str; 20] = list! {
    "" "primo" "secondo" "terzo" "quarto" "quinto" "sesto" "settimo" "ottavo" "nono" "decimo" "undicesimo" "dodicesimo"
    "tredicesimo" "quattordicesimo" "quindicesimo" "sedicesimo" "diciassettesimo" "diciottesimo" "diciannovesimo"
};
/// After "venti" and "trenta", the first and the eighth are used where the last vowel is elided.
const ORDINAL_ENDS: [&str; 10] = list! {
    "" "unesimo" "duesimo" "treesimo" "quattresimo" "cinquesimo" "seiesimo" "settesimo" "ottesimo" "novesimo"
};
pub const MONTH_NAMES: &[&str; 12] = &list! {
    "gennaio" "febbraio" "marzo" "aprile" "maggio" "giugno" "luglio" "agosto" "settembre" "ottobre" "novembre"
    "dicembre"
};
pub const WEEKDAY_NAMES: &[&str; 7] = &list! { "lunedì" "martedì" "mercoledì" "giovedì" "venerdì" "sabato" "domenica" };

pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, true)
}

/// At the `end` of a longer word "tre" takes an accent: "ventitré".
fn say(f: &mut Formatter<'_>, number: u32, end: bool) -> Result {
    match number {
        0..20 => f.write_str(SMALL[number as usize % 20]),
        20..100 => {
            let (ten, unit) = (TENS[number as usize / 10 % 10], number % 10);
            let length = ten.len() - usize::from(matches!(unit, 1 | 8));
            f.write_str(ten.get(..length).unwrap_or(ten))?;
            more(f, unit, end)
        }
        100..1_000 => {
            if number >= 200 {
                say(f, number / 100, false)?;
            }
            let rest = number % 100;
            f.write_str(if rest == 8 || rest / 10 == 8 { "cent" } else { "cento" })?;
            more(f, rest, end)
        }
        1_000..1_000_000 => {
            match number / 1_000 {
                1 => f.write_str("mille")?,
                thousands => {
                    say(f, thousands, false)?;
                    f.write_str("mila")?;
                }
            }
            more(f, number % 1_000, end)
        }
        _ => {
            match number / 1_000_000 {
                1 => f.write_str("un milione")?,
                millions => {
                    say(f, millions, true)?;
                    f.write_str(" milioni")?;
                }
            }
            if number % 1_000_000 == 0 {
                return Ok(());
            }
            f.write_str(" ")?;
            say(f, number % 1_000_000, end)
        }
    }
}

/// The rest of a word.
fn more(f: &mut Formatter<'_>, rest: u32, end: bool) -> Result {
    match rest {
        0 => Ok(()),
        3 if end => f.write_str("tré"),
        _ => say(f, rest, end),
    }
}

/// Up to 39; beyond that, the cardinal.
pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    match number {
        1..20 => f.write_str(SMALL_ORDINALS[number as usize % 20]),
        20 => f.write_str("ventesimo"),
        30 => f.write_str("trentesimo"),
        21..30 | 31..40 => {
            f.write_str(match (number / 10, number % 10) {
                (2, 1 | 8) => "vent",
                (2, _) => "venti",
                (_, 1 | 8) => "trent",
                _ => "trenta",
            })?;
            f.write_str(ORDINAL_ENDS[number as usize % 10])
        }
        _ => cardinal(f, number),
    }
}

pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    cardinal(f, year)
}

/// "Quattordici marzo millenovecentottantadue", "primo maggio".
pub fn date(f: &mut Formatter<'_>, year: Option<u32>, month: &str, day: u8) -> Result {
    match day {
        1 => f.write_str("primo")?,
        _ => cardinal(f, day.into())?,
    }
    write!(f, " {month}")?;
    let Some(year) = year else { return Ok(()) };
    f.write_str(" ")?;
    cardinal(f, year)
}
