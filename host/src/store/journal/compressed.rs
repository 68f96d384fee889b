//! A closed file, compressed: zstd frames of [`FRAME`] bytes, followed by the seek table of zstd's "seekable format",
//! so that any offset can be read by decompressing one frame. `zstd -d` reads it as an ordinary file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::files;

/// Bytes of the journal in a frame. Larger frames do not compress better and are slower to seek.
const FRAME: usize = 256 << 10;
/// Upper bound for a compressed frame, whatever the table says: zstd adds a few bytes to incompressible data.
const LONGEST: usize = FRAME + FRAME / 8;

const ENDING: &str = "zst";
const SKIPPABLE: u32 = 0x184D_2A5E;
const SEEKABLE: u32 = 0x8F92_EAB1;
/// Number of frames, a byte of flags, and the magic number.
const FOOTER: usize = 4 + 1 + 4;
/// Compressed and plain length of a frame.
const ENTRY: usize = 4 + 4;

/// The name of a file once it is compressed.
pub(super) fn name(plain: &Path) -> PathBuf {
    with_ending(plain, ENDING)
}

/// The name of a compressed file while it is written.
fn unfinished(plain: &Path) -> PathBuf {
    with_ending(plain, "zst.new")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension() == Some(OsStr::new(ENDING))
}

/// Whether this is an incomplete compressed file, left by a crash.
pub(super) fn is_unfinished(file_name: &str) -> bool {
    file_name.ends_with(".zst.new")
}

/// Compresses a file: when this returns, the copy beside it is synced and compared with the original. `pace` is called
/// before each frame and returns whether to continue; `None` if it returned `false`.
pub(super) fn compress(plain: &Path, mut pace: impl FnMut() -> bool) -> io::Result<Option<PathBuf>> {
    let unfinished = unfinished(plain);
    let made = write(plain, &unfinished, &mut pace).and_then(|whole| Ok(whole && same(plain, &unfinished, &mut pace)?));
    if !matches!(made, Ok(true)) {
        fs::remove_file(&unfinished)?;
        return made.map(|_| None);
    }
    let compressed = name(plain);
    fs::rename(unfinished, &compressed)?;
    Ok(Some(compressed))
}

fn write(plain: &Path, to: &Path, pace: &mut impl FnMut() -> bool) -> io::Result<bool> {
    let mut plain = File::open(plain)?;
    let mut out = files::private().write(true).create(true).truncate(true).open(to)?;
    let (mut frame, mut table, mut frames) = (Vec::with_capacity(FRAME), Vec::new(), 0u32);
    loop {
        frame.clear();
        Read::by_ref(&mut plain).take(FRAME as u64).read_to_end(&mut frame)?;
        if frame.is_empty() {
            break;
        }
        if !pace() {
            return Ok(false);
        }
        let compressed = compress_to_vec(&frame[..], CompressionLevel::Fastest);
        out.write_all(&compressed)?;
        for length in [compressed.len(), frame.len()] {
            table.extend_from_slice(&(length as u32).to_le_bytes());
        }
        frames += 1;
    }
    out.write_all(&SKIPPABLE.to_le_bytes())?;
    out.write_all(&((table.len() + FOOTER) as u32).to_le_bytes())?;
    out.write_all(&table)?;
    out.write_all(&frames.to_le_bytes())?;
    out.write_all(&[0])?;
    out.write_all(&SEEKABLE.to_le_bytes())?;
    out.sync_all()?;
    Ok(true)
}

/// Whether the decompressed copy equals the plain file.
fn same(plain: &Path, compressed: &Path, pace: &mut impl FnMut() -> bool) -> io::Result<bool> {
    let mut plain = BufReader::with_capacity(FRAME, File::open(plain)?);
    let mut frames = Frames::open(compressed, 0)?;
    loop {
        if !pace() {
            return Ok(false);
        }
        let (one, other) = (plain.fill_buf()?, frames.fill_buf()?);
        let length = one.len().min(other.len());
        if one[..length] != other[..length] || (length == 0 && one.len() != other.len()) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if length == 0 {
            return Ok(true);
        }
        plain.consume(length);
        frames.consume(length);
    }
}

/// Uncompressed length of a compressed file.
pub(super) fn length(path: &Path) -> io::Result<u64> {
    Ok(table(&File::open(path)?)?.iter().map(|frame| frame.plain as u64).sum())
}

struct Frame {
    at: u64,
    compressed: usize,
    plain: usize,
}

