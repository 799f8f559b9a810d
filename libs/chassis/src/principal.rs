//! Who is asking.

/// Who made a request, found by the stack in the request's extensions; never taken from a connection, so that a call
/// within the process and one over a socket are judged alike.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// Somebody on this machine, who needs no proof: the server listens on loopback only, or was told to trust its network.
    Local,
}
