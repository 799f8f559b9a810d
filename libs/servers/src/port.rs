//! Ports nobody listens on.

use std::net::TcpListener;

use anyhow::Result;

/// A port of the loopback address that was free a moment ago. Somebody else may take it: whoever listens on it tries again.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Several different ones.
///
/// # Errors
/// There are not so many.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