/// The frames listed in the seek table. The table is untrusted: its frames must cover the whole file.
fn table(file: &File) -> io::Result<Vec<Frame>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let length = file.metadata()?.len();
    let mut footer = [0; FOOTER];
    file.read_exact_at(&mut footer, length.checked_sub(FOOTER as u64).ok_or_else(broken)?)?;
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let entries = word(&footer) as usize * ENTRY;
    if word(&footer[5..]) != SEEKABLE || footer[4] != 0 || entries as u64 > length {
        return Err(broken());
    }
    let mut table = vec![0; entries];
    let begins = length.checked_sub((entries + FOOTER) as u64).ok_or_else(broken)?;
    file.read_exact_at(&mut table, begins)?;
    let mut at = 0;
    let frames = table.chunks_exact(ENTRY).map(|entry| {
        let frame = Frame { at, compressed: word(entry) as usize, plain: word(&entry[4..]) as usize };
        at += frame.compressed as u64;
        (frame.compressed <= LONGEST && (1..=FRAME).contains(&frame.plain)).then_some(frame)
    });
    let frames = frames.collect::<Option<Vec<_>>>().ok_or_else(broken)?;
    if at + 8 == begins { Ok(frames) } else { Err(broken()) }
}

/// Reads a compressed file.
pub(super) struct Frames {
    file: File,
    frames: std::vec::IntoIter<Frame>,
    decoder: FrameDecoder,
    plain: Vec<u8>,
    at: usize,
}

impl Frames {
    /// Opens a compressed file at byte `from` of the plain one.
    pub fn open(path: &Path, from: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut frames = table(&file)?;
        let mut left = from;
        let before = frames.iter().take_while(|frame| {
            let whole = frame.plain as u64 <= left;
            left -= if whole { frame.plain as u64 } else { 0 };
            whole
        });
        let before = before.count();
        frames.drain(..before);
        let decoder = FrameDecoder::new();
        let mut opened = Self { file, frames: frames.into_iter(), decoder, plain: Vec::new(), at: 0 };
        if left > 0 {
            opened.fill_buf()?;
            opened.at = opened.plain.len().min(left as usize);
        }
        Ok(opened)
    }

    fn decode(&mut self, frame: &Frame) -> io::Result<()> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        // Stays empty until the frame is read in full.
        let mut plain = std::mem::take(&mut self.plain);
        self.at = 0;
        let mut compressed = vec![0; frame.compressed];
        self.file.read_exact_at(&mut compressed, frame.at)?;
        plain.resize(frame.plain, 0);
        let length = self.decoder.decode_all(&compressed, &mut plain).map_err(|_| broken())?;
        if length != frame.plain {
            return Err(broken());
        }
        self.plain = plain;
        Ok(())
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Frames {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.plain.len()
            && let Some(frame) = self.frames.next()
        {
            self.decode(&frame)?;
        }
        Ok(&self.plain[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.plain.len().min(self.at + amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compressed(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("audit.jsonl.0");
        fs::write(&plain, text).unwrap();
        let compressed = compress(&plain, || true).unwrap().unwrap();
        (folder, compressed)
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 7 % 251) as u8).collect()
    }

    fn read(path: &Path, from: u64) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Frames::open(path, from)?.read_to_end(&mut read).map(|_| read)
    }

    #[test]
    fn every_place_of_a_compressed_file_is_reached() {
        for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 5] {
            let text = text(length);
            let (_folder, path) = compressed(&text);
            assert_eq!(super::length(&path).unwrap(), length as u64);
            for from in
                [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME + 3, length].into_iter().filter(|at| *at <= length)
            {
                assert!(read(&path, from as u64).unwrap() == text[from..], "{length} from {from}");
            }
        }
    }

    #[test]
    fn one_that_is_told_to_stop_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("audit.jsonl.0");
        fs::write(&plain, text(3 * FRAME)).unwrap();
        for patience in 0..6 {
            let mut asked = 0;
            let stopped = compress(&plain, || {
                asked += 1;
                asked <= patience
            });
            assert_eq!(stopped.unwrap(), None, "{patience}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_an_error_or_other_bytes_and_never_a_panic(
            at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<prop::sample::Index>(),
        ) {
            let text = text(FRAME + 1000);
            let (_folder, path) = compressed(&text);
            let whole = fs::read(&path).unwrap();
            let mut damaged = whole.clone();
            damaged[at.index(whole.len())] ^= change;
            for bytes in [damaged, whole[..cut.index(whole.len())].to_vec()] {
                fs::write(&path, bytes).unwrap();
                if let Ok(read) = read(&path, 0) {
                    prop_assert!(read.len() <= 2 * FRAME);
                }
            }
        }
    }
}
