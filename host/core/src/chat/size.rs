//! Counts the JSON values of a body from its bytes, before parsing.
//!
//! A one-byte value costs some five hundred bytes: a tree node, its place in the text, a piece to be masked. So a
//! body is counted before it is parsed; JSON inside a text is counted while it is parsed (`leaves/json.rs`).

/// Limit of values in one request: keys do not count, values of JSON inside its texts do. A long conversation has a
/// few hundred.
pub const MOST: usize = 100_000;

/// Error message for a request over the limit.
pub const TOO_MANY: &str = "must not have more than 100000 JSON values, including JSON inside a text";

/// Whether a JSON document has more than [`MOST`] values.
pub fn is_too_much(document: &[u8]) -> bool {
    // Each value takes at least one byte plus a separator.
    document.len() > 2 * MOST && outside_of_strings(document) > MOST
}

fn separates(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b'{')
}

fn outside_of_strings(document: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(byte) = document.get(at) {
        at += 1;
        match byte {
            b'"' => at += string_length(&document[at..]),
            byte => count += usize::from(separates(*byte)),
        }
    }
    count
}

/// Length in bytes of the rest of a string, including the closing quotation mark.
fn string_length(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', rest.get(at..).unwrap_or_default()) {
        at += found;
        match rest[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_strings_is_no_value_of_the_document() {
        for (document, count) in [
            ("1", 0),
            ("[]", 1),
            ("[1,2]", 2),
            (r#"{"a,b": ["c,[", 1], "d\\": "\",", "e": {}}"#, 6),
            (r#"["unfinished , \"#, 1),
            (r#"["unfinished , \""#, 1),
        ] {
            assert_eq!(outside_of_strings(document.as_bytes()), count, "{document}");
        }
    }

    #[test]
    fn a_document_is_too_much_by_its_values_and_not_by_its_length() {
        let list = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
        assert!(!is_too_much(list(MOST - 1).as_bytes()));
        assert!(is_too_much(list(MOST + 1).as_bytes()));
        assert!(!is_too_much(format!("[\"{}\"]", "a,".repeat(4 * MOST)).as_bytes()));
    }
}
