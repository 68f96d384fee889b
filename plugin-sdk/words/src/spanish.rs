//! Spanish. Numbers and letters: RAE and ASALE, "Ortografía de la lengua española" (2010) and "Diccionario panhispánico
//! de dudas", with the names of letters of both sides of the Atlantic. Months and days: CLDR 46, `es` and `es-419`.

use core::fmt::{Formatter, Result};

use crate::table::{Table, list, table, words};

/// "i" as in "treintaicuatro".
pub const AND: Table<()> = words!("y" "i");

pub const CARDINALS: Table<u32> = table! { u32;
    0 => "cero", 1 => "uno" "un" "una", 2 => "dos", 3 => "tres", 4 => "cuatro", 5 => "cinco", 6 => "seis", 7 => "siete",
    8 => "ocho", 9 => "nueve", 10 => "diez", 11 => "once", 12 => "doce", 13 => "trece", 14 => "catorce", 15 => "quince",
    16 => "dieciseis", 17 => "diecisiete", 18 => "dieciocho", 19 => "diecinueve", 20 => "veinte",
    21 => "veintiuno" "veintiun" "veintiuna", 22 => "veintidos", 23 => "veintitres", 24 => "veinticuatro",
    25 => "veinticinco", 26 => "veintiseis", 27 => "veintisiete", 28 => "veintiocho", 29 => "veintinueve",
    30 => "treinta", 40 => "cuarenta", 50 => "cincuenta", 60 => "sesenta", 70 => "setenta", 80 => "ochenta",
    90 => "noventa", 100 => "cien" "ciento" "cientos" "cientas", 200 => "doscientos" "doscientas",
    300 => "trescientos" "trescientas", 400 => "cuatrocientos" "cuatrocientas", 500 => "quinientos" "quinientas",
    600 => "seiscientos" "seiscientas", 700 => "setecientos" "setecientas", 800 => "ochocientos" "ochocientas",
    900 => "novecientos" "novecientas", 1_000 => "mil", 1_000_000 => "millon" "millones",
};
pub const ELIDED: Table<u32> = &[];
pub const DIGITS: Table<u8> = &[];
pub const REPEATS: Table<u8> = table! { u8; 2 => "doble", 3 => "triple", 4 => "cuadruple" };

/// From 13 on ordinals are composed: "decimotercero", "vigésimo primera".
pub const ORDINALS: Table<u32> = table! { u32;
    1 => "primero" "primera" "primer", 2 => "segundo" "segunda", 3 => "tercero" "tercera" "tercer",
    4 => "cuarto" "cuarta", 5 => "quinto" "quinta", 6 => "sexto" "sexta", 7 => "septimo" "septima" "setimo" "setima",
    8 => "octavo" "octava", 9 => "noveno" "novena" "nono" "nona", 10 => "decimo" "decima", 11 => "undecimo" "undecima",
    12 => "duodecimo" "duodecima", 18 => "decimoctavo" "decimoctava", 20 => "vigesimo" "vigesima",
    28 => "vigesimoctavo" "vigesimoctava", 30 => "trigesimo" "trigesima", 40 => "cuadragesimo" "cuadragesima",
    50 => "quincuagesimo" "quincuagesima", 60 => "sexagesimo" "sexagesima", 70 => "septuagesimo" "septuagesima",
    80 => "octogesimo" "octogesima", 90 => "nonagesimo" "nonagesima", 100 => "centesimo" "centesima",
    1_000 => "milesimo" "milesima",
};
pub const ORDINALS_CHAIN: bool = true;
pub const ORDINAL_ENDINGS: Table<()> = words!(
    "o" "a" "er" "ero" "era" "ro" "ra" "do" "da" "to" "ta" "mo" "ma" "vo" "va" "no" "na"
);

