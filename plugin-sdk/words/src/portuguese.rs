//! Portuguese. Numbers: "Nova Gramática do Português Contemporâneo" (Cunha and Cintra), in the spellings of Brazil and of
//! Portugal. Months and days: CLDR 46, `pt` and `pt-PT`.

use core::fmt::{Formatter, Result};

use crate::table::{Table, list, table, words};

pub const AND: Table<()> = words!("e");

pub const CARDINALS: Table<u32> = table! { u32;
    0 => "zero", 1 => "um" "uma", 2 => "dois" "duas", 3 => "tres", 4 => "quatro", 5 => "cinco", 6 => "seis",
    7 => "sete", 8 => "oito", 9 => "nove", 10 => "dez", 11 => "onze", 12 => "doze", 13 => "treze",
    14 => "catorze" "quatorze", 15 => "quinze", 16 => "dezesseis" "dezasseis", 17 => "dezessete" "dezassete",
    18 => "dezoito", 19 => "dezenove" "dezanove", 20 => "vinte", 30 => "trinta", 40 => "quarenta", 50 => "cinquenta",
    60 => "sessenta", 70 => "setenta", 80 => "oitenta", 90 => "noventa", 100 => "cem" "cento",
    200 => "duzentos" "duzentas", 300 => "trezentos" "trezentas", 400 => "quatrocentos" "quatrocentas",
    500 => "quinhentos" "quinhentas", 600 => "seiscentos" "seiscentas", 700 => "setecentos" "setecentas",
    800 => "oitocentos" "oitocentas", 900 => "novecentos" "novecentas", 1_000 => "mil",
    1_000_000 => "milhao" "milhoes", 1_000_000_000 => "bilhao" "bilhoes",
};
pub const ELIDED: Table<u32> = &[];

/// "Half a dozen": six in Brazilian telephone numbers.
pub const DIGITS: Table<u8> = table! { u8; 6 => "meia" };
pub const REPEATS: Table<u8> = table! { u8; 2 => "duplo" "dupla" "dobro", 3 => "triplo" "tripla" };

/// The others are composed: "décimo primeiro".
pub const ORDINALS: Table<u32> = table! { u32;
    1 => "primeiro" "primeira", 2 => "segundo" "segunda", 3 => "terceiro" "terceira", 4 => "quarto" "quarta",
    5 => "quinto" "quinta", 6 => "sexto" "sexta", 7 => "setimo" "setima", 8 => "oitavo" "oitava", 9 => "nono" "nona",
    10 => "decimo" "decima", 20 => "vigesimo" "vigesima", 30 => "trigesimo" "trigesima",
    40 => "quadragesimo" "quadragesima", 50 => "quinquagesimo" "quinquagesima", 60 => "sexagesimo" "sexagesima",
    70 => "septuagesimo" "septuagesima" "setuagesimo" "setuagesima", 80 => "octogesimo" "octogesima",
    90 => "nonagesimo" "nonagesima", 100 => "centesimo" "centesima", 1_000 => "milesimo" "milesima",
};
pub const ORDINALS_CHAIN: bool = true;
pub const ORDINAL_ENDINGS: Table<()> = words!("o" "a");

pub const MONTHS: Table<u8> = table! { u8;
    1 => "janeiro" "jan", 2 => "fevereiro" "fev", 3 => "marco" "mar", 4 => "abril" "abr", 5 => "maio" "mai",
    6 => "junho" "jun", 7 => "julho" "jul", 8 => "agosto" "ago", 9 => "setembro" "set", 10 => "outubro" "out",
    11 => "novembro" "nov", 12 => "dezembro" "dez",
};
pub const WEEKDAYS: Table<u8> = table! { u8;
    1 => "segunda-feira" "segunda" "seg", 2 => "terca-feira" "terca" "ter", 3 => "quarta-feira" "quarta" "qua",
    4 => "quinta-feira" "quinta" "qui", 5 => "sexta-feira" "sexta" "sex", 6 => "sabado" "sab", 7 => "domingo" "dom",
};

pub const LETTERS: Table<char> = table! { char;
    'b' => "be", 'c' => "ce", 'f' => "efe", 'g' => "ge" "gue", 'h' => "aga", 'j' => "jota", 'k' => "ca" "ka" "capa",
    'm' => "eme", 'n' => "ene", 'p' => "pe", 'r' => "erre", 's' => "esse", 'v' => "ve",
    'w' => "dablio" "dabliu" "ve duplo" "v dobrado", 'x' => "xis", 'y' => "ipsilon" "i grego", 'z' => "ze",
};
pub const SOUNDS: Table<char> = table! { char; 'd' => "de", 'l' => "ele", 'q' => "que", 't' => "te" };

/// The towns used by Portugal's telephone operators.
pub const ALPHABET: Table<()> = words!(
    "aveiro" "braga" "coimbra" "dafundo" "evora" "faro" "guarda" "horta" "italia" "jose" "kodak" "lisboa" "maria"
    "nazare" "ovar" "porto" "queluz" "rossio" "setubal" "tavira" "unidade" "vidago" "waldemar" "xavier" "york"
    "zulmira"
);
pub const LIKENERS: Table<()> = words!("de" "como" "como em");

