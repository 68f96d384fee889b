//! A streamed answer, as a list of writes.

use bytes::Bytes;
use serde_json::Value;

use crate::Signal;

/// One step of a streamed answer.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes, in a separate chunk and write.
    Send(Bytes),
    /// A pause until the test fires the signal.
    Wait(Signal),
    /// Nothing further; the connection stays open.
    Stall,
    /// An orderly TCP close without the end of the chunked body.
    Close,
    /// A TCP reset.
    Reset,
}

/// A streamed answer, byte for byte: events may be split anywhere, or be invalid.
///
/// After the last step, the HTTP body ends properly; omit [`Script::done`] for a clean end without `[DONE]`.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// No steps yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One chunk for each item, as given.
    pub fn chunks<I>(chunks: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes>,
    {
        let steps = chunks.into_iter().map(|chunk| Step::Send(chunk.into()));
        Self { steps: steps.collect() }
    }

    /// A chunk of any bytes.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// One server-sent event, `data: {json}` and an empty line.
    pub fn event(self, data: &Value) -> Self {
        self.raw(format!("data: {data}\n\n"))
    }

    /// One event for each item.
    pub fn events(self, data: &[Value]) -> Self {
        data.iter().fold(self, Self::event)
    }

    /// The `data: [DONE]` that ends OpenAI's streams.
    pub fn done(self) -> Self {
        self.raw("data: [DONE]\n\n")
    }

    /// Pauses until the test fires the signal. `signal.reached().await` returns once everything before was sent.
    pub fn wait(self, signal: &Signal) -> Self {
        self.step(Step::Wait(signal.clone()))
    }

    /// Sends nothing further and keeps the connection open, until the client disconnects.
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Closes the connection in the middle of the body (FIN, no last chunk).
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Resets the connection in the middle of the body (RST).
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Splits the bytes between pauses into chunks of `size`: 1 splits every event and every character.
    pub fn cut_every(self, size: usize) -> Self {
        self.cut_with(|bytes| {
            let size = size.max(1);
            (0..bytes.len()).step_by(size).map(|start| bytes.slice(start..bytes.len().min(start + size))).collect()
        })
    }

    /// Joins the bytes between pauses and splits them once, `offset` bytes from their start.
    pub fn cut_at(self, offset: usize) -> Self {
        self.cut_with(|bytes| {
            let offset = offset.min(bytes.len());
            vec![bytes.slice(..offset), bytes.slice(offset..)]
        })
    }

    /// Keeps only the first `length` bytes, and the steps between them: add how the stream breaks off there.
    pub fn truncated(self, mut length: usize) -> Self {
        let mut steps = Vec::new();
        for step in self.steps {
            match step {
                Step::Send(bytes) if bytes.len() < length => {
                    length -= bytes.len();
                    steps.push(Step::Send(bytes));
                }
                Step::Send(bytes) => {
                    // An empty chunk would end the chunked body.
                    if length > 0 {
                        steps.push(Step::Send(bytes.slice(..length)));
                    }
                    break;
                }
                other => steps.push(other),
            }
        }
        Self { steps }
    }

    /// The total number of bytes of the script: the range of [`Script::cut_at`].
    pub fn byte_len(&self) -> usize {
        let sent = self.steps.iter().map(|step| match step {
            Step::Send(bytes) => bytes.len(),
            _ => 0,
        });
        sent.sum()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn cut_with(self, cut: impl Fn(Bytes) -> Vec<Bytes>) -> Self {
        let mut steps = Vec::new();
        let mut joined = Vec::new();
        let flush = |joined: &mut Vec<u8>, steps: &mut Vec<Step>| {
            let pieces = cut(Bytes::from(std::mem::take(joined)));
            // An empty chunk would end the chunked body.
            let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
            steps.extend(pieces.map(Step::Send));
        };
        for step in self.steps {
            match step {
                Step::Send(bytes) => joined.extend_from_slice(&bytes),
                other => {
                    flush(&mut joined, &mut steps);
                    steps.push(other);
                }
            }
        }
        flush(&mut joined, &mut steps);
        Self { steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(script: &Script) -> Vec<&[u8]> {
        let chunks = script.steps.iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes.as_ref()),
            _ => None,
        });
        chunks.collect()
    }

    #[test]
    fn cut_every_splits_characters_and_keeps_pauses() {
        let script = Script::chunks(["é", "a"]).wait(&Signal::new()).raw("b");
        let script = script.cut_every(1);
        assert_eq!(sent(&script), [&b"\xc3"[..], &b"\xa9"[..], &b"a"[..], &b"b"[..]]);
        assert!(matches!(script.steps[3], Step::Wait(_)));
    }

    #[test]
    fn truncated_keeps_the_beginning_to_the_byte() {
        let script = Script::chunks(["ab", "cd"]);
        for (length, left) in
            [(0, vec![]), (1, vec![&b"a"[..]]), (2, vec![b"ab"]), (3, vec![b"ab", b"c"]), (9, vec![b"ab", b"cd"])]
        {
            assert_eq!(sent(&script.clone().truncated(length)), left);
        }
    }

    #[test]
    fn cut_at_joins_first_and_leaves_no_empty_chunk() {
        let script = Script::chunks(["ab", "cd"]);
        assert_eq!(script.byte_len(), 4);
        assert_eq!(sent(&script.clone().cut_at(3)), [&b"abc"[..], &b"d"[..]]);
        assert_eq!(sent(&script.cut_at(0)), [&b"abcd"[..]]);
    }
}