pub const MONTHS: Table<u8> = table! { u8;
    1 => "enero" "ene", 2 => "febrero" "feb", 3 => "marzo" "mar", 4 => "abril" "abr", 5 => "mayo" "may",
    6 => "junio" "jun", 7 => "julio" "jul", 8 => "agosto" "ago", 9 => "septiembre" "setiembre" "sept" "sep" "set",
    10 => "octubre" "oct", 11 => "noviembre" "nov", 12 => "diciembre" "dic",
};
pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "lunes" "lun", 2 => "martes" "mar", 3 => "miercoles" "mie" "mier", 4 => "jueves" "jue", 5 => "viernes" "vie",
    6 => "sabado" "sab", 7 => "domingo" "dom",
};

/// The normal form of "eñe" is that of "ene", so here it is an n.
pub const LETTERS: Table<char> = table! { char;
    'b' => "be" "be larga" "be alta" "be grande", 'c' => "ce", 'f' => "efe", 'g' => "ge", 'h' => "hache",
    'i' => "i latina", 'j' => "jota", 'k' => "ka" "ca", 'l' => "ele", 'm' => "eme", 'n' => "ene", 'p' => "pe",
    'q' => "cu", 'r' => "erre" "ere", 'v' => "uve" "ve corta" "ve baja" "ve chica",
    'w' => "uve doble" "doble uve" "doble ve" "doble u" "ve doble" "doble v", 'x' => "equis", 'y' => "i griega" "ye",
    'z' => "zeta" "ceta",
};
pub const SOUNDS: Table<char> = table! { char; 'd' => "de", 's' => "ese", 't' => "te", 'v' => "ve" };

/// Names and towns that are common on the telephone in Spain and in Latin America.
pub const ALPHABET: Table<()> = words!(
    "antonio" "alicia" "barcelona" "burgos" "beatriz" "carmen" "carlos" "caracas" "dolores" "domingo" "dinamarca"
    "enrique" "espana" "elena" "francia" "francisco" "gerona" "granada" "gato" "historia" "hotel" "ines" "italia"
    "jose" "jaen" "juan" "kilo" "kiosko" "lorenzo" "lerida" "luis" "madrid" "maria" "mexico" "navidad" "navarra"
    "nicaragua" "oviedo" "oscar" "paris" "pamplona" "pedro" "queso" "querido" "quito" "ramon" "roma" "raquel"
    "sabado" "sevilla" "santiago" "tarragona" "toledo" "teresa" "ulises" "uruguay" "valencia" "venezuela"
    "washington" "wenceslao" "xilofono" "xochimilco" "yegua" "yolanda" "yucatan" "zaragoza" "zamora"
);
pub const LIKENERS: Table<()> = words!("de" "como" "como en" "como de");

pub const SIGNS: Table<char> = table! { char;
    '-' => "guion" "guion medio" "raya" "menos", '.' => "punto", '/' => "barra" "diagonal" "barra diagonal",
    '\\' => "barra invertida" "diagonal invertida", '_' => "guion bajo" "barra baja" "raya baja" "subrayado",
    '+' => "mas" "signo mas", '@' => "arroba", ':' => "dos puntos", '#' => "almohadilla" "numeral", '*' => "asterisco",
    '&' => "ampersand", ',' => "coma",
};
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "guion"),
    ('.', "punto"),
    ('/', "barra"),
    ('\\', "barra invertida"),
    ('_', "guion bajo"),
    ('+', "más"),
    ('@', "arroba"),
    (':', "dos puntos"),
    ('#', "almohadilla"),
    ('*', "asterisco"),
    (',', "coma"),
];
pub const FILLERS: Table<()> = words!("eh" "em" "ehm" "mm" "mmm" "hm" "hmm" "ah" "uh" "um");

