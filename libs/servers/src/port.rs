//! Ports nobody listens on.

use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};

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

/// The next port to be tried, from a random one on: processes that look at the same time do not meet, and one process never
/// gets a port twice, which may still be on its way to whoever listens on it.
static NEXT: LazyLock<AtomicU64> =
    LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0) >> 1));

fn listener() -> Result<TcpListener> {
    let count = RANGE.end - RANGE.start;
    for _ in 0..count {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % u64::from(count);
        let port = RANGE.start + u16::try_from(step)?;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return Ok(listener);
        }
    }
    bail!("there is no free port")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_told_twice_though_nobody_listens_on_it_yet() -> Result<()> {
        let mut told = BTreeSet::new();
        for _ in 0..400 {
            for port in free_ports(5)? {
                assert!(RANGE.contains(&port) && told.insert(port), "{port}");
            }
        }
        Ok(())
    }
}
