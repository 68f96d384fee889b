//! The characters between two words, in more detail than the model gets: [`crate::tokens::Gap`] keeps only the
//! strongest sign, but each of two blanks, a dash and a line break may separate two values.

/// This many blanks separate columns.
const COLUMNS: usize = 3;

/// The signs between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Between {
    /// Line breaks.
    pub lines: usize,
    /// A sign that no name or address contains: a semicolon, a bar, a tab, a tag, a bullet.
    pub separator: bool,
    /// A sign that starts another subject: a colon, an exclamation or question mark, a sum of money.
    pub ends: bool,
    /// A colon.
    pub colon: bool,
    /// A full stop followed by a blank.
    pub sentence: bool,
    /// A comma.
    pub comma: bool,
    /// A dash with a blank on both sides, or a long one.
    pub spaced_dash: bool,
    /// `/` or `\`.
    pub slash: bool,
    /// `&` or `+`.
    pub joining_sign: bool,
    /// `#`.
    pub hash: bool,
    /// Quotation marks.
    pub quotes: usize,
    /// An opening bracket.
    pub opens: bool,
    /// A closing bracket.
    pub closes: bool,
}

impl Between {
    /// Reads the characters from `start` to `end`.
    pub fn read(text: &str, start: usize, end: usize) -> Self {
        let between = text.get(start..end).unwrap_or_default();
        // The possessive is part of no word.
        let between = between.strip_prefix("'s").or_else(|| between.strip_prefix("\u{2019}s")).unwrap_or(between);
        let mut gap = Self::default();
        let (mut blanks, mut dashes) = (0, 0);
        let mut signs = between.chars().peekable();
        let mut before = 'x';
        while let Some(sign) = signs.next() {
            let next = signs.peek().copied().unwrap_or('x');
            blanks = if is_blank(sign) { blanks + 1 } else { 0 };
            gap.separator |= blanks >= COLUMNS;
            match sign {
                '\n' | '\r' => gap.lines += usize::from(sign == '\n' || next != '\n'),
                ',' | '\u{3001}' | '\u{ff0c}' | '\u{60c}' => gap.comma = true,
                '.' | '\u{3002}' => gap.sentence |= next != 'x' || sign != '.',
                '-' | '~' | '\u{2010}'..='\u{2013}' => {
                    dashes += 1;
                    gap.spaced_dash |= dashes > 1 || before != 'x' && next != 'x';
                }
                '\u{2014}' | '\u{2015}' => gap.spaced_dash = true,
                ':' => (gap.ends, gap.colon) = (true, true),
                '$' | '\u{20ac}' | '\u{a3}' | '!' | '?' | '\u{2026}' | '\u{a1}' | '\u{bf}' => gap.ends = true,
                '/' | '\\' => gap.slash = true,
                '&' | '+' => gap.joining_sign = true,
                '#' => gap.hash = true,
                '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => gap.quotes += 1,
                '(' | '[' | '{' => gap.opens = true,
                ')' | ']' | '}' => gap.closes = true,
                '_' => {}
                _ if is_blank(sign) && sign != '\t' || is_invisible(sign) => {}
                _ => gap.separator = true,
            }
            before = sign;
        }
        gap.without_apostrophe(between)
    }

    /// "O ' Brien", "ca n ' t": an apostrophe between blanks, as some tokenisers write it, is not a quotation mark.
    fn without_apostrophe(mut self, between: &str) -> Self {
        if matches!(between, "'" | " '" | "' " | " ' " | " \u{2019} ") {
            self.quotes = 0;
        }
        self
    }

    /// Whether quotation marks or brackets are among the signs.
    pub fn has_quotes(&self) -> bool {
        self.quotes > 0 || self.opens || self.closes
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Characters that are invisible, or belong to the letter before them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{ba}' | '\u{aa}' | '\u{b0}' | '\u{2116}' | '\u{ae}' | '\u{2122}')
        || matches!(c, '\0'..='\u{8}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(text: &str) -> Between {
        Between::read(text, 1, text.len() - 1)
    }

    #[test]
    fn separators_are_told_from_what_stands_inside_of_values() {
        for text in ["a; b", "a | b", "a|b", "a\tb", "a   b", "a</b", "a • b", "a = b", "a → b"] {
            assert!(gap(text).separator, "{text}");
        }
        for text in ["a: b", "a! b", "a? b", "a… b", "a $b"] {
            assert!(gap(text).ends && !gap(text).separator, "{text}");
        }
        for text in ["a b", "a-b", "a, b", "a. b", "a.b", "a  b", "a_b", "a (b", "a\u{200b}b", "a's b", "a/b", "a ' b"]
        {
            assert!(!gap(text).separator && !gap(text).ends, "{text}");
        }
    }

    #[test]
    fn a_dash_and_a_stop_are_told_by_the_blanks_around_them() {
        for (text, want) in
            [("a - b", true), ("a -- b", true), ("a--b", true), ("a—b", true), ("a-b", false), ("a- b", false)]
        {
            assert_eq!(gap(text).spaced_dash, want, "{text}");
        }
        for (text, want) in [("a. b", true), ("a.b", false), ("a.\nb", true), ("a.) b", true)] {
            assert_eq!(gap(text).sentence, want, "{text}");
        }
    }

    #[test]
    fn lines_are_counted() {
        for (text, want) in [("a b", 0), ("a\nb", 1), ("a\r\nb", 1), ("a\rb", 1), ("a\n\nb", 2), ("a\r\n\r\nb", 2)] {
            assert_eq!(gap(text).lines, want, "{text:?}");
        }
    }
}
