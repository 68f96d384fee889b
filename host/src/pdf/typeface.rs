//! The embedded fonts: text widths and line wrapping.

use printpdf::ParsedFont;

use super::PdfError;

/// One of the three fonts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// Body text.
    Regular,
    /// Titles.
    Bold,
    /// IDs and hashes.
    Mono,
}

/// The three fonts.
pub struct Fonts {
    regular: ParsedFont,
    bold: ParsedFont,
    mono: ParsedFont,
}

/// Replacement for characters that are not in the fonts.
const MISSING: char = '\u{FFFD}';

impl Fonts {
    /// Parses the embedded fonts.
    pub fn load() -> Result<Self, PdfError> {
        let read = |bytes: &[u8]| {
            ParsedFont::from_bytes(bytes, 0, &mut Vec::new()).ok_or(PdfError("cannot read an embedded font"))
        };
        Ok(Self {
            regular: read(include_bytes!("../../fonts/DejaVuSansCondensed.ttf"))?,
            bold: read(include_bytes!("../../fonts/DejaVuSansCondensed-Bold.ttf"))?,
            mono: read(include_bytes!("../../fonts/DejaVuSansMono.ttf"))?,
        })
    }

    /// The parsed font.
    pub fn font(&self, face: Face) -> &ParsedFont {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
            Face::Mono => &self.mono,
        }
    }

    /// Replaces characters that the font lacks, and returns whether there were any. Control characters become spaces.
    pub fn printable(&self, face: Face, text: &str) -> (String, bool) {
        let mut missing = false;
        let printable = text.chars().map(|c| match c {
            c if c.is_control() => ' ',
            c if self.font(face).lookup_glyph_index(u32::from(c)).is_some_and(|glyph| glyph != 0) => c,
            _ => {
                missing = true;
                MISSING
            }
        });
        let printable = printable.collect();
        (printable, missing)
    }

    /// Width of a text at this size, in points.
    pub fn width(&self, face: Face, size: f32, text: &str) -> f32 {
        let font = self.font(face);
        let units: f32 = text.chars().map(|c| f32::from(advance(font, c))).sum();
        units * size / f32::from(font.units_per_em.max(1))
    }

    /// Wraps text to lines of at most `width` points, at spaces or inside words that are too wide. Existing line
    /// breaks are kept.
    pub fn lines(&self, face: Face, size: f32, width: f32, text: &str) -> Vec<String> {
        text.split('\n').flat_map(|paragraph| self.paragraph(face, size, width, paragraph)).collect()
    }

    fn paragraph(&self, face: Face, size: f32, width: f32, text: &str) -> Vec<String> {
        let (mut lines, mut line) = (Vec::new(), String::new());
        let indent: String = text.chars().take_while(|c| *c == ' ').collect();
        line.push_str(&indent);
        for word in text.trim_start_matches(' ').split(' ') {
            let gap = if line.is_empty() || line == indent { "" } else { " " };
            if self.width(face, size, &format!("{line}{gap}{word}")) <= width {
                line.push_str(gap);
                line.push_str(word);
                continue;
            }
            if line != indent {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if line.chars().count() > 1 && self.width(face, size, &line) > width {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        lines.push(line);
        lines
    }
}

fn advance(font: &ParsedFont, c: char) -> u16 {
    let glyph = font.lookup_glyph_index(u32::from(c)).unwrap_or(0);
    font.get_glyph_width(glyph).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_for_and_nothing_is_lost() {
        let fonts = Fonts::load().expect("the fonts of this build");
        let long = "a".repeat(400);
        for text in [
            "",
            " ",
            "one",
            "two words",
            "  indented by two and long enough to be broken somewhere",
            long.as_str(),
            "a\n\nb",
            "Łukasz Ωμέγα Ёлка",
        ] {
            for width in [20.0, 60.0, 300.0] {
                let lines = fonts.lines(Face::Regular, 8.0, width, text);
                assert!(
                    lines
                        .iter()
                        .all(|line| fonts.width(Face::Regular, 8.0, line) <= width || line.chars().count() == 1)
                );
                let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                assert_eq!(letters(&lines.concat()), letters(text));
            }
        }
    }

    #[test]
    fn what_the_font_has_not_is_shown_to_be_missing() {
        let fonts = Fonts::load().expect("the fonts of this build");
        assert_eq!(fonts.printable(Face::Regular, "Żółć\tπ"), ("Żółć π".to_owned(), false));
        assert_eq!(fonts.printable(Face::Regular, "山田"), ("\u{FFFD}\u{FFFD}".to_owned(), true));
    }
}
