//! WAV files: splits channels without decoding samples.
//!
//! Layout: "Multimedia Programming Interface and Data Specifications 1.0", IBM and Microsoft, 1991: chunks with a
//! four-letter name, a 32-bit little-endian length, and content padded to an even length. `WAVE_FORMAT_EXTENSIBLE`
//! stores the format in the first two bytes of its GUID.

use std::fmt;

/// A recording.
pub struct Recording {
    /// The original file.
    bytes: Vec<u8>,
    channels: usize,
    bytes_per_second: u32,
    /// Size of one sample of one channel, in bytes.
    sample: usize,
    /// Range of the content of `fmt `.
    format: std::ops::Range<usize>,
    /// Range of the samples.
    data: std::ops::Range<usize>,
}

/// Why a file cannot be replayed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// Not a WAV file.
    #[error("this is not a WAV file: no RIFF/WAVE header")]
    NotWav,
    /// A required chunk is missing.
    #[error("the WAV file has no {0} chunk")]
    Missing(&'static str),
    /// The format chunk is too short or inconsistent.
    #[error("the WAV file's format chunk is invalid")]
    Format,
    /// The file has no samples.
    #[error("the recording is empty")]
    Empty,
    /// Channels that cannot be separated without decoding.
    #[error("the channels of this format ({0:#06x}) cannot be separated without decoding: convert the file to PCM")]
    Packed(u16),
}

/// Formats with fixed-size samples: PCM, IEEE float, A-law, mu-law.
const PLAIN_FORMATS: [u16; 4] = [1, 3, 6, 7];
const EXTENSIBLE: u16 = 0xFFFE;

impl Recording {
    /// Parses the chunks. A length beyond the end of the file, as in truncated or streamed recordings, is limited to
    /// the file's end.
    pub fn read(bytes: Vec<u8>) -> Result<Self, WavError> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(WavError::NotWav);
        }
        let format = chunk(&bytes, b"fmt ").ok_or(WavError::Missing("fmt"))?;
        let data = chunk(&bytes, b"data").ok_or(WavError::Missing("data"))?;
        let short = |at: usize| match bytes.get(format.start + at..format.start + at + 2) {
            Some(two) if at + 2 <= format.len() => Ok(u16::from_le_bytes([two[0], two[1]])),
            _ => Err(WavError::Format),
        };
        let (channels, frame) = (usize::from(short(2)?), usize::from(short(12)?));
        let bytes_per_second = u32::from(short(8)?) | u32::from(short(10)?) << 16;
        if channels == 0 || frame == 0 || bytes_per_second == 0 || frame % channels != 0 {
            return Err(WavError::Format);
        }
        if data.len() < frame {
            return Err(WavError::Empty);
        }
        let kind = match short(0)? {
            EXTENSIBLE => short(24)?,
            kind => kind,
        };
        if channels > 1 && !PLAIN_FORMATS.contains(&kind) {
            return Err(WavError::Packed(kind));
        }
        Ok(Self { channels, bytes_per_second, sample: frame / channels, format, data, bytes })
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Duration.
    pub fn seconds(&self) -> f64 {
        self.data.len() as f64 / f64::from(self.bytes_per_second)
    }

    /// Extracts one channel as a WAV file.
    pub fn channel(&self, channel: usize) -> Vec<u8> {
        if self.channels == 1 {
            return self.bytes.clone();
        }
        let frames = self.bytes[self.data.clone()].chunks_exact(self.sample * self.channels);
        let samples: Vec<u8> =
            frames.flat_map(|frame| &frame[channel * self.sample..(channel + 1) * self.sample]).copied().collect();
        let mut format = self.bytes[self.format.clone()].to_vec();
        format[2..4].copy_from_slice(&1_u16.to_le_bytes());
        format[8..12].copy_from_slice(&(self.bytes_per_second / self.channels as u32).to_le_bytes());
        format[12..14].copy_from_slice(&(self.sample as u16).to_le_bytes());
        let mut content = b"WAVE".to_vec();
        for (name, chunk) in [(b"fmt ", &format), (b"data", &samples)] {
            content.extend_from_slice(name);
            content.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            content.extend_from_slice(chunk);
            content.resize(content.len().next_multiple_of(2), 0);
        }
        [b"RIFF", &(content.len() as u32).to_le_bytes()[..], &content].concat()
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds().round() as u64;
        write!(f, "{} min {:02} s, {} channel(s)", seconds / 60, seconds % 60, self.channels)
    }
}

/// Range of the content of the first chunk with this name.
fn chunk(bytes: &[u8], name: &[u8; 4]) -> Option<std::ops::Range<usize>> {
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let end = (at + 8).saturating_add(length).min(bytes.len());
        if &head[..4] == name {
            return Some(at + 8..end);
        }
        at = (at + 8).saturating_add(length.next_multiple_of(2));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(kind: u16, channels: u16, bits: u16, samples: &[u8]) -> Vec<u8> {
        let frame = channels * bits / 8;
        let mut format = Vec::new();
        for short in [kind, channels, 8000, 0, frame * 4000, 0, frame, bits] {
            format.extend_from_slice(&short.to_le_bytes());
        }
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend_from_slice(&format);
        bytes.extend_from_slice(b"LIST\x03\0\0\0abc\0data");
        bytes.extend_from_slice(&(samples.len() as u32).to_le_bytes());
        bytes.extend_from_slice(samples);
        bytes
    }

    #[test]
    fn the_channels_of_a_call_are_told_apart() {
        for (kind, bits, samples, left, right) in [
            (1, 16, &b"aAbBcCdD"[..], &b"aAcC"[..], &b"bBdD"[..]),
            (7, 8, b"abcdef", b"ace", b"bdf"),
            (6, 8, b"abcde", b"ac", b"bd"),
        ] {
            let recording = Recording::read(wav(kind, 2, bits, samples)).expect("sound");
            for (channel, expected) in [(0, left), (1, right)] {
                let mono = Recording::read(recording.channel(channel)).expect("sound");
                assert_eq!(mono.channels(), 1);
                assert_eq!(&mono.bytes[mono.data.clone()], expected);
                assert!((mono.seconds() - recording.seconds()).abs() < 0.001);
            }
        }
    }

    #[test]
    fn a_recording_of_one_party_is_sent_as_it_came() {
        let file = wav(1, 1, 16, b"abcd");
        assert_eq!(Recording::read(file.clone()).expect("sound").channel(0), file);
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_reason() {
        let read = |bytes: &[u8]| Recording::read(bytes.to_vec()).err();
        assert_eq!(read(b""), Some(WavError::NotWav));
        assert_eq!(read(b"ID3 something else of some length"), Some(WavError::NotWav));
        assert_eq!(read(b"RIFF\0\0\0\0WAVE"), Some(WavError::Missing("fmt")));
        assert_eq!(read(b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0data\0\0\0\0"), Some(WavError::Format));
        assert_eq!(read(&wav(1, 1, 16, b"")), Some(WavError::Empty));
        assert_eq!(read(&wav(1, 0, 16, b"abcd")), Some(WavError::Format));
        assert_eq!(read(&wav(2, 2, 16, b"abcd")), Some(WavError::Packed(2)));
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes: Vec<u8>, cut in 0_usize..80) {
            let _ = Recording::read(bytes.clone());
            let mut file = wav(1, 2, 16, &bytes);
            file.truncate(cut);
            if let Ok(recording) = Recording::read(file) {
                for channel in 0..recording.channels() {
                    recording.channel(channel);
                }
            }
        }
    }
}
