//! A minimal HTTP/1.1 implementation for the load generator, which shares a core with the upstream and must be cheap.
//! Both ends are ours or a server under test on loopback; this is not a general parser.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The body length announced by a message head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// `Content-Length`; 0 if neither header is present.
    Bytes(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// The head of a request or a response.
#[derive(Debug)]
pub struct Head {
    /// `POST /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub first_line: String,
    /// How to read the body.
    pub length: Length,
}

/// A kept-alive connection, from either end.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The consumed prefix of `buffer`.
    start: usize,
}

impl Wire {
    /// Connects to a server on this machine.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await;
        Self::new(stream.with_context(|| format!("connect to {address}"))?)
    }

    /// Takes over an open connection.
    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), start: 0 })
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads the next head; `None` when the peer closed between two messages.
    pub async fn read_head(&mut self) -> Result<Option<Head>> {
        let end = loop {
            if let Some(at) = find(self.unread(), b"\r\n\r\n") {
                break at;
            }
            if !self.fill().await? {
                if self.unread().is_empty() {
                    return Ok(None);
                }
                bail!("the connection closed in the middle of a head");
            }
        };
        let head = parse_head(&self.unread()[..end])?;
        self.start += end + 4;
        Ok(Some(head))
    }

    /// Appends the body to `body` and calls `seen` with all of it whenever more has arrived.
    pub async fn read_body(&mut self, length: Length, body: &mut Vec<u8>, mut seen: impl FnMut(&[u8])) -> Result<()> {
        match length {
            Length::Bytes(size) => self.take(size, body, &mut seen).await,
            Length::Chunked => loop {
                let size = self.read_chunk_size().await?;
                self.take(size, body, &mut seen).await?;
                self.skip_line_end().await?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn take(&mut self, mut size: usize, body: &mut Vec<u8>, seen: &mut impl FnMut(&[u8])) -> Result<()> {
        while size > 0 {
            let ready = size.min(self.unread().len());
            if ready > 0 {
                body.extend_from_slice(&self.buffer[self.start..self.start + ready]);
                self.start += ready;
                size -= ready;
                seen(body);
            } else if !self.fill().await? {
                bail!("the connection closed in the middle of a body");
            }
        }
        Ok(())
    }

    async fn read_chunk_size(&mut self) -> Result<usize> {
        let end = loop {
            if let Some(at) = find(self.unread(), b"\r\n") {
                break at;
            }
            if !self.fill().await? {
                bail!("the connection closed in the middle of a chunked body");
            }
        };
        let line = std::str::from_utf8(&self.unread()[..end])?;
        let size = usize::from_str_radix(line.trim(), 16).context("a chunk's size")?;
        self.start += end + 2;
        Ok(size)
    }

    /// Skips the empty line after a chunk. No server here sends trailers.
    async fn skip_line_end(&mut self) -> Result<()> {
        while self.unread().len() < 2 {
            if !self.fill().await? {
                bail!("the connection closed after a chunk");
            }
        }
        self.start += 2;
        Ok(())
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    async fn fill(&mut self) -> Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn parse_head(head: &[u8]) -> Result<Head> {
    let head = std::str::from_utf8(head).context("a head that is not text")?;
    let mut lines = head.split("\r\n");
    let first_line = lines.next().unwrap_or_default().to_owned();
    let mut length = Length::Bytes(0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Bytes(value.trim().parse().context("a content length")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        }
    }
    Ok(Head { first_line, length })
}

/// The first position of `needle` in `haystack`.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut windows = haystack.windows(needle.len());
    windows.position(|window| window == needle)
}

/// The last position of `needle` in `haystack`.
pub fn find_last(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut windows = haystack.windows(needle.len());
    windows.rposition(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_its_body_is() {
        let length = |head: &str| parse_head(head.as_bytes()).unwrap().length;
        assert_eq!(length("HTTP/1.1 200 OK\r\nContent-Length: 12"), Length::Bytes(12));
        assert_eq!(length("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"), Length::Chunked);
        assert_eq!(length("GET / HTTP/1.1\r\nhost: a"), Length::Bytes(0));
    }

    #[tokio::test]
    async fn chunks_are_joined_however_they_arrive() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut wire = Wire::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut peer = Wire::new(listener.accept().await.unwrap().0).unwrap();
        let writer = tokio::spawn(async move {
            for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
                peer.write(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let head = wire.read_head().await.unwrap().unwrap();
        let mut body = Vec::new();
        wire.read_body(head.length, &mut body, |_| ()).await.unwrap();
        assert_eq!(body, b"abcde");
        writer.await.unwrap();
        assert!(wire.read_head().await.unwrap().is_none());
    }
}
