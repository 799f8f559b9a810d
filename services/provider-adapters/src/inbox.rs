//! Works on webhooks that were kept: reads them, finds the attempts they are about, and tells what they come to.

pub(crate) mod concern;
mod hear;
pub(crate) mod read;
mod recognise;

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

/// The first pause before something is looked at again that no attempt was found for, and the longest.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(2), TimeDelta::minutes(2));

/// How often it is looked for what may be forgotten.
const CLEANING: Duration = Duration::from_secs(60);
/// How long after nobody could join any more a link is kept at most.
const LINKS: TimeDelta = TimeDelta::hours(24);

/// How long a link is kept that came with an event, until it is asked for.
const LINKS_OF_EVENTS: TimeDelta = TimeDelta::hours(48);

/// Webhooks worked on, by `provider` and `result`: `told`, `nothing` where nothing follows from it, `waiting` for an attempt,
/// `expired` where none came, `unreadable`.
static WORKED: Counter = metrics::counter("callsheet.inbox.handled");

/// For how long the first of the webhooks that are due has been; nothing while none is.
static BEHIND: Gauge = metrics::gauge("callsheet.inbox.behind", "s");

/// The task of a replica.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    /// Where they are kept.
    pub(crate) journal: Journal,
    /// Through what they came.
    pub(crate) connections: Connections,
    /// Whose calls changes concern.
    pub(crate) members: Members,
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
            while self.journal.forget_letters(before).await? > 0 && !self.shutdown.is_cancelled() {
                tokio::task::yield_now().await;
            }
        }
        self.journal.forget_links(now - LINKS).await?;
        Ok(())
    }

    /// Works on what is due, and answers whether there may be more.
    async fn look(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        // Asked first without a transaction: mostly there is nothing to do.
        let first = self.journal.first_letter().await?;
        let behind = first.map_or(TimeDelta::zero(), |first| (now - first).max(TimeDelta::zero()));
        BEHIND.record(behind.as_seconds_f64(), &[]);
        if first.is_none_or(|first| now < first) {
            return Ok(false);
        }
        let settings = self.settings;
        let letters =
            self.journal.claim_letters(now, settings.lease, settings.batch, &self.claimant).await?;
        let more = u64::try_from(letters.len()).is_ok_and(|claimed| claimed >= settings.batch);
        if !letters.is_empty() {
            self.work(&letters, now).await?;
        }
        Ok(more)
    }

    async fn work(&self, letters: &[Letter], now: DateTime<Utc>) -> Result<(), Error> {
        let mut settled = Settled { links_until: now + LINKS_OF_EVENTS, ..Settled::default() };
        let mut opened = Vec::with_capacity(letters.len());
        for letter in letters {
            let Some(connection) = self.connections.get(&letter.connection) else {
                // Taken out of the settings since.
                settled.done.push(letter.id);
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
        let known = recognise::Known::look_up(&self.journal, &opened).await?;
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
        self.journal.settle(&settled, &self.claimant).await?;
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
        let wait = TimeDelta::from_std(self.settings.wait).unwrap_or(TimeDelta::MAX);
        if now - letter.received >= wait {
            settled.done.push(letter.id);
            return "expired";
        }
        let (shortest, longest) = PAUSES;
        let pause = (shortest * 2_i32.saturating_pow(letter.tries.min(16))).min(longest);
        settled.again.push((letter.id, now + pause));
        "waiting"
    }
}
