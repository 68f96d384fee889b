//! Decompression of responses. Masker requests none, but some gateways compress every response.
//!
//! Decoded bytes are passed on immediately, so that an event of a stream does not wait for the next one. A small chunk
//! may expand a thousandfold, so chunks are decoded in slices, and size limits count decoded bytes.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use hyper::HeaderMap;
use hyper::header::CONTENT_ENCODING;

use super::UpstreamFault;

/// Compressed bytes per step; they expand to at most one mebibyte.
const SLICE: usize = 1024;

type Pieces = BoxStream<'static, Result<Bytes, UpstreamFault>>;

/// Decodes a body. A body in an unknown encoding fails immediately.
pub fn decoded(headers: &HeaderMap, body: Pieces) -> Pieces {
    let mut encodings =
        headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let mut named = encodings.by_ref().map(|name| name.trim_ascii().to_ascii_lowercase());
    let mut named = named.by_ref().filter(|name| !name.is_empty() && name != b"identity");
    let decoder = match (named.next().as_deref(), named.next()) {
        (None, _) => return body,
        (Some(b"gzip" | b"x-gzip"), None) => Decoder::Gzip(MultiGzDecoder::new(Vec::new())),
        (Some(b"deflate"), None) => Decoder::Deflate,
        _ => {
            tracing::warn!("the LLM provider uses a content encoding that Masker does not support");
            return stream::iter([Err(UpstreamFault::Broken)]).boxed();
        }
    };
    let state = State { body, decoder, encoded: Bytes::new(), begun: false, ended: false };
    stream::unfold(state, State::next).boxed()
}

struct State {
    body: Pieces,
    decoder: Decoder,
    /// The part of the last chunk that is not decoded yet.
    encoded: Bytes,
    begun: bool,
    ended: bool,
}

impl State {
    async fn next(mut self) -> Option<(Result<Bytes, UpstreamFault>, Self)> {
        while !self.ended {
            let decoded = if !self.encoded.is_empty() {
                let slice = self.encoded.split_to(SLICE.min(self.encoded.len()));
                self.decoder.take(&slice)
            } else {
                match self.body.next().await {
                    Some(Ok(piece)) => {
                        self.begun |= !piece.is_empty();
                        self.encoded = piece;
                        continue;
                    }
                    Some(Err(fault)) => {
                        self.ended = true;
                        return Some((Err(fault), self));
                    }
                    None => {
                        self.ended = true;
                        // An empty body is not compressed: responses without a body may name an encoding too.
                        if self.begun { self.decoder.finish() } else { Ok(Vec::new()) }
                    }
                }
            };
            match decoded {
                Ok(decoded) if decoded.is_empty() => {}
                Ok(decoded) => return Some((Ok(decoded.into()), self)),
                Err(_) => {
                    self.ended = true;
                    return Some((Err(UpstreamFault::Broken), self));
                }
            }
        }
        None
    }
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    /// Before the first byte, which distinguishes the two forms of `deflate`.
    Deflate,
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
}

