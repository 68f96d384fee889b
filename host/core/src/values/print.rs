//! Prints a value in the format that a program expects.

mod hints;
mod pattern;

use masker_words::Language;
use serde_json::{Number, Value as Json};

use super::reading::Reading;
use super::schema::Wanted;
use super::surface::{self, Sort};
use super::{Canonical, Class, Value, shape, view::View};

/// The output for a token in a tool's arguments.
#[derive(Clone, PartialEq)]
pub enum Printed {
    /// A string.
    Text(String),
    /// A number.
    Number(Number),
    /// The surface unchanged, because the expected format cannot be produced safely.
    AsItStood,
}

/// Maximum number of digits of a number that programs read without loss: 2^53 has sixteen.
const MAX_NUMBER: usize = 18;

/// Prints a value for an argument of a tool.
///
/// `surface` is the form in which a record or a tool of this call had the value; if none had it, the form in which
/// the caller said it. Lookup order: the type, the format, the first form that matches the pattern, a member of
/// `enum` or `const` with the same value, hints in names and descriptions; then the surface, if a program can read
/// it; then ISO 8601, E.164, an identifier in upper case, a mail address in lower case. Digits never become words.
pub fn print(value: &Value, surface: &str, wanted: &Wanted, reading: &Reading) -> Printed {
    let printing = Printing { value, surface: surface.trim(), wanted, reading };
    if !wanted.takes_text() {
        return printing.number();
    }
    let text = printing
        .by_format()
        .or_else(|| printing.by_pattern())
        .map(Printed::Text)
        .or_else(|| printing.member())
        .or_else(|| printing.by_words().map(Printed::Text))
        .or_else(|| printing.unasked().map(Printed::Text));
    text.unwrap_or(Printed::AsItStood)
}

struct Printing<'p> {
    value: &'p Value,
    surface: &'p str,
    wanted: &'p Wanted,
    reading: &'p Reading,
}

