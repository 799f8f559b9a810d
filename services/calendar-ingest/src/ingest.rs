//! Payloads in, meetings changed; and time passing, meetings coming into view.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chassis::Clock;
use chrono::{DateTime, Utc};
use proto::calendar::v1;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::changes::{self, Task};
use crate::config::Config;
use crate::convert;
use crate::error::Error;
use crate::identity;
use crate::payload::{self, Order, Payload};
use crate::store::{Changes, Component, Head, Pool, Pools, Store};

/// How often a change is tried again that other replicas got in the way of. One of those who try at once succeeds, so
/// that among three each has lost so often once in a million times.
const ATTEMPTS: usize = 32;

/// Problems told one by one; more of them are counted.
const PROBLEMS: usize = 1000;

/// What the service has and does.
#[derive(Debug)]
pub(crate) struct Ingest {
    store: Arc<dyn Store>,
    config: Config,
    clock: Arc<dyn Clock>,
    /// Companies being changed: whoever comes second waits, instead of working in vain.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// The head of the log, as far as this process moved it.
    head: watch::Sender<u64>,
}

impl Ingest {
    /// Nothing is done until somebody asks.
    pub(crate) fn new(store: Arc<dyn Store>, config: Config, clock: Arc<dyn Clock>) -> Self {
        let (head, _) = watch::channel(0);
        Self { store, config, clock, turns: Mutex::default(), head }
    }

