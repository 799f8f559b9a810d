//! A server of HTTP/1.1 by hand, which does what a good library would not let it do.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// What is said of the length, if not the truth. `None` in it: nothing is said, and the end is the end.
    pub(crate) length: Option<Option<usize>>,
    /// The connection is cut after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// After the body nothing comes, for this long.
    pub(crate) silence: Duration,
    /// The body is sent over and over.
    pub(crate) endless: bool,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, body, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    /// As a good server of files answers: ranges, and `If-Range` held against the tag.
    pub(crate) fn file(seen: &Seen, bytes: &[u8], etag: &str) -> Self {
        let total = bytes.len();
        let same = seen.header("if-range").is_none_or(|known| known == etag);
        let from = seen.header("range").filter(|_| same).and_then(|range| {
            range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
        });
        let reply = match from {
            Some(from) if from < total => Self::ok(bytes[from..].to_vec())
                .with("content-range", format!("bytes {from}-{}/{total}", total - 1))
                .coded(206),
            Some(_) => Self::status(416),
            None => Self::ok(bytes.to_vec()),
        };
        reply.with("etag", etag).with("content-type", "audio/mpeg")
    }

    pub(crate) fn coded(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// A server on this machine. It ends with the test.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each request with what `answer` makes of it, and of how many came before.
    pub(crate) async fn start(
        answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (answer.clone(), log.clone());
                tokio::spawn(async move {
                    let answered = |seen: &Seen| {
                        let mut log = log.lock().unwrap();
                        log.push(seen.clone());
                        answer(seen, log.len() - 1)
                    };
                    // A client that goes away is none of our business.
                    let _gone = serve(stream, answered).await;
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: impl FnOnce(&Seen) -> Reply) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned()));
    let mut seen = Seen { method, target, headers: headers.collect(), body: Vec::new() };
    let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    bytes.drain(..head + 4);
    while bytes.len() < length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    seen.body = bytes;
    let head_only = seen.method == "HEAD";
    let reply = answer(&seen);

    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", reply.status);
    if let Some(length) = reply.length.unwrap_or(Some(reply.body.len())) {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    if head_only {
        return stream.shutdown().await;
    }
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())];
    stream.write_all(body).await?;
    if reply.endless {
        loop {
            stream.write_all(body).await?;
        }
    }
    stream.flush().await?;
    tokio::time::sleep(reply.silence).await;
    stream.shutdown().await
}
