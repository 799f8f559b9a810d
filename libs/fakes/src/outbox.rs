//! All webhooks of a provider, on their way: in order, or as badly as a test wants.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::{Delivery, Notice, Random, Sender};

/// The order in which held notices are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they came.
    Kept,
    /// The last one first.
    Reversed,
    /// Any, by a seed.
    Shuffled(u64),
}

/// The webhooks of a provider to all who subscribed. Clones are the same one.
///
/// First attempts are made one after the other, so that without mischief the order is kept; further ones stand aside and
/// hold nothing up. When the last clone is dropped, what is under way is given up.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    queue: mpsc::UnboundedSender<(Sender, Notice)>,
    /// How many notices are under way.
    open: watch::Sender<usize>,
    _running: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    senders: Vec<Sender>,
    held: Option<Vec<Notice>>,
    copies: u32,
    delay: Duration,
    lose: u32,
    done: Vec<Delivery>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    /// Nobody subscribed yet. It is to be made within the runtime of tokio that drives it.
    #[must_use]
    pub fn new() -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            queue,
            open: watch::Sender::new(0),
            _running: Mutex::default(),
        });
        let work = work(Arc::downgrade(&shared), waiting);
        shared._running.lock().unwrap_or_else(PoisonError::into_inner).spawn(work);
        Self { shared }
    }

    /// Somebody subscribes.
    pub fn subscribe(&self, sender: Sender) {
        self.state().senders.push(sender);
    }

    /// Who subscribed, to send by hand what an outbox would not: what is tampered with, replayed, unsigned.
    #[must_use]
    pub fn senders(&self) -> Vec<Sender> {
        self.state().senders.clone()
    }

    /// Sends a notice to all who subscribed; to how many is returned.
    pub fn send(&self, notice: Notice) -> usize {
        let mut state = self.state();
        if let Some(held) = &mut state.held {
            held.push(notice);
            return 0;
        }
        if state.lose > 0 {
            state.lose -= 1;
            return 0;
        }
        let copies = 1 + state.copies;
        let senders = state.senders.clone();
        drop(state);
        for sender in &senders {
            for _ in 0..copies {
                self.shared.open.send_modify(|open| *open += 1);
                let _ = self.shared.queue.send((sender.clone(), notice.clone()));
            }
        }
        senders.len()
    }

    /// From now on keeps everything back.
    pub fn hold(&self) {
        self.state().held.get_or_insert_default();
    }

    /// What is kept back.
    #[must_use]
    pub fn held(&self) -> Vec<Notice> {
        self.state().held.clone().unwrap_or_default()
    }

    /// Lets go what was kept back, in some order, and keeps nothing back any more.
    pub fn release(&self, order: Order) {
        let mut held = self.state().held.take().unwrap_or_default();
        match order {
            Order::Kept => {}
            Order::Reversed => held.reverse(),
            Order::Shuffled(seed) => Random::new(seed).shuffle(&mut held),
        }
        for notice in held {
            self.send(notice);
        }
    }

    /// Sends everything from now on so many times more than once.
    pub fn double(&self, copies: u32) {
        self.state().copies = copies;
    }

    /// Waits so long before each notice.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Never sends the next so many notices.
    pub fn lose(&self, count: u32) {
        self.state().lose = count;
    }

    /// What became of those that are no longer under way, in the order in which they ended.
    #[must_use]
    pub fn done(&self) -> Vec<Delivery> {
        self.state().done.clone()
    }

    /// Waits until nothing is under way.
    pub async fn settled(&self) {
        let mut open = self.shared.open.subscribe();
        let _ = open.wait_for(|open| *open == 0).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work(
    shared: std::sync::Weak<Shared>,
    mut waiting: mpsc::UnboundedReceiver<(Sender, Notice)>,
) {
    let mut persisting = JoinSet::new();
    while let Some((sender, notice)) = waiting.recv().await {
        let Some(delay) = shared
            .upgrade()
            .map(|shared| shared.state.lock().unwrap_or_else(PoisonError::into_inner).delay)
        else {
            return;
        };
        tokio::time::sleep(delay).await;
        let signed = sender.sign(&notice);
        let first = sender.post(&signed).await;
        let shared = shared.clone();
        persisting.spawn(async move {
            let delivery = sender.persist(signed, first).await;
            if let Some(shared) = shared.upgrade() {
                shared.state.lock().unwrap_or_else(PoisonError::into_inner).done.push(delivery);
                shared.open.send_modify(|open| *open -= 1);
            }
        });
        while persisting.try_join_next().is_some() {}
    }
}
