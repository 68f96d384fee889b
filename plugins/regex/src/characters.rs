//! Character classes by ranges of code points instead of Unicode tables, whose pages would have to be touched in every
//! fresh instance.

/// The value of a decimal digit in any script that [`class_at`] knows.
pub fn digit_value(c: char) -> u8 {
    let code = c as u32;
    let zero = match code {
        0x30..=0x39 => 0x30,
        0x660..=0x669 => 0x660,
        0x6f0..=0x6f9 => 0x6f0,
        0x966..=0x96f => 0x966,
        0xff10..=0xff19 => 0xff10,
        _ => code,
    };
    (code - zero) as u8
}

/// Character class used by the tokeniser.
pub enum Char {
    /// Separates words.
    Blank,
    /// Separates lines.
    Break,
    /// Invisible; separates nothing.
    Nothing,
    /// A decimal digit.
    Digit,
    /// A letter or a mark on one.
    Letter,
    /// Anything else: its byte in ASCII, or 0.
    Sign(u8),
}

/// The class and the width of the character at `at`; `Break` past the end.
#[inline]
pub fn class_at(bytes: &[u8], at: usize) -> (Char, usize) {
    let Some(&byte) = bytes.get(at) else { return (Char::Break, 1) };
    let class = match byte {
        b'a'..=b'z' | b'A'..=b'Z' => Char::Letter,
        b'0'..=b'9' => Char::Digit,
        b'\n' | b'\r' => Char::Break,
        0..=b' ' | 0x7f => Char::Blank,
        0x21..=0x7e => Char::Sign(if byte == b'`' { b'\'' } else { byte }),
        _ => return other(bytes, at),
    };
    (class, 1)
}

#[cold]
fn other(bytes: &[u8], at: usize) -> (Char, usize) {
    let byte = bytes[at];
    let follow = |n: usize| u32::from(bytes.get(at + n).copied().unwrap_or(0) & 0x3f);
    let (code, width) = match byte {
        0xc0..=0xdf => (u32::from(byte & 0x1f) << 6 | follow(1), 2),
        0xe0..=0xef => (u32::from(byte & 0x0f) << 12 | follow(1) << 6 | follow(2), 3),
        0xf0..=0xff => (u32::from(byte & 7) << 18 | follow(1) << 12 | follow(2) << 6 | follow(3), 4),
        // A `str` contains no lone continuation byte.
        _ => (0, 1),
    };
    let class = match code {
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Char::Blank,
        0x85 | 0x2028 | 0x2029 => Char::Break,
        0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2069 | 0xfeff | 0xfe00..=0xfe0f => Char::Nothing,
        0x660..=0x669 | 0x6f0..=0x6f9 | 0x966..=0x96f | 0xff10..=0xff19 => Char::Digit,
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 | 0xff0d => Char::Sign(b'-'),
        0x2018 | 0x2019 | 0x2bc | 0xff07 => Char::Sign(b'\''),
        0x201c | 0x201d => Char::Sign(b'"'),
        0xff20 => Char::Sign(b'@'),
        0xa3 | 0x20ac | 0xa5 => Char::Sign(b'$'),
        0xaa | 0xb5 | 0xba => Char::Letter,
        0..=0xbf | 0xd7 | 0xf7 | 0x2016..=0x2bff | 0x3001..=0x303f | 0xe000..=0xf8ff => Char::Sign(0),
        0xfe10..=0xfe6f | 0xff00..=0xff0f | 0x1f000.. => Char::Sign(0),
        _ => Char::Letter,
    };
    (class, width)
}
