//! The parts of a value that may be said by themselves.

use masker_words::Language;

use super::super::calendar::Day;
use super::super::reading::Reading;
use super::super::relation::Part;
use super::super::{Canonical, Class, Value, read};
use super::View;
use crate::kind::Kind;

impl Value {
    /// The values that result from parsing a part of this one by itself, each with its view and its relation to this
    /// value: "4413" where the SSN is known. A part that equals the whole value is omitted.
    pub fn parts(&self, reading: &Reading) -> Vec<(Value, View, Part)> {
        let own = self.key();
        let parts = self.candidates(reading.today).into_iter().filter_map(|(view, part, kind, text)| {
            let value = read(&Kind::new(kind)?, &text, reading);
            (value.key() != own).then_some((value, view, part))
        });
        parts.collect()
    }

    fn candidates(&self, today: Day) -> Vec<(View, Part, &'static str, String)> {
        let list: &[(View, Part, &str)] = match &self.canonical {
            Canonical::Phone(_) => &[(View::Last4, Part::LAST_FOUR, "OTHER_ID"), (View::Area, Part::Area, "OTHER_ID")],
            Canonical::Identifier(text) if text.len() >= 6 => {
                &[(View::Last4, Part::LAST_FOUR, "OTHER_ID"), (View::First3, Part::FIRST_THREE, "OTHER_ID")]
            }
            Canonical::Identifier(_) => &[(View::First3, Part::FIRST_THREE, "OTHER_ID")],
            Canonical::Date(_) => &[(View::Year, Part::Year, "DOB")],
            Canonical::Name(name) if name.words.len() > 1 => {
                &[(View::Given, Part::Word, "NAME"), (View::Family, Part::Word, "NAME")]
            }
            Canonical::Address(_) => &[
                (View::Street, Part::Street, "ADDRESS"),
                (View::City, Part::City, "ADDRESS"),
                (View::State, Part::State, "ADDRESS"),
                (View::Zip, Part::Zip, "ZIP"),
            ],
            Canonical::Written(_) => &[(View::Domain, Part::Domain, "URL")],
            Canonical::Name(_) | Canonical::Age(_) | Canonical::Text(_) => &[],
        };
        let zip = (self.kind == Class::Identifier("ZIP")).then_some((View::Zip, Part::Zip, "ZIP"));
        let named = zip
            .iter()
            .chain(list)
            .filter_map(|(view, part, kind)| Some((*view, *part, *kind, self.view(*view, today, Language::English)?)));
        named.collect()
    }
}
