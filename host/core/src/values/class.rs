//! How texts of each kind are parsed.

use super::date::{self, Century};
use super::lexicon::Word;
use super::reading::Reading;
use super::surface::{self, Piece, Sort};
use super::{Canonical, address, age, identifier, mail, name, phone};
use crate::kind::Kind;

/// The parser for the texts of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Birth,
    Date,
    Phone,
    Identifier(&'static str),
    Name,
    Mail,
    Web,
    Address,
    Age,
    Text,
}

impl Class {
    pub fn of(kind: &Kind) -> Self {
        const IDENTIFIERS: [&str; 12] = [
            "SSN",
            "MRN",
            "HEALTH_PLAN",
            "ACCOUNT",
            "CREDIT_CARD",
            "IBAN",
            "LICENSE",
            "PASSPORT",
            "NATIONAL_ID",
            "VEHICLE",
            "DEVICE",
            "ZIP",
        ];
        match kind.as_str() {
            "DOB" => Self::Birth,
            "DATE" => Self::Date,
            "PHONE" | "FAX" => Self::Phone,
            "NAME" => Self::Name,
            "EMAIL" => Self::Mail,
            "URL" | "USERNAME" | "IP_ADDRESS" => Self::Web,
            "ADDRESS" => Self::Address,
            "AGE" => Self::Age,
            "OTHER_ID" => Self::Identifier("OTHER_ID"),
            kind => IDENTIFIERS.into_iter().find(|known| *known == kind).map_or(Self::Text, Self::Identifier),
        }
    }

    pub fn read(self, surface: &str, reading: &Reading) -> Option<Canonical> {
        if self == Self::Name {
            return name::read(surface, reading).map(Canonical::Name);
        }
        let pieces = surface::pieces(surface, reading.languages);
        match self {
            Self::Birth => dated(&pieces, reading, Century::Past),
            Self::Date => dated(&pieces, reading, Century::Near),
            Self::Phone => taken_for_another(surface, &pieces, reading)
                .or_else(|| phone::read(&pieces, reading).map(Canonical::Phone))
                .or_else(|| digits(&pieces)),
            Self::Identifier(kind) => taken_for_another(surface, &pieces, reading)
                .or_else(|| identifier::read(&pieces, identifier::Rule::of(kind)).map(Canonical::Identifier)),
            Self::Mail => mail::address(surface, &pieces).map(Canonical::Written),
            Self::Web => mail::name(surface, &pieces).map(Canonical::Written),
            Self::Address => address::read(&pieces).map(Canonical::Address),
            Self::Age => age::read(&pieces).map(Canonical::Age),
            Self::Name | Self::Text => None,
        }
    }
}

/// A date, or digits mistaken for one: the last four of an SSN.
fn dated(pieces: &[Piece], reading: &Reading, century: Century) -> Option<Canonical> {
    let is_number = |piece: &Piece| piece.is_number_word() || piece.sort == Sort::Digits;
    date::read(pieces, reading, century)
        .map(Canonical::Date)
        .or_else(|| pieces.iter().all(is_number).then(|| digits(pieces))?)
}

/// A date or a telephone number under another kind, if the format is unambiguous.
fn taken_for_another(surface: &str, pieces: &[Piece], reading: &Reading) -> Option<Canonical> {
    let has_month = || pieces.iter().any(|piece| matches!(piece.word, Word::Month(_)));
    if date::is_unmistakable(surface) || has_month() {
        let date = date::read(pieces, reading, Century::Near).filter(|date| date.day().is_some());
        return date.map(Canonical::Date);
    }
    phone::is_unmistakable(surface).then(|| phone::read(pieces, reading).map(Canonical::Phone))?
}

/// Digits of unknown length that are not a telephone number or date: "0134".
fn digits(pieces: &[Piece]) -> Option<Canonical> {
    let text = identifier::read(pieces, identifier::Rule::ANY)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(Canonical::Identifier(text))
}
