//! Ports nobody listens on.

use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;

use anyhow::{Context as _, Result};

/// Below the ports that systems give to whoever connects (Linux from 32768 on), so that a server that is stopped finds its
/// port free when it comes back.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A port of the loopback address that was free a moment ago. Somebody else may take it: whoever listens on it tries again.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(listener()?.local_addr()?.port())
}

/// Several different ones.
///
/// # Errors
/// There are not so many.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> = (0..count).map(|_| listener()).collect::<Result<_>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// Ports are tried from a random one on, so that those who look at the same time do not meet.
fn listener() -> Result<TcpListener> {
    let count = RANGE.end - RANGE.start;
    let first = u16::try_from(RandomState::new().hash_one(0) % u64::from(count))?;
    let ports = (0..count).map(|step| RANGE.start + (first + step) % count);
    let mut free = ports.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    free.next().context("there is no free port")
}
