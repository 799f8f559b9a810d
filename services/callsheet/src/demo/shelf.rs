//! A place in this process that serves recordings to import, as a customer's server of files would.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};

use crate::error::Error;

/// Samples per second: what a telephone has.
const RATE: u32 = 8_000;
/// The longest recording that is served, in seconds.
const LONGEST: u32 = 600;

/// Serves until it is dropped, on a port of this machine that nobody else reaches.
#[derive(Debug)]
pub(super) struct Shelf {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Shelf {
    pub(super) async fn open() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Ok(Self { address, serving })
    }

    /// The link to a recording of so many seconds.
    pub(super) fn link(&self, seconds: u32) -> String {
        format!("http://{}/{seconds}.wav", self.address)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers one request; whoever asks for something else is told that it is not there.
async fn answer(stream: TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < 16_384 {
        let mut some = [0_u8; 1_024];
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut some) {
            Ok(0) => return,
            Ok(read) => head.extend(some.iter().take(read)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    let asked = String::from_utf8_lossy(&head);
    let file = asked.split_whitespace().nth(1).and_then(|path| path.strip_prefix('/'));
    let seconds = file.and_then(|file| file.strip_suffix(".wav")?.parse::<u32>().ok());
    let (status, body) = match seconds.filter(|seconds| *seconds <= LONGEST) {
        Some(seconds) => ("200 OK", wav(seconds)),
        None => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: audio/wav\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let bytes = [head.into_bytes(), body].concat();
    let mut rest = bytes.as_slice();
    // Whoever does not read to the end goes without.
    while !rest.is_empty() && stream.writable().await.is_ok() {
        match stream.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A tone that comes and goes: one channel, 16 bits.
fn wav(seconds: u32) -> Vec<u8> {
    let bytes = seconds * RATE * 2;
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&[1, 0, 1, 0]); // PCM, one channel
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(2 * RATE).to_le_bytes());
    file.extend_from_slice(&[2, 0, 16, 0]); // bytes and bits of a sample
    file.extend_from_slice(b"data");
    file.extend_from_slice(&bytes.to_le_bytes());
    for place in 0..seconds * RATE {
        // 400 Hz, as a square.
        let sample = if place / 10 % 2 == 0 { 8_000_i16 } else { -8_000 };
        file.extend_from_slice(&sample.to_le_bytes());
    }
    file
}
