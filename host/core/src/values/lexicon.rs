//! What a word can mean inside a value: numbers, months, signs, hesitations. English and Spanish.

use super::reading::Languages;

/// The meaning of a word that is part of a number, a date or a spelled address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    /// One to nine, and "zero".
    Digit(u8),
    /// "oh": zero inside a number.
    Oh,
    /// A number of two digits that is one word: ten to nineteen, in Spanish also twenty-one to twenty-nine.
    Teen(u8),
    /// Twenty to ninety, as their first digit.
    Tens(u8),
    /// "hundred", after a number.
    Hundred,
    /// "quinientos": so many hundreds, in one word.
    Hundreds(u8),
    /// "thousand", after a number.
    Thousand,
    /// "fourteenth".
    Ordinal(u8),
    /// "march", "mar".
    Month(u8),
    /// "sunday".
    Weekday,
    /// "double", "triple": so many of what comes next.
    Repeat(u8),
    /// "and": inside numbers it means nothing.
    And,
    /// "of": between day and month. In Spanish it tells the order.
    Of,
    /// A sign said as a word: `@`, `.`, `-`, `_`, `/`, `+`, `:`, `#`.
    Sign(char),
    /// "uh", "then": nothing.
    Filler,
    /// Any other word.
    Plain,
}

/// What a folded word means in these languages; the first language that knows it decides.
pub(super) fn meaning(word: &str, languages: Languages) -> Word {
    if word.len() > 12 {
        return Word::Plain;
    }
    let english = languages.english.then(|| english(word)).unwrap_or(Word::Plain);
    match english {
        Word::Plain if languages.spanish => spanish(word),
        known => known,
    }
}

fn english(word: &str) -> Word {
    use Word::*;
    match word {
        "zero" | "nought" | "naught" => Digit(0),
        "oh" => Oh,
        "one" => Digit(1),
        "two" => Digit(2),
        "three" => Digit(3),
        "four" => Digit(4),
        "five" => Digit(5),
        "six" => Digit(6),
        "seven" => Digit(7),
        "eight" => Digit(8),
        "nine" | "niner" => Digit(9),
        "ten" => Teen(10),
        "eleven" => Teen(11),
        "twelve" => Teen(12),
        "thirteen" => Teen(13),
        "fourteen" => Teen(14),
        "fifteen" => Teen(15),
        "sixteen" => Teen(16),
        "seventeen" => Teen(17),
        "eighteen" => Teen(18),
        "nineteen" => Teen(19),
        "twenty" => Tens(2),
        "thirty" => Tens(3),
        "forty" | "fourty" => Tens(4),
        "fifty" => Tens(5),
        "sixty" => Tens(6),
        "seventy" => Tens(7),
        "eighty" => Tens(8),
        "ninety" => Tens(9),
        "hundred" => Hundred,
        "thousand" => Thousand,
        "first" => Ordinal(1),
        "second" => Ordinal(2),
        "third" => Ordinal(3),
        "fourth" => Ordinal(4),
        "fifth" => Ordinal(5),
        "sixth" => Ordinal(6),
        "seventh" => Ordinal(7),
        "eighth" => Ordinal(8),
        "ninth" => Ordinal(9),
        "tenth" => Ordinal(10),
        "eleventh" => Ordinal(11),
        "twelfth" => Ordinal(12),
        "thirteenth" => Ordinal(13),
        "fourteenth" => Ordinal(14),
        "fifteenth" => Ordinal(15),
        "sixteenth" => Ordinal(16),
        "seventeenth" => Ordinal(17),
        "eighteenth" => Ordinal(18),
        "nineteenth" => Ordinal(19),
        "twentieth" => Ordinal(20),
        "thirtieth" => Ordinal(30),
        "january" | "jan" => Month(1),
        "february" | "feb" => Month(2),
        "march" | "mar" => Month(3),
        "april" | "apr" => Month(4),
        "may" => Month(5),
        "june" | "jun" => Month(6),
        "july" | "jul" => Month(7),
        "august" | "aug" => Month(8),
        "september" | "sept" | "sep" => Month(9),
        "october" | "oct" => Month(10),
        "november" | "nov" => Month(11),
        "december" | "dec" => Month(12),
        "monday" | "mon" | "tuesday" | "tue" | "tues" | "wednesday" | "wed" | "thursday" | "thu" | "thur" | "thurs"
        | "friday" | "fri" | "saturday" | "sat" | "sunday" | "sun" => Weekday,
        "double" => Repeat(2),
        "triple" | "treble" => Repeat(3),
        "quadruple" => Repeat(4),
        "and" => And,
        "of" => Of,
        "at" => Sign('@'),
        "dot" | "point" | "period" => Sign('.'),
        "dash" | "hyphen" | "minus" => Sign('-'),
        "underscore" => Sign('_'),
        "slash" => Sign('/'),
        "plus" => Sign('+'),
        "colon" => Sign(':'),
        "hash" => Sign('#'),
        "uh" | "um" | "er" | "erm" | "hm" | "hmm" | "uhm" | "mm" | "then" | "so" | "like" | "the" | "comma"
        | "please" | "okay" => Filler,
        _ => Plain,
    }
}