    /// What is kept.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Tells when the log has grown.
    pub(crate) fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Takes a payload.
    pub(crate) async fn ingest(
        &self,
        request: v1::IngestEventsRequest,
    ) -> Result<v1::IngestEventsResponse, Error> {
        let order = Arc::new(Order::read(request, self.clock.now(), &self.config)?);
        let read = Arc::clone(&order);
        let payload = Arc::new(blocking(move || payload::read(&read)).await?);
        let turn = self.turn(&order.company);
        let _turn = turn.lock().await;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.update(&order, &payload).await {
                Err(Error::Contended) if attempt < ATTEMPTS => {}
                done => return done,
            }
        }
    }

    async fn update(
        &self,
        order: &Arc<Order>,
        payload: &Arc<Payload>,
    ) -> Result<v1::IngestEventsResponse, Error> {
        let version = self.store.version(&order.company).await?;
        let linked = self.linked(order, payload).await?;
        let (company, events) = (order.company.clone(), Arc::clone(payload));
        let (payload, linked, moves) = blocking(move || {
            let mut payload = Payload {
                events: events.events.clone(),
                deleted: events.deleted.clone(),
                problems: events.problems.clone(),
            };
            let moves = payload::reunite(&company, &mut payload.events, &linked)?;
            Ok((payload, linked, moves))
        })
        .await?;

        let mut pools: BTreeSet<String> =
            payload.events.iter().map(|event| identity::pool(&order.company, &event.uid)).collect();
        pools.extend(moves.iter().map(|(_, component)| component.pool.clone()));
        pools.extend(linked.iter().map(|component| component.pool.clone()));
        pools.extend(payload.deleted.iter().filter_map(|deleted| deleted.pool.clone()));
        let pools: Vec<String> = pools.into_iter().collect();
        let stored = self.store.pools(&pools).await?;

        let (now, read) = (self.clock.now(), Arc::clone(order));
        let read_in = payload.events.len();
        let (changes, tasks, heads, mut problems) = blocking(move || {
            let mut payload = payload;
            let (changes, tasks) =
                changes::replace(&read, &mut payload, &stored, &linked, moves, now)?;
            Ok((changes, tasks, stored.meetings, payload.problems))
        })
        .await?;
        let Done { changed, unchanged, problems: found } =
            self.carry_out(&order.company, version, changes, tasks, heads).await?;
        problems.extend(found);
        debug!(events = read_in, changed, unchanged, problems = problems.len(), "payload taken");
        Ok(v1::IngestEventsResponse {
            events: number(read_in),
            changed: number(changed),
            unchanged: number(unchanged),
            problems: told(&order.source, &problems),
        })
    }

    /// Stored components that belong to the same series as some of the payload by their numbers at the source.
    async fn linked(&self, order: &Order, payload: &Payload) -> Result<Vec<Component>, Error> {
        let deleted = payload.deleted.iter().filter_map(|deleted| deleted.source_key.as_ref());
        let numbered: BTreeSet<&String> = payload
            .events
            .iter()
            .filter(|event| !event.slot.is_empty())
            .filter_map(|event| event.series_key.as_ref())
            .chain(deleted.clone())
            .collect();
        let in_series: BTreeSet<&String> = payload
            .events
            .iter()
            .filter(|event| event.slot.is_empty())
            .filter_map(|event| event.source_key.as_ref())
            .chain(deleted)
            .collect();
        let list = |keys: BTreeSet<&String>| keys.into_iter().cloned().collect::<Vec<_>>();
        let mut linked = self.store.linked(&list(numbered), &list(in_series)).await?;
        linked.retain(|component| component.company == order.company);
        Ok(linked)
    }

    /// Lays out, compares, and writes what has changed.
    async fn carry_out(
        &self,
        company: &str,
        version: u64,
        mut changes: Changes,
        tasks: Vec<Task>,
        heads: Vec<Head>,
    ) -> Result<Done, Error> {
        let here = Arc::new(());
        let waiting = Arc::downgrade(&here);
        let (name, most) = (company.to_owned(), self.config.max_occurrences);
        let mut layout =
            blocking(move || changes::lay_out(&name, tasks, &heads, most, &waiting)).await?;
        let problems = std::mem::take(&mut layout.problems);
        let unchanged = layout.unchanged;
        let stored = self.store.meetings(company, &layout.known()).await?;
        changes.meetings = blocking(move || changes::settle(layout, stored)).await?;
        let changed = changes.meetings.len();
        if !changes.is_empty() {
            let head = self.store.apply(company, version, &changes).await?.unwrap_or_default();
            self.head.send_if_modified(|known| {
                let grown = head > *known;
                *known = head.max(*known);
                grown
            });
        }
        drop(here);
        Ok(Done { changed, unchanged, problems })
    }

    /// Opens the window further as time passes, until told to end.
    pub(crate) async fn roll(self: Arc<Self>, shutdown: tokio_util::sync::CancellationToken) {
        loop {
            match shutdown.run_until_cancelled(self.further()).await {
                None => return,
                Some(Ok(0)) => {}
                Some(Ok(changed)) => debug!(changed, "window opened further"),
                Some(Err(error)) => warn!(error = %error, "cannot open the window further"),
            }
            let wait = tokio::time::sleep(self.config.roll_every);
            if shutdown.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    /// Lays out further whatever is due. Answers how many meetings are new or have changed. Other replicas may do the same
    /// at the same time: whoever is second finds nothing left to do.
    async fn further(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let from = now.checked_sub_signed(self.config.past()).unwrap_or(now);
        let to = now.checked_add_signed(self.config.future()).unwrap_or(now);
        let due = to.checked_sub_signed(self.config.step()).unwrap_or(to);
        let mut all = 0;
        let mut last: Option<Pool> = None;
        loop {
            let batch = self.config.roll_batch;
            let pools = self.store.due(convert::micros(due), last.as_ref(), batch).await?;
            let Some(reached) = pools.last() else { return Ok(all) };
            last = Some(reached.clone());
            let mut companies: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for pool in pools {
                companies.entry(pool.company).or_default().push(pool.id);
            }
            for (company, pools) in companies {
                match self.further_of(&company, &pools, from, to).await {
                    Ok(changed) => all += changed,
                    Err(error @ Error::Storage(_)) => return Err(error),
                    // One company's trouble is no other's.
                    Err(error) => warn!(company, error = %error, "cannot lay out further"),
                }
            }
        }
    }

    async fn further_of(
        &self,
        company: &str,
        pools: &[String],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<usize, Error> {
        let turn = self.turn(company);
        let _turn = turn.lock().await;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let version = self.store.version(company).await?;
            let mut stored: Pools = self.store.pools(pools).await?;
            // What an ingest has laid out meanwhile stays as it is.
            stored.pools.retain(|pool| pool.expanded_to < convert::micros(to));
            let (changes, tasks, heads) = blocking(move || {
                let (changes, tasks) = changes::further(&stored, from, to)?;
                Ok((changes, tasks, stored.meetings))
            })
            .await?;
            match self.carry_out(company, version, changes, tasks, heads).await {
                Err(Error::Contended) if attempt < ATTEMPTS => {}
                done => return done.map(|done| done.changed),
            }
        }
    }

    fn turn(&self, company: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(company).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(company.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

struct Done {
    changed: usize,
    unchanged: usize,
    problems: Vec<calendar::Problem>,
}

/// Work that keeps a thread busy, away from those that answer.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Work(Some(error)))?
}

fn told(source: &str, problems: &[calendar::Problem]) -> Vec<v1::Problem> {
    let mut told: Vec<v1::Problem> =
        problems.iter().take(PROBLEMS).map(|problem| convert::problem(source, problem)).collect();
    if problems.len() > PROBLEMS {
        told.push(v1::Problem {
            source: source.to_owned(),
            place: "calendar".to_owned(),
            reason: "more".to_owned(),
            message: format!("{} further problems are not listed", problems.len() - PROBLEMS),
            dropped: false,
            ..v1::Problem::default()
        });
    }
    told
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
