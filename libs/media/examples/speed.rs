//! How fast a recording is fetched into each kind of store, beside a bare copy of the same bytes over the same socket.
//!
//! `cargo run --release -p media --example speed [MiB]`

use media::fetch::Pace;
use media::{Download, Fetcher, Key, Reach, Store};
use std::error::Error;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

const BLOCK: usize = 256 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mib: usize = std::env::args().nth(1).map_or(Ok(512), |mib| mib.parse())?;
    let bytes = mib << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(serve(listener, bytes));

    let folder = tempfile::tempdir()?;
    // Once for nothing, so that memory and pages are there.
    copy(port, &folder.path().join("copy")).await?;
    let began = Instant::now();
    copy(port, &folder.path().join("copy")).await?;
    let bare = mib as f64 / began.elapsed().as_secs_f64();
    report("a bare copy to a file, synced", bare, bare);

    let reach = Reach { plain_http: true, loopback: true };
    for (name, store) in [
        ("fetched into a folder, summed, synced", Store::folder(folder.path().join("store"))?),
        ("fetched into memory in parts, summed", Store::memory()),
    ] {
        let fetcher = Fetcher::new(store, reach, Pace::default())?;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/"))?;
        let began = Instant::now();
        fetcher.fetch(&Download::new(Key::new("speed", "one")?, url)).await?;
        report(name, mib as f64 / began.elapsed().as_secs_f64(), bare);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn report(name: &str, speed: f64, bare: f64) {
    println!("{name:40} {speed:7.0} MiB/s   {:4.2} of the bare copy", speed / bare);
}

/// Sends so many bytes to whoever asks.
async fn serve(listener: TcpListener, bytes: usize) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut head = vec![0; 4096];
            let _request = stream.read(&mut head).await?;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let block: Vec<u8> = (0..BLOCK).map(|n| (n % 251) as u8).collect();
            for _ in 0..bytes / BLOCK {
                stream.write_all(&block).await?;
            }
            stream.shutdown().await
        });
    }
}

/// What anything that stores a download has to do at least.
async fn copy(port: u16, to: &std::path::Path) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
    let mut file = tokio::fs::File::create(to).await?;
    let mut block = vec![0; BLOCK];
    loop {
        match stream.read(&mut block).await? {
            0 => return file.sync_all().await,
            read => file.write_all(block.get(..read).unwrap_or_default()).await?,
        }
    }
}
