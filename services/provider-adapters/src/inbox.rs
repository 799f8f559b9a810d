//! Works on webhooks that were kept: reads them, finds the attempts they are about, and tells what they come to.

pub(crate) mod called;
pub(crate) mod concern;
mod hear;
pub(crate) mod read;
mod recognise;
mod rooms;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chassis::metrics::{self, Counter, Gauge};
use chassis::{Clock, chain};
use chrono::{DateTime, TimeDelta, Utc};
use signals::Event;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config;
use crate::connections::{Connection, Connections};
use crate::error::Error;
use crate::journal::{Journal, Letter, Settled};

pub(crate) use concern::{Directory, Members};
pub(crate) use hear::{ACCESS_LOST, SIGNALS_MISSED, STORAGE_FULL, SUBSCRIPTION_LOST};
pub(crate) use hear::{means, news};
use recognise::Recognised;
pub(crate) use rooms::Rooms;

/// The first pause before something is looked at again that no attempt was found for, and the longest.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(2), TimeDelta::minutes(2));

/// How often it is looked for what may be forgotten.
const CLEANING: Duration = Duration::from_secs(60);
/// How long after nobody could join any more a link is kept at most.
const LINKS: TimeDelta = TimeDelta::hours(24);

/// How long a link is kept that came with an event, until it is asked for.
const LINKS_OF_EVENTS: TimeDelta = TimeDelta::hours(48);

/// Webhooks worked on, by `provider` and `result`: `told`, `nothing` where nothing follows from it, `waiting` for an attempt,
/// `expired` where none came, `unreadable`, `refused` where the database would not take what it says.
static WORKED: Counter = metrics::counter("callsheet.inbox.handled");

/// For how long the first of the webhooks that are due has been; nothing while none is.
static BEHIND: Gauge = metrics::gauge("callsheet.inbox.behind", "s");

/// Webhooks that wait and came through connections this process does not know.
static FOREIGN: Gauge = metrics::gauge("callsheet.inbox.foreign", "{webhook}");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    /// Where they are kept.
    pub(crate) journal: Journal,
    /// Through what they came.
    pub(crate) connections: Connections,
    /// Whose calls changes concern.
    pub(crate) members: Members,
    /// Who knows the links of conferences that are told of under other names.
    pub(crate) rooms: Rooms,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How they are worked on.
    pub(crate) settings: config::Inbox,
    /// Names this process, and no other one or earlier one.
    pub(crate) claimant: Arc<str>,
    /// Cancelled when it is time to end.
    pub(crate) shutdown: CancellationToken,
}

/// A webhook that was read.
struct Opened<'a> {
    letter: &'a Letter,
    connection: &'a Connection,
    events: Vec<Event>,
}

impl Inbox {
    /// Works until shutdown.
    pub(crate) async fn run(self) {
        let mut cleaned = Instant::now();
        loop {
            let more = match self.look().await {
                Ok(more) => more,
                Err(error) => {
                    warn!(error = chain(&error), "webhooks could not be worked on");
                    false
                }
            };
            if self.shutdown.is_cancelled() {
                return;
            }
            if !more {
                tokio::select! {
                    () = self.shutdown.cancelled() => return,
                    () = self.journal.inbox_came() => {}
                    () = tokio::time::sleep(self.settings.poll) => {}
                }
            }
            if cleaned.elapsed() > CLEANING {
                cleaned = Instant::now();
                if let Err(error) = self.clean().await {
                    warn!(error = chain(&error), "what is old could not be forgotten");
                }
            }
        }
    }

    /// Forgets what is remembered for long enough.
    async fn clean(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let keep = TimeDelta::from_std(self.settings.keep).unwrap_or(TimeDelta::MAX);
        if let Some(before) = now.checked_sub_signed(keep) {
            while self.journal.forget_letters(before, &self.known()).await? > 0
                && !self.shutdown.is_cancelled()
            {
                tokio::task::yield_now().await;
            }
        }
        self.journal.forget_links(now - LINKS).await?;
        FOREIGN.record(self.journal.foreign_letters(&self.known()).await? as f64, &[]);
        Ok(())
    }

    /// The names of the connections of this process. What came through others is for those who know them: a process that was
    /// set up later, or for another adapter.
    fn known(&self) -> Vec<&str> {
        self.connections.iter().map(|one| one.name.as_str()).collect()
    }

    /// Works on what is due, and answers whether there may be more.
    async fn look(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        // Asked first without a transaction: mostly there is nothing to do.
        let known = self.known();
        let first = self.journal.first_letter(&known).await?;
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        BEHIND.record(behind.as_seconds_f64(), &[]);
        if first.is_none_or(|first| now < first) {
            return Ok(false);
        }
        let settings = self.settings;
        // Another one each time: a process that was held up may claim again what it has.
        let claim = format!("{}-{:016x}", self.claimant, rand::random::<u64>());
        let (lease, batch) = (settings.lease, settings.batch);
        let letters = self.journal.claim_letters(&known, now, lease, batch, &claim).await?;
        let more = u64::try_from(letters.len()).is_ok_and(|claimed| claimed >= settings.batch);
        if !letters.is_empty() {
            self.work_on(&letters, now, &claim).await?;
        }
        Ok(more)
    }