pub const SIGNS: Table<char> = table! { char;
    '-' => "hifen" "traco" "menos", '.' => "ponto", '/' => "barra", '\\' => "barra invertida" "contrabarra",
    '_' => "underline" "underscore" "sublinhado" "traco baixo", '+' => "mais", '@' => "arroba", ':' => "dois pontos",
    '#' => "cerquilha" "jogo da velha" "cardinal", '*' => "asterisco", '&' => "e comercial", ',' => "virgula",
};
pub const SIGN_NAMES: &[(char, &str)] = &[
    ('-', "hífen"),
    ('.', "ponto"),
    ('/', "barra"),
    ('\\', "barra invertida"),
    ('_', "underline"),
    ('+', "mais"),
    ('@', "arroba"),
    (':', "dois pontos"),
    ('#', "cerquilha"),
    ('*', "asterisco"),
    ('&', "e comercial"),
    (',', "vírgula"),
];
pub const FILLERS: Table<()> = words!("hum" "hm" "mm" "ahn" "ah" "eh");

const SMALL: [&str; 20] = list! {
    "zero" "um" "dois" "três" "quatro" "cinco" "seis" "sete" "oito" "nove" "dez" "onze" "doze" "treze" "catorze"
    "quinze" "dezesseis" "dezessete" "dezoito" "dezenove"
};
const TENS: [&str; 10] =
    list! { "" "" "vinte" "trinta" "quarenta" "cinquenta" "sessenta" "setenta" "oitenta" "noventa" };
const HUNDREDS: [&str; 10] = list! {
    "" "cento" "duzentos" "trezentos" "quatrocentos" "quinhentos" "seiscentos" "setecentos" "oitocentos" "novecentos"
};
const SMALL_ORDINALS: [&str; 10] =
    list! { "" "primeiro" "segundo" "terceiro" "quarto" "quinto" "sexto" "sétimo" "oitavo" "nono" };
const ORDINAL_TENS: [&str; 10] = list! {
    "" "décimo" "vigésimo" "trigésimo" "quadragésimo" "quinquagésimo" "sexagésimo" "septuagésimo" "octogésimo"
    "nonagésimo"
};
pub const MONTH_NAMES: &[&str; 12] = &list! {
    "janeiro" "fevereiro" "março" "abril" "maio" "junho" "julho" "agosto" "setembro" "outubro" "novembro" "dezembro"
};
pub const WEEKDAY_NAMES: &[&str; 7] =
    &list! { "segunda-feira" "terça-feira" "quarta-feira" "quinta-feira" "sexta-feira" "sábado" "domingo" };

pub fn cardinal(f: &mut Formatter<'_>, number: u32) -> Result {
    let (rest, between) = match number {
        0..20 => return f.write_str(SMALL[number as usize % 20]),
        20..100 => {
            f.write_str(TENS[number as usize / 10 % 10])?;
            (number % 10, " e ")
        }
        100 => return f.write_str("cem"),
        101..1_000 => {
            f.write_str(HUNDREDS[number as usize / 100 % 10])?;
            (number % 100, " e ")
        }
        1_000..1_000_000 => {
            if number >= 2_000 {
                cardinal(f, number / 1_000)?;
                f.write_str(" ")?;
            }
            f.write_str("mil")?;
            (number % 1_000, before(number % 1_000))
        }
        _ => {
            cardinal(f, number / 1_000_000)?;
            f.write_str(if number < 2_000_000 { " milhão" } else { " milhões" })?;
            (number % 1_000_000, before(number % 1_000_000))
        }
    };
    if rest == 0 {
        return Ok(());
    }
    f.write_str(between)?;
    cardinal(f, rest)
}

/// A scale and the rest are joined by "e" if the rest has one part.
fn before(rest: u32) -> &'static str {
    if rest < 100 || rest < 1_000 && rest % 100 == 0 { " e " } else { " " }
}

/// Up to 99; beyond that, the cardinal.
pub fn ordinal(f: &mut Formatter<'_>, number: u32) -> Result {
    if !(1..100).contains(&number) {
        return cardinal(f, number);
    }
    let (ten, unit) = (ORDINAL_TENS[number as usize / 10 % 10], SMALL_ORDINALS[number as usize % 10]);
    f.write_str(ten)?;
    if !ten.is_empty() && !unit.is_empty() {
        f.write_str(" ")?;
    }
    f.write_str(unit)
}

pub fn year(f: &mut Formatter<'_>, year: u32) -> Result {
    cardinal(f, year)
}

/// "Catorze de março de mil novecentos e oitenta e dois", "primeiro de maio".
pub fn date(f: &mut Formatter<'_>, year: Option<u32>, month: &str, day: u8) -> Result {
    match day {
        1 => f.write_str("primeiro")?,
        _ => cardinal(f, day.into())?,
    }
    write!(f, " de {month}")?;
    let Some(year) = year else { return Ok(()) };
    f.write_str(" de ")?;
    cardinal(f, year)
}
