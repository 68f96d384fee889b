//! Comments in a stream of server-sent events (`: keep-alive`), sent by servers and gateways while the model thinks to
//! prevent idle timeouts.

/// Sent to a caller instead of the provider's comments, whose text could contain tokens.
pub const COMMENT: &str = ": keep-alive\n\n";

/// Finds comments regardless of how they are split over chunks.
pub struct Comments {
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    LineStart,
    Comment,
    Field,
}

impl Default for Comments {
    fn default() -> Self {
        Self { at: At::LineStart }
    }
}

impl Comments {
    /// Whether a comment ends in the next chunk of the stream.
    pub fn end_in(&mut self, piece: &[u8]) -> bool {
        let mut found = false;
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            if let At::LineStart = self.at {
                self.at = match first {
                    b'\n' | b'\r' => At::LineStart,
                    b':' => At::Comment,
                    _ => At::Field,
                };
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else { break };
            found |= matches!(self.at, At::Comment);
            self.at = At::LineStart;
            rest = &rest[end + 1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_found_where_it_ends_wherever_it_is_cut() {
        let streams = [
            (": keep-alive\n\n", 1),
            (":\r\n\r\n", 1),
            (":\r\r", 1),
            ("data: {}\n\n: OPENROUTER PROCESSING\n\ndata: {}\n\n", 1),
            (": one\n: two\n\n", 2),
            ("data: : no comment\n\n", 0),
            (" : no comment\n\n", 0),
            ("event: x\ndata: a:b\n\n", 0),
            (": not yet", 0),
            ("\n\n\n", 0),
        ];
        for (stream, wanted) in streams {
            let whole = Comments::default().end_in(stream.as_bytes());
            assert_eq!(whole, wanted > 0, "{stream:?}");
            let mut comments = Comments::default();
            let found = stream.as_bytes().chunks(1).filter(|piece| comments.end_in(piece)).count();
            assert_eq!(found, wanted, "{stream:?}");
            for at in 0..stream.len() {
                let mut comments = Comments::default();
                let (left, right) = stream.as_bytes().split_at(at);
                let found = comments.end_in(left) | comments.end_in(right);
                assert_eq!(found, wanted > 0, "{stream:?} at {at}");
            }
        }
    }
}