    /// Works on webhooks together; where something in one of them is refused, on each by itself.
    async fn work_on(
        &self,
        letters: &[Letter],
        now: DateTime<Utc>,
        claim: &str,
    ) -> Result<(), Error> {
        let failed = match self.work(letters, now, claim).await {
            Err(error) if !passes(&error) => error,
            done => return done,
        };
        warn!(error = chain(&failed), "webhooks cannot be worked on together");
        for letter in letters {
            match self.work(std::slice::from_ref(letter), now, claim).await {
                Err(error) if !passes(&error) => self.refuse(letter, &error, now, claim).await?,
                done => done?,
            }
        }
        Ok(())
    }

    /// Puts a webhook off that cannot be worked on, and sets it aside when it has been tried for long enough.
    async fn refuse(
        &self,
        letter: &Letter,
        error: &Error,
        now: DateTime<Utc>,
        claim: &str,
    ) -> Result<(), Error> {
        warn!(
            connection = letter.connection,
            error = chain(error),
            "a webhook cannot be worked on"
        );
        let again = self.again(letter, now);
        if again.is_none() {
            let provider =
                self.connections.get(&letter.connection).map(|one| one.provider.as_str());
            WORKED.add(1, &[("provider", provider.unwrap_or_default()), ("result", "refused")]);
        }
        self.journal.put_off(letter.id, again, claim).await
    }

    /// When a webhook is looked at again; never, once that was done for long enough.
    fn again(&self, letter: &Letter, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wait = TimeDelta::from_std(self.settings.wait).unwrap_or(TimeDelta::MAX);
        if now - letter.received >= wait {
            return None;
        }
        let (shortest, longest) = PAUSES;
        Some(now + (shortest * 2_i32.saturating_pow(letter.tries.min(16))).min(longest))
    }

    async fn work(&self, letters: &[Letter], now: DateTime<Utc>, claim: &str) -> Result<(), Error> {
        let mut settled = Settled { links_until: now + LINKS_OF_EVENTS, ..Settled::default() };
        let mut opened = Vec::with_capacity(letters.len());
        for letter in letters {
            let Some(connection) = self.connections.get(&letter.connection) else {
                // Not asked for: only what came through known ones is claimed.
                continue;
            };
            let body = letter.body.as_slice();
            match read::events(connection.provider, body, letter.content.as_deref()) {
                Ok(events) => opened.push(Opened { letter, connection, events }),
                Err(error) => {
                    info!(connection = connection.name, %error, "a webhook cannot be read");
                    let labels =
                        [("provider", connection.provider.as_str()), ("result", "unreadable")];
                    WORKED.add(1, &labels);
                    settled.done.push(letter.id);
                }
            }
        }
        let mut known = recognise::Known::look_up(&self.journal, &opened).await?;
        if self.rooms.find(&mut opened, &known, now).await {
            known = recognise::Known::look_up(&self.journal, &opened).await?;
        }
        let concerned = self.members.concerned(&opened, now).await?;
        for one in &opened {
            let mut waiting = false;
            let mut told = false;
            for event in &one.events {
                hear::unmapped(one, event, &mut settled);
                let concerned = concerned.get(&event.key.to_string());
                hear::account(one, event, concerned, &mut settled);
                match known.recognise(one.connection, event, one.letter.received) {
                    Recognised::As(trace) => {
                        told = true;
                        let we_began = known.began(&trace);
                        hear::tell(one, event, (&trace, we_began), &mut settled);
                    }
                    Recognised::Nobody => {
                        if hear::may_be_of_an_attempt(event) {
                            waiting = true;
                            hear::call(one.connection, event, one.letter.received, &mut settled);
                        }
                    }
                }
            }
            let result = self.outcome(one, (waiting, told), now, &mut settled);
            WORKED.add(1, &[("provider", one.connection.provider.as_str()), ("result", result)]);
        }
        self.journal.settle(&settled, claim).await?;
        Ok(())
    }

    /// Whether it is looked at again. What it came to already is told once, however often that is.
    fn outcome(
        &self,
        one: &Opened<'_>,
        (waiting, told): (bool, bool),
        now: DateTime<Utc>,
        settled: &mut Settled,
    ) -> &'static str {
        let letter = one.letter;
        if !waiting {
            settled.done.push(letter.id);
            return if told { "told" } else { "nothing" };
        }
        let Some(again) = self.again(letter, now) else {
            settled.done.push(letter.id);
            return "expired";
        };
        settled.again.push((letter.id, again));
        "waiting"
    }
}

/// Whether the same may succeed a little later, with nothing of it changed.
fn passes(error: &Error) -> bool {
    use storage::Error::{Busy, Unavailable};
    matches!(error, Error::Storage(Busy(_) | Unavailable(_)))
}