const SMALL: [&str; 30] = list! {
    "cero" "uno" "dos" "tres" "cuatro" "cinco" "seis" "siete" "ocho" "nueve" "diez" "once" "doce" "trece" "catorce"
    "quince" "dieciséis" "diecisiete" "dieciocho" "diecinueve" "veinte" "veintiuno" "veintidós" "veintitrés"
    "veinticuatro" "veinticinco" "veintiséis" "veintisiete" "veintiocho" "veintinueve"
};
const TENS: [&str; 10] = list! { "" "" "" "treinta" "cuarenta" "cincuenta" "sesenta" "setenta" "ochenta" "noventa" };
const HUNDREDS: [&str; 10] = list! {
    "" "ciento" "doscientos" "trescientos" "cuatrocientos" "quinientos" "seiscientos" "setecientos" "ochocientos"
    "novecientos"
};
const SMALL_ORDINALS: [&str; 20] = list! {
    "" "primero" "segundo" "tercero" "cuarto" "quinto" "sexto" "séptimo" "octavo" "noveno" "décimo" "undécimo"
    "duodécimo" "decimotercero" "decimocuarto" "decimoquinto" "decimosexto" "decimoséptimo" "decimoctavo"
    "decimonoveno"
};
const ORDINAL_TENS: [&str; 10] = list! {
    "" "" "vigésimo" "trigésimo" "cuadragésimo" "quincuagésimo" "sexagésimo" "septuagésimo" "octogésimo" "nonagésimo"
};
pub const MONTH_NAMES: &[&str; 12] = &list! {
    "enero" "febrero" "marzo" "abril" "mayo" "junio" "julio" "agosto" "septiembre" "octubre" "noviembre" "diciembre"
};
pub const WEEKDAY_NAMES: &[&str; 7] = &list! { "lunes" "martes" "miércoles" "jueves" "viernes" "sábado" "domingo" };

pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    say(f, number, false)
}

/// Before a noun (`before`), including "mil" and "millones", "uno" becomes "un".
fn say(f: &mut Formatter<'_>, number: u32, before: bool) -> Result {
    let (upper, rest, name) = match number {
        1 if before => return f.write_str("un"),
        21 if before => return f.write_str("veintiún"),
        0..30 => return f.write_str(SMALL[number as usize % 30]),
        30..100 => {
            f.write_str(TENS[number as usize / 10 % 10])?;
            return more(f, " y ", number % 10, before);
        }
        100 => return f.write_str("cien"),
        101..1_000 => {
            f.write_str(HUNDREDS[number as usize / 100 % 10])?;
            return more(f, " ", number % 100, before);
        }
        1_000..1_000_000 => (number / 1_000, number % 1_000, "mil"),
        _ => (number / 1_000_000, number % 1_000_000, if number < 2_000_000 { "millón" } else { "millones" }),
    };
    if number >= 2_000 {
        say(f, upper, true)?;
        f.write_str(" ")?;
    }
    f.write_str(name)?;
    more(f, " ", rest, before)
}

fn more(f: &mut Formatter<'_>, between: &str, rest: u32, before: bool) -> Result {
    if rest == 0 {
        return Ok(());
    }
    f.write_str(between)?;
    say(f, rest, before)
}

/// Up to 99; beyond that, people say the cardinal.
pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    match number {
        1..20 => f.write_str(SMALL_ORDINALS[number as usize % 20]),
        20..100 => {
            f.write_str(ORDINAL_TENS[number as usize / 10 % 10])?;
            if number % 10 > 0 {
                f.write_str(" ")?;
                ordinal(f, number % 10)?;
            }
            Ok(())
        }
        _ => cardinal(f, number),
    }
}

pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    cardinal(f, year)
}

/// "Catorce de marzo de mil novecientos ochenta y dos", "primero de mayo".
pub fn date(f: &mut Formatter<'_>, year: Option<u32>, month: &str, day: u8) -> Result {
    match day {
        1 => f.write_str("primero")?,
        _ => cardinal(f, day.into())?,
    }
    write!(f, " de {month}")?;
    let Some(year) = year else { return Ok(()) };
    f.write_str(" de ")?;
    cardinal(f, year)
}
