//! Timers: what is to be done when its time has come, as rows that replicas claim.

/// What a timer is for. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The plan is handed to its adapter.
    Dispatch = 1,
    /// The last instant at which it may be.
    Window = 2,
    /// The last instant to decide what waits for a peer.
    Deadline = 3,
    /// What waits for a peer is tried again.
    Retry = 4,
}