impl Printing<'_> {
    fn number(&self) -> Printed {
        if !self.wanted.has_type("integer") && !self.wanted.has_type("number") {
            return Printed::AsItStood;
        }
        let view = |view: View| self.value.view(view, self.reading.today, Language::English);
        let asked = hints::view(self.wanted, self.value).and_then(|asked| match (asked, &self.value.canonical) {
            (View::Month, Canonical::Date(date)) => date.month.map(|month| month.to_string()),
            _ => view(asked),
        });
        let text = asked.or_else(|| match &self.value.canonical {
            Canonical::Date(date) => date.day().and_then(|day| hints::date(self.wanted, day)),
            _ => self.value.characters().or_else(|| view(View::Digits)),
        });
        // A number loses its leading zeros.
        let fits = |text: &String| {
            text.len() <= MAX_NUMBER
                && text.bytes().all(|byte| byte.is_ascii_digit())
                && (text == "0" || !text.starts_with('0'))
        };
        let number = text.filter(fits).and_then(|text| text.parse::<u64>().ok());
        self.member()
            .filter(|member| matches!(member, Printed::Number(_)))
            .or_else(|| number.map(|number| Printed::Number(number.into())))
            .unwrap_or(Printed::AsItStood)
    }

    fn by_format(&self) -> Option<String> {
        let mut formats = self.wanted.asks.iter().filter_map(|ask| ask.format.as_deref());
        formats.find_map(|format| match (format, &self.value.canonical) {
            ("date", Canonical::Date(date)) => Some(shape::drawn(date.day()?, "YYYY-MM-DD")),
            ("date-time", Canonical::Date(date)) => Some(shape::date_time(date, date.day()?)),
            ("phone" | "tel" | "e164" | "phone-number", Canonical::Phone(phone)) if phone.is_whole() => {
                Some(phone.e164())
            }
            ("email" | "idn-email", Canonical::Written(text)) if self.value.kind == Class::Mail => Some(text.clone()),
            ("uri" | "url" | "hostname" | "ipv4" | "ipv6", Canonical::Written(text))
                if self.value.kind == Class::Web =>
            {
                Some(text.clone())
            }
            _ => None,
        })
    }

    fn by_pattern(&self) -> Option<String> {
        let patterns: Vec<&str> = self.wanted.asks.iter().filter_map(|ask| ask.pattern.as_deref()).collect();
        if patterns.is_empty() {
            return None;
        }
        let mut forms: Vec<String> =
            self.as_it_stood().into_iter().chain(shape::forms(self.value, self.reading)).collect();
        // A part of a number only if exactly four digits are expected.
        forms.extend(self.last_four_of());
        forms.retain(|form| self.wanted.fits(form));
        pattern::first(&patterns, &forms).map(|at| forms.swap_remove(at))
    }

    fn last_four_of(&self) -> Option<String> {
        let counted = matches!(self.value.kind, Class::Identifier("SSN" | "CREDIT_CARD"));
        counted.then(|| self.value.view(View::Last4, self.reading.today, Language::English))?
    }

    fn member(&self) -> Option<Printed> {
        let own = self.value.key();
        let mut members = self.wanted.asks.iter().flat_map(|ask| &ask.members);
        members.find_map(|member| {
            let text = match member {
                Json::String(text) => text.clone(),
                Json::Number(number) => number.to_string(),
                _ => return None,
            };
            let canonical =
                self.value.kind.read(&text, self.reading).unwrap_or_else(|| Canonical::Text(super::fold::tidy(&text)));
            let same = Value { canonical, kind: self.value.kind }.key() == own;
            same.then(|| match member {
                Json::Number(number) => Printed::Number(number.clone()),
                _ => Printed::Text(text),
            })
        })
    }

    fn by_words(&self) -> Option<String> {
        hints::text(self.value, self.wanted, self.reading).filter(|text| self.wanted.fits(text))
    }

    fn unasked(&self) -> Option<String> {
        let whole = || match &self.value.canonical {
            Canonical::Address(_) => shape::address_form(self.value),
            Canonical::Text(_) if self.value.kind == Class::Text => Some(self.surface.to_owned()),
            _ => shape::forms(self.value, self.reading).into_iter().next(),
        };
        let mut forms = self.as_it_stood().into_iter().chain(whole()).chain(shape::forms(self.value, self.reading));
        // If no form has the expected length, the first one.
        forms.clone().find(|form| self.wanted.fits(form)).or_else(|| forms.next())
    }

    /// The surface, if a program can read it.
    fn as_it_stood(&self) -> Option<String> {
        self.can_be_read().then(|| self.surface.to_owned())
    }

    fn can_be_read(&self) -> bool {
        let pieces = surface::pieces(self.surface, self.reading.languages);
        let is_made_of = |signs: &str| self.surface.chars().all(|c| c.is_ascii_digit() || signs.contains(c));
        match &self.value.canonical {
            // A year of four digits, and signs or a month's name between the parts.
            Canonical::Date(date) => {
                let year = date.year.is_some_and(|year| self.surface.contains(&format!("{year:04}")));
                let letters = pieces.iter().filter(|piece| piece.sort == Sort::Letters);
                let words = letters
                    .clone()
                    .all(|piece| matches!(&*piece.folded, "t" | "z" | "am" | "pm") || hints::is_month(&piece.folded));
                let signs =
                    self.surface.contains(['-', '/', '.']) || letters.clone().next().is_some() || pieces.len() == 1;
                date.day().is_some() && year && words && signs && pieces.len() > letters.count()
            }
            Canonical::Phone(phone) => phone.is_whole() && phone.extension.is_none() && is_made_of("+-.() /"),
            Canonical::Identifier(text) => match self.value.kind {
                Class::Identifier("SSN") => is_made_of("-"),
                Class::Identifier("CREDIT_CARD") => is_made_of("- "),
                Class::Identifier("ZIP") => is_made_of("-"),
                _ => self.surface.eq_ignore_ascii_case(text),
            },
            Canonical::Name(name) => {
                let words = pieces.iter().filter(|piece| piece.sort == Sort::Letters).count();
                let shown = name
                    .words
                    .iter()
                    .map(|word| {
                        word.shown.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count()
                    })
                    .sum::<usize>();
                words <= shown + 1 && name.words.iter().all(|word| !word.is_spelled)
            }
            Canonical::Address(address) => {
                let said = pieces
                    .iter()
                    .any(|piece| piece.is_number_word() && !matches!(piece.word, super::lexicon::Word::Ordinal(_)));
                !said && (self.surface.eq_ignore_ascii_case(&address.canonical()) || !address.city.is_empty())
            }
            Canonical::Written(text) => self.surface.eq_ignore_ascii_case(text),
            Canonical::Age(age) => self.surface == age.number,
            Canonical::Text(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
