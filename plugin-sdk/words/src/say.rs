//! Writes numbers, dates and spelled words as spoken: in lower case except for names, with blanks between the words.
//!
//! Each function returns a `Display`: `say::cardinal(language, 42).to_string()`, or within `format!`.

use core::fmt::{self, Display, Formatter, Write};

use crate::{Language, call, month_name, of};

/// A `Display` made from a closure.
struct Said<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Said<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// A cardinal number: "four hundred fifteen".
pub fn cardinal(language: Language, number: u32) -> impl Display {
    Said(move |f: &mut Formatter<'_>| call!(language, cardinal(f, number)))
}

/// An ordinal number: "twenty first". Beyond the known ordinals of a language, the cardinal.
pub fn ordinal(language: Language, number: u32) -> impl Display {
    Said(move |f: &mut Formatter<'_>| call!(language, ordinal(f, number)))
}

/// A year: "nineteen eighty two".
pub fn year(language: Language, year: u32) -> impl Display {
    Said(move |f: &mut Formatter<'_>| call!(language, year(f, year)))
}

/// A date: "March fourteenth, nineteen eighty two". An invalid month is left out.
pub fn date(language: Language, year: Option<u32>, month: u8, day: u8) -> impl Display {
    Said(move |f: &mut Formatter<'_>| {
        let month = month_name(language, month).unwrap_or_default();
        call!(language, date(f, year, month, day))
    })
}

/// The digits of a text, one by one, with a comma where other characters separate them: "four one five, five".
pub fn digits(language: Language, text: &str) -> impl Display {
    Said(move |f: &mut Formatter<'_>| {
        let (mut first, mut apart) = (true, false);
        for c in text.chars() {
            let Some(digit) = c.to_digit(10) else {
                apart = !first;
                continue;
            };
            if !first {
                f.write_str(if apart { ", " } else { " " })?;
            }
            call!(language, cardinal(f, digit))?;
            (first, apart) = (false, false);
        }
        Ok(())
    })
}

/// A text spelled character by character: "g o n z a l e z", "t o m underscore four at". Blanks are dropped, and a
/// sign without a name is kept.
pub fn spelled(language: Language, text: &str) -> impl Display {
    Said(move |f: &mut Formatter<'_>| {
        for (at, c) in text.chars().filter(|c| !c.is_whitespace()).enumerate() {
            if at > 0 {
                f.write_char(' ')?;
            }
            match c.to_digit(10) {
                Some(digit) => call!(language, cardinal(f, digit))?,
                None => match sign_name(language, c) {
                    Some(name) => f.write_str(name)?,
                    None => c.to_lowercase().try_for_each(|c| f.write_char(c))?,
                },
            }
        }
        Ok(())
    })
}

/// The spoken name of a sign: "dash", "at".
pub fn sign_name(language: Language, sign: char) -> Option<&'static str> {
    of!(language, SIGN_NAMES).iter().find(|(known, _)| *known == sign).map(|(_, name)| *name)
}

/// Writes a number.
pub(crate) type Say = fn(&mut Formatter<'_>, u32) -> fmt::Result;
