//! Webhooks that come at the same time are kept by one statement.

use std::collections::HashSet;

use chassis::chain;
use chassis::metrics::{self, Histogram};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::journal::{Journal, Parcel};

/// Webhooks kept at once.
const ROUND: usize = 500;
/// Webhooks that wait to be kept.
const QUEUE: usize = 4096;

/// Webhooks kept by one statement.
static ROUNDS: Histogram = metrics::histogram("callsheet.webhook.batch", "{webhook}");

type Waiting = (Parcel, oneshot::Sender<Result<bool, NotKept>>);

/// It could not be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotKept;

/// Keeps webhooks together.
#[derive(Debug)]
pub(super) struct Collector(mpsc::Sender<Waiting>);

impl Collector {
    /// Begins; it ends when nobody can hand in any more.
    pub(super) fn start(journal: Journal) -> Self {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut round = Vec::with_capacity(ROUND);
            while receiver.recv_many(&mut round, ROUND).await > 0 {
                keep(&journal, &mut round).await;
            }
        });
        Self(sender)
    }

    /// Keeps a webhook, and answers whether it is new.
    pub(super) async fn keep(&self, parcel: Parcel) -> Result<bool, NotKept> {
        let (sender, receiver) = oneshot::channel();
        self.0.send((parcel, sender)).await.map_err(|_| NotKept)?;
        receiver.await.unwrap_or(Err(NotKept))
    }
}

async fn keep(journal: &Journal, round: &mut Vec<Waiting>) {
    ROUNDS.record(round.len() as f64, &[]);
    let (parcels, senders): (Vec<Parcel>, Vec<_>) = round.drain(..).unzip();
    let kept = journal.keep(&parcels).await;
    if let Err(error) = &kept {
        warn!(error = chain(error), webhooks = parcels.len(), "webhooks could not be kept");
    }
    let mut answered = HashSet::new();
    for (parcel, sender) in parcels.iter().zip(senders) {
        let new = kept.as_ref().map_err(|_| NotKept).map(|new| {
            // The same may come twice at the same moment.
            new.contains(&parcel.name) && answered.insert(parcel.name.as_str())
        });
        // Who has given up needs no answer.
        let _ = sender.send(new);
    }
}
