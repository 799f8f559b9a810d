//! A proxy between processes that can cut, black-hole and delay what goes through it, and that spreads connections over
//! the instances of a service, as a Service of Kubernetes does.
//!
//! Bytes that were held back in a black hole are never delivered later: the connection is cut instead, as a network that
//! forgets would do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How an edge behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Everything passes, each piece this much later.
    Delay(Duration),
    /// Connections are reset, new ones at once.
    Cut,
    /// Nothing passes and nothing is reset; connections that were open meanwhile are reset afterwards.
    BlackHole,
}

/// A way from one process to another.
#[derive(Debug)]
struct Edge {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
}

/// Instances that are asked to take no new connections.
type Retired = Arc<Mutex<BTreeSet<SocketAddr>>>;

/// All edges, by their names: `from>to`.
#[derive(Debug, Default)]
pub struct Proxy {
    edges: Mutex<BTreeMap<String, Edge>>,
    retired: Retired,
}

impl Proxy {
    /// Opens an edge; where to connect to go through it. Connections go to the instances in turn, past those that are
    /// retired or cannot be reached.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub async fn open(&self, name: &str, to: &[SocketAddr]) -> anyhow::Result<SocketAddr> {
        let to = to.to_vec();
        let retired = Arc::clone(&self.retired);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (mode, watched) = watch::channel(Mode::Pass);
        let accepting = tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((near, _)) = listener.accept().await {
                let instances = in_turn(&to, &retired, turn);
                turn += 1;
                tokio::spawn(connection(near, instances, watched.clone()));
            }
        });
        let edge = Edge { address, mode, accepting };
        self.edges().insert(name.to_owned(), edge);
        Ok(address)
    }

    /// Where to connect to go through an edge.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn address(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let edges = self.edges();
        Ok(edges.get(name).with_context(|| format!("there is no edge `{name}`"))?.address)
    }

    /// The names of the edges, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.edges().keys().cloned().collect()
    }

    /// Lets an edge behave otherwise.
    pub fn set(&self, name: &str, mode: Mode) {
        if let Some(edge) = self.edges().get(name) {
            edge.mode.send_replace(mode);
        }
    }

    /// Lets everything pass everywhere.
    pub fn heal(&self) {
        for edge in self.edges().values() {
            edge.mode.send_replace(Mode::Pass);
        }
    }

    /// Leads no new connection to an instance; those it has stay.
    pub fn retire(&self, instance: SocketAddr) {
        guard(&self.retired).insert(instance);
    }

    /// Leads connections to an instance again.
    pub fn enlist(&self, instance: SocketAddr) {
        guard(&self.retired).remove(&instance);
    }

    fn edges(&self) -> MutexGuard<'_, BTreeMap<String, Edge>> {
        guard(&self.edges)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The instances in the order in which a connection tries them.
fn in_turn(to: &[SocketAddr], retired: &Retired, turn: usize) -> Vec<SocketAddr> {
    let retired = guard(retired);
    let all = to.iter().cycle().skip(turn % to.len().max(1)).take(to.len());
    all.filter(|instance| !retired.contains(instance)).copied().collect()
}

/// Connects to the first of the instances that listens.
async fn connected(to: &[SocketAddr]) -> Option<TcpStream> {
    for instance in to {
        if let Ok(far) = TcpStream::connect(instance).await {
            return Some(far);
        }
    }
    None
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for edge in self.edges().values() {
            edge.accepting.abort();
        }
    }
}

/// Carries one connection until an end of it closes or the edge cuts it.
async fn connection(near: TcpStream, to: Vec<SocketAddr>, mut mode: watch::Receiver<Mode>) {
    let at_first = *mode.borrow_and_update();
    if at_first == Mode::BlackHole {
        // Accepted, and never heard of again.
        let _ = mode.changed().await;
    }
    if at_first != Mode::BlackHole
        && at_first != Mode::Cut
        && let Some(far) = connected(&to).await
    {
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        let there = pump(near_in, far_out, mode.clone());
        let back = pump(far_in, near_out, mode.clone());
        tokio::select! {
            _ = async { tokio::join!(there, back) } => {}
            () = is_cut(&mut mode) => {}
        }
        return;
    }
    let _ = near.set_zero_linger();
}

/// Returns when the edge cuts its connections: at once, or after a black hole.
async fn is_cut(mode: &mut watch::Receiver<Mode>) {
    let mut was_hole = false;
    loop {
        let now = *mode.borrow_and_update();
        if now == Mode::Cut || (was_hole && now != Mode::BlackHole) {
            return;
        }
        was_hole |= now == Mode::BlackHole;
        if mode.changed().await.is_err() {
            return;
        }
    }
}

/// Carries one direction to its end, and tells the other side of it.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await.ok().filter(|count| *count > 0);
        let Some(piece) = count.and_then(|count| buffer.get(..count)) else {
            return;
        };
        let now = *mode.borrow_and_update();
        match now {
            Mode::Delay(time) => tokio::time::sleep(time).await,
            // The connection ends in one way only: by being cut.
            Mode::BlackHole | Mode::Cut => std::future::pending().await,
            Mode::Pass => {}
        }
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every byte with itself.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> Option<u8> {
        let mut answer = [0];
        stream.write_all(b"x").await.ok()?;
        let answered =
            tokio::time::timeout(Duration::from_millis(200), stream.read_exact(&mut answer)).await;
        answered.ok()?.ok()?;
        Some(answer[0])
    }

    #[tokio::test]
    async fn an_edge_passes_cuts_swallows_and_passes_again() {
        let proxy = Proxy::default();
        let address = proxy.open("a>b", &[echo().await]).await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(b'x'));
        proxy.set("a>b", Mode::Cut);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(ask(&mut stream).await, None);
        proxy.heal();
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(b'x'));
        proxy.set("a>b", Mode::BlackHole);
        assert_eq!(ask(&mut stream).await, None);
        proxy.heal();
        // What the hole has swallowed never comes out again.
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok() && rest.is_empty(), "{ended:?} {rest:?}");
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(b'x'));
    }

    /// Answers every byte with a byte of its own.
    async fn says(word: u8) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while stream.read_u8().await.is_ok() {
                        stream.write_all(&[word]).await.unwrap();
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn connections_go_to_instances_in_turn_past_those_that_are_gone_or_retired() {
        let (one, two) = (says(b'1').await, says(b'2').await);
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let proxy = Proxy::default();
        let address = proxy.open("a>b", &[one, two, gone]).await.unwrap();
        let mut told = Vec::new();
        for turn in 0..9 {
            if turn == 6 {
                proxy.retire(one);
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            told.extend(ask(&mut stream).await);
        }
        assert_eq!(String::from_utf8(told).unwrap(), "121121222");
        proxy.enlist(one);
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask(&mut stream).await, Some(b'1'));
    }
}
