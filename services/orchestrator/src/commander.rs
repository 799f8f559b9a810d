//! Hands over what sessions ask of adapters: each order as often as it takes, those of one session in their order.
//!
//! What an order says beside its attempt is looked up when it is handed over, the link to join by above all: it is a secret,
//! and kept by nobody but whoever keeps the meeting. Each peer that hosts adapters has a lane of its own, so that one that
//! hangs holds up no other.

mod asking;
mod fate;
mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chassis::chain;
use chassis::metrics::{self, Counter, Gauge, Histogram};
use chrono::{DateTime, TimeDelta, Utc};
use decision::provider::Adapter;
use decision::session::{Heard, Signal};
use proto::provider::v1 as provider;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config;
use crate::engine::{Cause, Engine, How};
use crate::error::Error;
use crate::store::{Claimed, Command, Lane, Told};
use fate::{Fate, Lack, adapter_of, pause};

pub(crate) use fate::OWN;

/// Orders, by `kind` and by `result`: `kept` by the adapter, `fenced` where it knows something newer, `unknown` where it knows
/// no such attempt, `refused` where it will never take one, `unserved` where nobody hosts it, `void` where they are overtaken
/// here, `waiting` where their meeting is to be decided again first, and `failed` is tried again.
static ORDERS: Counter = metrics::counter("callsheet.session.orders.handled");

/// How long orders waited until an adapter had them.
static LATENESS: Histogram = metrics::histogram("callsheet.session.orders.lateness", "s");

/// For how long the first of the orders has waited; nothing while none does.
static BEHIND: Gauge = metrics::gauge("callsheet.session.orders.behind", "s");

/// Orders that wait for an adapter for which no peer is set. It should stay at zero.
static UNSERVED: Gauge = metrics::gauge("callsheet.session.orders.unserved", "1");