fn spanish(word: &str) -> Word {
    use Word::*;
    match word {
        "cero" => Digit(0),
        "un" | "uno" | "una" => Digit(1),
        "dos" => Digit(2),
        "tres" => Digit(3),
        "cuatro" => Digit(4),
        "cinco" => Digit(5),
        "seis" => Digit(6),
        "siete" => Digit(7),
        "ocho" => Digit(8),
        "nueve" => Digit(9),
        "diez" => Teen(10),
        "once" => Teen(11),
        "doce" => Teen(12),
        "trece" => Teen(13),
        "catorce" => Teen(14),
        "quince" => Teen(15),
        "dieciseis" => Teen(16),
        "diecisiete" => Teen(17),
        "dieciocho" => Teen(18),
        "diecinueve" => Teen(19),
        "veintiuno" | "veintiun" | "veintiuna" => Teen(21),
        "veintidos" => Teen(22),
        "veintitres" => Teen(23),
        "veinticuatro" => Teen(24),
        "veinticinco" => Teen(25),
        "veintiseis" => Teen(26),
        "veintisiete" => Teen(27),
        "veintiocho" => Teen(28),
        "veintinueve" => Teen(29),
        "veinte" => Tens(2),
        "treinta" => Tens(3),
        "cuarenta" => Tens(4),
        "cincuenta" => Tens(5),
        "sesenta" => Tens(6),
        "setenta" => Tens(7),
        "ochenta" => Tens(8),
        "noventa" => Tens(9),
        "cien" | "ciento" => Hundreds(1),
        "doscientos" | "doscientas" => Hundreds(2),
        "trescientos" | "trescientas" => Hundreds(3),
        "cuatrocientos" | "cuatrocientas" => Hundreds(4),
        "quinientos" | "quinientas" => Hundreds(5),
        "seiscientos" | "seiscientas" => Hundreds(6),
        "setecientos" | "setecientas" => Hundreds(7),
        "ochocientos" | "ochocientas" => Hundreds(8),
        "novecientos" | "novecientas" => Hundreds(9),
        "mil" => Thousand,
        "primero" | "primer" | "primera" => Ordinal(1),
        "segundo" | "segunda" => Ordinal(2),
        "tercero" | "tercer" | "tercera" => Ordinal(3),
        "enero" | "ene" => Month(1),
        "febrero" => Month(2),
        "marzo" => Month(3),
        "abril" | "abr" => Month(4),
        "mayo" => Month(5),
        "junio" => Month(6),
        "julio" => Month(7),
        "agosto" | "ago" => Month(8),
        "septiembre" | "setiembre" => Month(9),
        "octubre" => Month(10),
        "noviembre" => Month(11),
        "diciembre" | "dic" => Month(12),
        "lunes" | "martes" | "miercoles" | "jueves" | "viernes" | "sabado" | "domingo" => Weekday,
        "doble" => Repeat(2),
        "y" => And,
        "de" | "del" => Of,
        "arroba" => Sign('@'),
        "punto" => Sign('.'),
        "guion" => Sign('-'),
        "diagonal" | "barra" => Sign('/'),
        "mas" => Sign('+'),
        "eh" | "este" | "pues" | "luego" | "el" | "la" | "coma" => Filler,
        _ => Plain,
    }
}
