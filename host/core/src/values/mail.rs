//! Mail addresses, user names, page and host addresses: as written, in lower case.
//!
//! Said: "maria dot g at example dot com", "zelda underscore quintana", "ten dot zero dot zero dot one".

use std::net::IpAddr;

use super::correction::{self, Among};
use super::lexicon::Word;
use super::spelling;
use super::spoken;
use super::surface::Piece;

/// Maximum length: RFC 5321 allows 254 for a mail address.
const LONGEST: usize = 320;

/// A mail address, written or said.
pub(super) fn address(surface: &str, pieces: &[Piece]) -> Option<String> {
    if let Some((before, after)) = correction::split(pieces, Among::Words) {
        return corrected(before, after);
    }
    let written = bare(surface);
    let address = if is_written(written) { written.to_lowercase() } else { said(pieces)? };
    is_address(&address).then_some(address)
}

/// A user name, a page address or a host address.
pub(super) fn name(surface: &str, pieces: &[Piece]) -> Option<String> {
    let written = bare(surface);
    let is_one_word = !written.is_empty() && !written.contains(char::is_whitespace);
    let name = if is_one_word { written.to_lowercase() } else { said(pieces)? };
    Some(name.parse::<IpAddr>().map_or(name, |address| address.to_string()))
}

/// Strips the surroundings of an address: `<`, `mailto:`, the end of a sentence.
fn bare(surface: &str) -> &str {
    let bare = surface
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '!' | '?' | '(' | ')'));
    let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
    bare.strip_suffix('.').unwrap_or(bare)
}

fn is_written(text: &str) -> bool {
    text.contains('@') && !text.contains(char::is_whitespace) && text.len() <= LONGEST
}

pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_domain = domain.split('.').all(|label| !label.is_empty()) && domain.contains('.');
    !local.is_empty() && is_domain && !text.contains(char::is_whitespace) && text.len() <= LONGEST
}

/// The written form of spoken words: signs for their names, digits for numbers, words without spaces.
fn said(pieces: &[Piece]) -> Option<String> {
    // "pat at home at example dot com": the last "at" separates name and domain.
    let at_sign = pieces.iter().rposition(|piece| piece.sign() == Some('@'));
    let (mut text, mut at, mut word) = (String::new(), 0, 0);
    while let Some(piece) = pieces.get(at) {
        let rest = &pieces[at..];
        let is_zero = piece.letter() == Some('o') && at > 0 && pieces[at - 1].is_number_word();
        if let Some(sign) = piece.sign() {
            let low = |next: &Piece| next.is_word("bajo") || next.is_word("baja");
            let is_low = matches!(sign, '-' | '/') && pieces.get(at + 1).is_some_and(low);
            at += usize::from(is_low);
            match if is_low { '_' } else { sign } {
                '@' if Some(at) != at_sign => text.push_str("at"),
                ',' | '(' | ')' => {}
                sign if sign.is_ascii_punctuation() => text.push(sign),
                _ => return None,
            }
            at += 1;
        } else if let Some((spelled, length)) = spelling::letters(rest).filter(|_| !is_zero) {
            // Said and then spelled.
            if spelled.len() < 3 || text.get(word..) != Some(&spelled) {
                text.push_str(&spelled);
            }
            word = text.len();
            at += length;
        } else if let Some(chunk) =
            spoken::chunk(rest).filter(|_| !matches!(piece.word, Word::Ordinal(_) | Word::Hundred | Word::Thousand))
        {
            text.push_str(chunk.digits());
            at += chunk.length;
        } else if piece.word == Word::Filler || is_silent(piece) {
            at += 1;
        } else {
            word = text.len();
            text.push_str(&piece.folded);
            at += 1;
        }
    }
    let text = text.trim_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_silent(piece: &Piece) -> bool {
    matches!(&*piece.folded, "spelled" | "thats" | "lowercase")
}

/// The repeated part before or after the at sign, or the whole address.
fn corrected(before: &[Piece], after: &[Piece]) -> Option<String> {
    let after = said(after)?;
    if is_address(&after) {
        return Some(after);
    }
    let before = said(before).filter(|before| is_address(before))?;
    let (local, domain) = before.rsplit_once('@')?;
    let address = if after.contains('.') && !local.contains('.') {
        format!("{local}@{after}")
    } else {
        format!("{after}@{domain}")
    };
    is_address(&address).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(surface: &str, expected: &str) {
        let address = address(surface, &pieces(surface, BOTH));
        assert_eq!(address.as_deref().unwrap_or("-"), expected, "{surface}");
    }

    #[test]
    fn every_form_of_an_address_is_that_address() {
        for surface in [
            "maria.g82@mail.example.com",
            "Maria.G82@Mail.Example.COM",
            "<maria.g82@mail.example.com>",
            "maria dot g eighty two at mail dot example dot com",
            "maria dot g eight two at mail dot example dot com",
            "maria dot g 82 at mail dot example dot com.",
            "m a r i a dot g eight two at mail dot example dot com",
            "maria, m a r i a, dot g eighty two at mail dot example dot com",
            "maria punto g ochenta y dos arroba mail punto example punto com",
        ] {
            check(surface, "maria.g82@mail.example.com");
        }
        check("zelda underscore quintana at example dot net", "zelda_quintana@example.net");
        check("j dash o dash e at example dot com", "j-o-e@example.com");
        check("joe at example dot com, no sorry, jo at example dot com", "jo@example.com");
        check("miller at home", "-");
        check("@", "-");
        check("", "-");
    }

    #[test]
    fn names_and_addresses_of_machines_are_written() {
        let read = |surface| name(surface, &pieces(surface, BOTH));
        assert_eq!(read("MGonz_82").as_deref(), Some("mgonz_82"));
        assert_eq!(read("m gonz underscore eighty two").as_deref(), Some("mgonz_82"));
        assert_eq!(read("ten dot zero dot zero dot one").as_deref(), Some("10.0.0.1"));
        assert_eq!(read("2001:DB8:0:0::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(read("www dot example dot com slash help").as_deref(), Some("www.example.com/help"));
        assert_eq!(read(" "), None);
    }
}
