//! What all links to one peer know of it together: how its last calls went, and how many may be repeated.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Code, Status};
use tracing::{info, warn};

use super::breaker::{Breaker, State, Ticket};
use super::budget::Budget;
use crate::chance::chance;
use crate::metrics::{self, Counter, Gauge};
use crate::status::{PEER_UNAVAILABLE, of_chassis};

/// Whether calls to a `peer` pass: 0 they do, 1 one may probe, 2 they do not.
static CIRCUIT: Gauge = metrics::gauge("callsheet.peer.circuit", "1");
/// Calls not made because the circuit of the `peer` was open.
static REFUSED: Counter = metrics::counter("callsheet.peer.refused");
/// Calls to a `peer` made once more.
static REPEATED: Counter = metrics::counter("callsheet.peer.repeated");

/// A peer. Shared by its links.
pub(crate) struct Peer {
    name: Arc<str>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    breaker: Breaker,
    budget: Budget,
}

impl Peer {
    /// A peer nothing is known of.
    pub(crate) fn new(name: &str) -> Arc<Self> {
        let peer = Self { name: name.into(), known: Mutex::default() };
        peer.show(State::Closed);
        Arc::new(peer)
    }

    /// Its name, as services call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets a call pass, or refuses it with UNAVAILABLE at once.
    pub(crate) fn admit(self: &Arc<Self>, now: Instant) -> Result<Call, Status> {
        let mut known = self.known();
        let before = known.breaker.state();
        let admitted = known.breaker.admit(now, chance);
        let after = known.breaker.state();
        if admitted.is_ok() {
            known.budget.earn();
        }
        drop(known);
        self.turned(before, after);
        match admitted {
            Ok(ticket) => Ok(Call { peer: Arc::clone(self), ticket: Some(ticket) }),
            Err(left) => {
                REFUSED.add(1, &[("peer", &self.name)]);
                Err(self.closed_off(left))
            }
        }
    }

    fn closed_off(&self, left: Duration) -> Status {
        of_chassis(
            Code::Unavailable,
            PEER_UNAVAILABLE,
            &format!("peer `{}` has been failing and is left alone for a while", self.name),
            &[("peer", &self.name), ("circuit", "open")],
            Some(left),
        )
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turned(&self, before: State, after: State) {
        if before == after {
            return;
        }
        let peer = self.name();
        match after {
            State::Open => warn!(peer, "peer fails: circuit opened"),
            State::HalfOpen => info!(peer, "peer is probed"),
            State::Closed => info!(peer, "peer is well again: circuit closed"),
        }
        self.show(after);
    }

    fn show(&self, state: State) {
        let value = match state {
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        };
        CIRCUIT.record(value, &[("peer", &self.name)]);
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A call under way. One that is dropped without an outcome was given up by its caller.
#[derive(Debug)]
pub(crate) struct Call {
    peer: Arc<Peer>,
    ticket: Option<Ticket>,
}

impl Call {
    /// The peer.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// How long to wait before the call is made for the `nth` time again, from 0, if it may be. A probe finds out by itself
    /// alone.
    pub(crate) fn repeat(&self, nth: u32) -> Option<Duration> {
        if self.ticket.as_ref().is_none_or(Ticket::is_probe) || !self.peer.known().budget.spend() {
            return None;
        }
        REPEATED.add(1, &[("peer", &self.peer.name)]);
        // A connection that went away is replaced at once; a server that restarts takes a little longer.
        let (least, most) = if nth == 0 { (10.0, 100.0) } else { (100.0, 400.0) };
        Some(Duration::from_secs_f64((least + (most - least) * chance()) / 1000.0))
    }

    /// It ended; `failed` if that speaks against the peer.
    pub(crate) fn ended(mut self, failed: bool) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut known = self.peer.known();
        let before = known.breaker.state();
        // The time matters where it is remembered, and a good outcome is remembered, too.
        known.breaker.record(ticket, failed, Instant::now(), chance);
        let after = known.breaker.state();
        drop(known);
        self.peer.turned(before, after);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.peer.known().breaker.abandon(&ticket, Instant::now());
        }
    }
}