/// Orders to end something that are tried no more, by `kind` and by `result`: what they should have ended may go on. It should
/// stay at zero.
static GIVEN_UP: Counter = metrics::counter("callsheet.session.orders.given_up");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Commander {
    /// Who knows the peers.
    pub(crate) engine: Arc<Engine>,
    /// How often it looks, and how much it takes.
    pub(crate) settings: config::Sessions,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// What is handed to one peer.
#[derive(Debug)]
struct Way {
    /// The place of the peer; none for what nobody hosts.
    peer: Option<usize>,
    /// The adapters it hosts.
    lane: Lane,
    /// Rings when there are new orders.
    bell: Notify,
    /// For how long the first of its orders has waited, in microseconds.
    behind: AtomicI64,
}

impl Commander {
    /// Hands over until shutdown.
    pub(crate) async fn run(self) {
        let ways = self.ways();
        let ring = async {
            loop {
                tokio::select! {
                    () = self.shutdown.cancelled() => return,
                    () = self.engine.orders.notified() => {
                        ways.iter().for_each(|way| way.bell.notify_one());
                    }
                }
            }
        };
        let lanes = ways.iter().map(|way| self.work(way, &ways));
        tokio::join!(ring, futures::future::join_all(lanes));
    }

    /// One for each peer that hosts adapters, and one for what nobody hosts.
    fn ways(&self) -> Vec<Way> {
        let judges = &self.engine.judges;
        let way = |peer, lane| Way { peer, lane, bell: Notify::new(), behind: AtomicI64::new(0) };
        let hosted = |peer: Option<usize>| -> Vec<i32> {
            Adapter::ALL
                .into_iter()
                .filter(|adapter| match (judges.peer_of(*adapter), peer) {
                    (Some(place), Some(peer)) => place == peer,
                    (place, None) => place.is_some(),
                    (None, Some(_)) => false,
                })
                .map(|adapter| provider::Adapter::from(adapter).into())
                .collect()
        };
        let mut ways: Vec<Way> = (0..judges.adapter_peers().len())
            .map(|peer| way(Some(peer), Lane::For(hosted(Some(peer)))))
            .collect();
        ways.push(way(None, Lane::ForOthers(hosted(None))));
        ways
    }

    async fn work(&self, way: &Way, all: &[Way]) {
        let mut redeciding: Option<JoinHandle<()>> = None;
        loop {
            let is_more = match self.look(way, &mut redeciding).await {
                Ok(is_more) => is_more,
                Err(error) => {
                    warn!(error = chain(&error), "orders to adapters could not be handed over");
                    false
                }
            };
            let behind = all.iter().map(|way| way.behind.load(Ordering::Relaxed)).max();
            BEHIND.record(TimeDelta::microseconds(behind.unwrap_or(0)).as_seconds_f64(), &[]);
            if self.shutdown.is_cancelled() {
                return;
            }
            if is_more {
                continue;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = way.bell.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
        }
    }

    /// Hands over what is due, and tells whether there may be more.
    async fn look(
        &self,
        way: &Way,
        redeciding: &mut Option<JoinHandle<()>>,
    ) -> Result<bool, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let first = engine.calls.first_command(&way.lane).await?;
        if way.peer.is_none() {
            let many = if first.is_none() {
                0
            } else {
                engine.calls.count_commands(Some(&way.lane)).await?
            };
            UNSERVED.record(crate::sessions::as_number(many), &[]);
        }
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        way.behind.store(behind.num_microseconds().unwrap_or(i64::MAX), Ordering::Relaxed);
        if first.is_none_or(|first| now < first) {
            return Ok(false);
        }
        let (lease, batch) = (self.settings.lease, self.settings.batch);
        let claimed = engine.calls.claim_commands(&way.lane, now, lease, batch).await?;
        if claimed.commands.is_empty() {
            return Ok(false);
        }
        let mut fates: Vec<Fate> = claimed
            .commands
            .iter()
            .map(|command| Fate::Later("failed", now + pause(engine.retry, command)))
            .collect();
        match way.peer.and_then(|peer| engine.judges.adapter_peers().get(peer)) {
            Some(client) => {
                let handed = self.hand_over(client, &claimed, now, &mut fates);
                // What was handed over until then is.
                if tokio::time::timeout(lease, handed).await.is_err() {
                    warn!("orders took longer than their claim");
                }
            }
            None => {
                let adapters: BTreeSet<&str> = claimed.commands.iter().map(adapter_of).collect();
                let orders = claimed.commands.len();
                warn!(
                    ?adapters,
                    orders, "no peer is set in `gather.adapters` for what sessions order"
                );
                for (command, fate) in claimed.commands.iter().zip(&mut fates) {
                    let later = now + pause(engine.retry, command);
                    *fate = Fate::unserved(command, Lack::Peer, later, self.settings.most_tries);
                }
            }
        }
        let mut over = Vec::new();
        let mut later = Vec::new();
        let mut told = Vec::new();
        let mut changed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (command, fate) in claimed.commands.iter().zip(fates) {
            let result = match fate {
                Fate::Over(result) => {
                    over.push(command.id);
                    result
                }
                Fate::Later(result, at) => {
                    later.push((command.id, at));
                    result
                }
                Fate::Told(result, signal, lack) => {
                    told.push((command, signal, lack));
                    over.push(command.id);
                    result
                }
                Fate::GivenUp(result) => {
                    note_given_up(command, result);
                    over.push(command.id);
                    result
                }
            };
            if result == "waiting" {
                let ids = changed.entry(command.company.clone()).or_default();
                ids.push(command.call_id.clone());
            }
            if result == "kept" {
                LATENESS.record((now - command.due).as_seconds_f64(), &[]);
            }
            ORDERS.add(1, &[("kind", command.kind.as_str()), ("result", result)]);
        }
        // First, for what is forgotten then is told by nobody.
        self.tell(&claimed, &told, now).await?;
        engine.calls.finish_commands(&claimed.claim, &over).await?;
        engine.calls.put_off_commands(&claimed.claim, &later).await?;
        if !changed.is_empty() && redeciding.as_ref().is_none_or(JoinHandle::is_finished) {
            *redeciding = Some(tokio::spawn(redecide(Arc::clone(engine), changed)));
        }
        // Those that came behind one that is over.
        Ok(!over.is_empty())
    }

    /// Tells sessions that attempts come to nothing, unless they have fallen meanwhile: of those everything is known.
    async fn tell(
        &self,
        claimed: &Claimed,
        attempts: &[(&Command, Signal, Option<Lack>)],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        if attempts.is_empty() {
            return Ok(());
        }
        let held = self.engine.calls.held_commands(claimed).await?;
        let told: Vec<Told> = attempts
            .iter()
            .filter(|(command, ..)| held.contains(&command.id))
            .map(|(command, signal, lack)| Told {
                company: command.company.clone(),
                call_id: command.call_id.clone(),
                plan_revision: command.plan_revision,
                heard: vec![Heard {
                    run: Some(command.run),
                    raw: lack.map(|lack| lack.raw(command, now)),
                    ..Heard::new(*signal, now)
                }],
                if_requested: None,
            })
            .collect();
        self.engine.hear(&told).await
    }
}

/// Says what may go on, and who can end it.
fn note_given_up(command: &Command, result: &'static str) {
    GIVEN_UP.add(1, &[("kind", command.kind.as_str()), ("result", result)]);
    tracing::error!(
        company = command.company,
        call_id = command.call_id,
        plan_revision = command.plan_revision,
        run = command.run,
        adapter = adapter_of(command),
        kind = ?command.kind,
        tries = command.tries,
        result,
        "an order that ends something is given up: a recorder may still be in the conference, or a recording lie at the \
         provider; end or delete it there"
    );
}

/// Decides calls whose meetings have changed, before their plans are carried out. Whoever follows the meetings does so too;
/// this is for what they could not judge when they did.
async fn redecide(engine: Arc<Engine>, changed: BTreeMap<String, Vec<String>>) {
    for (company, ids) in changed {
        let how = How::now(engine.clock.now(), Cause::Meeting).untold();
        if let Err(error) = engine.decide_ids(&company, &ids, how).await {
            warn!(
                company,
                error = chain(&error),
                "calls could not be decided before they are recorded"
            );
        }
    }
}