impl Decoder {
    /// Decodes these bytes and returns the output that they complete.
    fn take(&mut self, encoded: &[u8]) -> io::Result<Vec<u8>> {
        if let (Self::Deflate, Some(first)) = (&*self, encoded.first()) {
            *self = match first & 0x0f {
                8 => Self::Zlib(ZlibDecoder::new(Vec::new())),
                _ => Self::Raw(DeflateDecoder::new(Vec::new())),
            };
        }
        match self {
            Self::Gzip(decoder) => {
                decoder.write_all(encoded)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Deflate => Ok(Vec::new()),
            Self::Zlib(decoder) => {
                decoder.write_all(encoded)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Raw(decoder) => {
                decoder.write_all(encoded)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }

    /// Returns the remaining output; an error if the input is truncated.
    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish().map(|()| std::mem::take(decoder.get_mut())),
            Self::Deflate => Ok(Vec::new()),
            Self::Zlib(decoder) => decoder.try_finish().map(|()| std::mem::take(decoder.get_mut())),
            Self::Raw(decoder) => decoder.try_finish().map(|()| std::mem::take(decoder.get_mut())),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use hyper::header::HeaderValue;

    use super::*;

    fn encode(encoding: &str, text: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        let encoded = match encoding {
            "zlib" => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(text).and_then(|()| encoder.finish())
            }
            "raw" => {
                let mut encoder = DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(text).and_then(|()| encoder.finish())
            }
            _ => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(text).and_then(|()| encoder.finish())
            }
        };
        encoded.expect("memory")
    }

    async fn decode(header: &str, pieces: Vec<Vec<u8>>) -> (Vec<u8>, Option<UpstreamFault>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(header).expect("a value"));
        let body = stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed();
        let mut body = decoded(&headers, body);
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => whole.extend_from_slice(&piece),
                Err(fault) => return (whole, Some(fault)),
            }
        }
        (whole, None)
    }

    #[tokio::test]
    async fn every_encoding_comes_back_however_it_is_cut() {
        let text = "data: {\"choices\": []}\n\n".repeat(40);
        let two = [encode("gzip", b"data: 1\n\n"), encode("gzip", b"data: 2\n\n")].concat();
        let table = [
            ("identity", text.clone().into_bytes(), text.as_str()),
            ("", text.clone().into_bytes(), &text),
            ("gzip", encode("gzip", text.as_bytes()), &text),
            ("X-GZIP", encode("gzip", text.as_bytes()), &text),
            ("identity, gzip", encode("gzip", text.as_bytes()), &text),
            ("deflate", encode("zlib", text.as_bytes()), &text),
            ("deflate", encode("raw", text.as_bytes()), &text),
            ("gzip", two, "data: 1\n\ndata: 2\n\n"),
            ("gzip", Vec::new(), ""),
            ("deflate", Vec::new(), ""),
        ];
        for (header, encoded, wanted) in table {
            for size in [1, 2, 7, 100_000] {
                let pieces = encoded.chunks(size).map(<[u8]>::to_vec).collect();
                assert_eq!(decode(header, pieces).await, (wanted.as_bytes().to_vec(), None), "{header} by {size}");
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_decoded_is_a_broken_answer() {
        let whole = encode("gzip", b"some text that is long enough to be cut");
        let cut = whole[..whole.len() - 9].to_vec();
        for (header, bytes) in [
            ("gzip", cut),
            ("gzip", b"plain text".to_vec()),
            ("deflate", b"plain text".to_vec()),
            ("br", whole.clone()),
            ("zstd", whole.clone()),
            ("gzip, gzip", whole),
        ] {
            assert_eq!(decode(header, vec![bytes]).await.1, Some(UpstreamFault::Broken), "{header}");
        }
    }

    #[tokio::test]
    async fn an_event_comes_when_it_was_flushed_and_not_with_the_next() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut flushed = |text: &str| {
            encoder.write_all(text.as_bytes()).and_then(|()| encoder.flush()).expect("memory");
            Ok(Bytes::from(std::mem::take(encoder.get_mut())))
        };
        let pieces = [flushed("data: 1\n\n"), flushed("data: 2\n\n")];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut body = decoded(&headers, stream::iter(pieces).chain(stream::pending()).boxed());
        for wanted in ["data: 1\n\n", "data: 2\n\n"] {
            assert_eq!(body.next().await, Some(Ok(Bytes::from(wanted))));
        }
    }

    #[tokio::test]
    async fn a_bomb_comes_in_pieces_of_bounded_size() {
        let bomb = encode("gzip", &vec![b' '; 8 << 20]);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut body = decoded(&headers, stream::iter([Ok(Bytes::from(bomb))]).boxed());
        let mut whole = 0;
        while let Some(piece) = body.next().await {
            let length = piece.expect("sound").len();
            assert!(length <= SLICE * 1100, "{length}");
            whole += length;
        }
        assert_eq!(whole, 8 << 20);
    }
}
