//! One stream of one fleet: what it says, and the answers to that.

use std::collections::HashMap;
use std::time::Duration;

use chassis::chain;
use chassis::metrics::{self, Counter};
use decision::session::Signal;
use proto::provider::v1;
use proto::provider::v1::serve_request::Said;
use proto::provider::v1::serve_response;
use proto::{Invalid, time};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Status, Streaming};
use tracing::{info, warn};

use super::{Fleets, Open, Told, offer, withdrawal};
use crate::attempts::{Attempt, Change, Evidence, News, Word, text};
use crate::error::Error;
use crate::journal::{Due, Finish, Fleet, Mine};

/// Bytes of a fleet's name, at most.
const MAX_NAME: usize = 100;
/// Attempts of one stream at once, at most.
const MAX_CAPACITY: u32 = 10_000;
/// Signals in one message, at most.
const MAX_SIGNALS: usize = 100;
/// How long a fleet may take to introduce itself.
const HELLO: Duration = Duration::from_secs(10);
/// How long a fleet may take to read what it is told, before its stream is ended.
const READING: Duration = Duration::from_secs(10);

/// What fleets said, by `what` it was: `accept`, `decline`, `signals`, `heartbeat`.
static SAID: Counter = metrics::counter("callsheet.fleet.messages");
/// Signals of fleets, by `result`: `taken`, `repeated`, or `ignored` where the attempt is not the fleet's.
static SIGNALS: Counter = metrics::counter("callsheet.fleet.signals");

/// A stream before and after it was introduced.
pub(super) struct Line {
    fleets: Fleets,
    told: mpsc::Sender<Told>,
}

/// Why a stream ends.
enum End {
    /// The fleet went.
    Gone,
    /// It said what it should not, or we cannot go on.
    Because(Status),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Because(error.into())
    }
}

impl From<Invalid> for End {
    fn from(invalid: Invalid) -> Self {
        Error::from(invalid).into()
    }
}

fn refused(why: &'static str) -> End {
    End::Because(Status::failed_precondition(why))
}

impl Line {
    pub(super) fn new(fleets: Fleets, told: mpsc::Sender<Told>) -> Self {
        Self { fleets, told }
    }

    /// Listens until the fleet goes, or says what it should not.
    pub(super) async fn run(self, mut said: Streaming<v1::ServeRequest>) {
        let introduced = tokio::select! {
            introduced = tokio::time::timeout(HELLO, self.introduce(&mut said)) => introduced,
            () = self.told.closed() => return,
        };
        let introduced = introduced
            .unwrap_or_else(|_| Err(refused("a fleet introduces itself first, with `hello`")));
        let (fleet, number) = match introduced {
            Ok(introduced) => introduced,
            Err(end) => return self.end(end).await,
        };
        info!(fleet = fleet.name, "a fleet of bots is connected");
        let end = tokio::select! {
            end = self.listen(&fleet, number, &mut said) => end,
            () = self.told.closed() => End::Gone,
            () = self.fleets.shutdown.cancelled() => {
                End::Because(Status::unavailable("the service is ending; connect again"))
            }
        };
        let unconfirmed = self.fleets.lines.remove(number);
        self.take_back(unconfirmed).await;
        info!(fleet = fleet.name, "a fleet of bots is not connected any more");
        self.end(end).await;
    }

    /// Has those things told again that the fleet may not have heard.
    async fn take_back(&self, unconfirmed: Vec<(Due, Instant)>) {
        let again = Finish::Again(self.fleets.clock.now());
        for (due, _) in unconfirmed {
            let noted = self.fleets.journal.finish_work(&due, &again);
            if let Err(error) = noted.await {
                warn!(error = chain(&error), "what a fleet may not have heard is told later");
            }
        }
    }

    async fn end(&self, end: End) {
        if let End::Because(status) = end {
            // A fleet that does not read gets no word.
            drop(tokio::time::timeout(READING, self.told.send(Err(status))).await);
        }
    }

    async fn tell(&self, told: v1::ServeResponse) -> Result<(), End> {
        match tokio::time::timeout(READING, self.told.send(Ok(told))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Because(Status::resource_exhausted("the fleet does not read"))),
        }
    }

    /// Takes the first message, and says what the fleet already has.
    async fn introduce(&self, said: &mut Streaming<v1::ServeRequest>) -> Result<(Fleet, u64), End> {
        let first = said.message().await.map_err(End::Because)?.ok_or(End::Gone)?;
        let Some(Said::Hello(hello)) = first.said else {
            return Err(refused("a fleet introduces itself first, with `hello`"));
        };
        let (fleet, adapters) = self.check(&hello)?;
        let fleets = &self.fleets;
        fleets.journal.fleet_seen(&fleet, fleets.clock.now()).await?;
        let offered = fleets.journal.offered(&fleet).await?;
        let owned = fleets.journal.owned(&fleet).await?;
        let now = Instant::now();
        let known = owned.iter().map(|order| (order.attempt.clone(), now)).collect();
        let under_way = u32::try_from(owned.len()).unwrap_or(u32::MAX);
        let settings = fleets.settings;
        let seconds = |span: Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
        let welcome = v1::Welcome {
            heartbeat_seconds: seconds(settings.heartbeat),
            gone_seconds: seconds(settings.gone),
            owned: owned.iter().map(Into::into).collect(),
        };
        let told = serve_response::Told::Welcome(welcome);
        self.tell(v1::ServeResponse { told: Some(told) }).await?;
        // What it was asked before it may never have heard; where it has, it knows the attempt.
        for (order, until) in offered {
            let until = Some(time::to_wire(until));
            self.tell(offer(v1::Offer { order: Some((&order).into()), until })).await?;
        }
        // Only now may anything else be told.
        let number = fleets.lines.add(Open {
            fleet: fleet.clone(),
            adapters,
            free: hello.capacity.saturating_sub(under_way),
            told: self.told.clone(),
            unconfirmed: Vec::new(),
            known,
        });
        fleets.journal.wake();
        Ok((fleet, number))
    }

    fn check(&self, hello: &v1::Hello) -> Result<(Fleet, Vec<i16>), End> {
        text("hello.fleet", &hello.fleet, 1, MAX_NAME)?;
        text("hello.company", &hello.company, 0, MAX_NAME)?;
        if hello.company.is_empty() && !self.fleets.settings.whole_installation {
            return Err(End::Because(Status::permission_denied(
                "a fleet works for one company here; name it in `hello.company`",
            )));
        }
        if hello.capacity > MAX_CAPACITY {
            let problem = format!("at most {MAX_CAPACITY} attempts at once");
            return Err(Invalid::Text { field: "hello.capacity", problem }.into());
        }
        let mut adapters = Vec::new();
        for value in &hello.adapters {
            let adapter = proto::provider::adapter("hello.adapters", *value)?;
            adapter.ok_or(Invalid::Missing("hello.adapters"))?;
            adapters.extend(i16::try_from(*value));
        }
        adapters.sort_unstable();
        adapters.dedup();
        if adapters.is_empty() {
            return Err(Invalid::Missing("hello.adapters").into());
        }
        Ok((Fleet { company: hello.company.clone(), name: hello.fleet.clone() }, adapters))
    }

    /// Takes one message after the other: what waits, waits at the fleet.
    async fn listen(
        &self,
        fleet: &Fleet,
        number: u64,
        said: &mut Streaming<v1::ServeRequest>,
    ) -> End {
        loop {
            let next = tokio::time::timeout(self.fleets.settings.gone, said.message()).await;
            let message = match next {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => return End::Gone,
                Ok(Err(status)) => return End::Because(status),
                Err(_) => return End::Because(Status::deadline_exceeded("no heartbeat came")),
            };
            let Some(said) = message.said else {
                return refused("this version of the service does not know what was said");
            };
            if let Err(end) = self.take(fleet, number, said).await {
                return end;
            }
        }
    }

    async fn take(&self, fleet: &Fleet, number: u64, said: Said) -> Result<(), End> {
        let what = match said {
            Said::Hello(_) => return Err(refused("a fleet introduces itself once")),
            Said::Accept(accept) => {
                self.accept(fleet, number, accept.attempt.try_into()?).await?;
                "accept"
            }
            Said::Decline(decline) => {
                let attempt = decline.attempt.try_into()?;
                let now = self.fleets.clock.now();
                self.fleets.journal.decline(fleet, &attempt, now).await?;
                "decline"
            }
            Said::Signals(signals) => {
                self.signals(fleet, signals.signals).await?;
                "signals"
            }
            Said::Heartbeat(heartbeat) => {
                self.heartbeat(fleet, number, heartbeat).await?;
                "heartbeat"
            }
        };
        SAID.add(1, &[("what", what)]);
        Ok(())
    }

    async fn accept(&self, fleet: &Fleet, number: u64, attempt: Attempt) -> Result<(), End> {
        if self.fleets.journal.accept(fleet, &attempt).await? {
            self.fleets.lines.with(number, |open| {
                open.known.insert(attempt, Instant::now());
            });
            return Ok(());
        }
        // It was offered to somebody else by now, or called back.
        self.tell(withdrawal(&attempt, 0)).await
    }

    async fn signals(&self, fleet: &Fleet, told: Vec<v1::Signal>) -> Result<(), End> {
        Invalid::limit("signals", told.len(), MAX_SIGNALS)?;
        let now = self.fleets.clock.now();
        let keys: Vec<String> = told.iter().map(|signal| signal.key.clone()).collect();
        let news = told
            .into_iter()
            .map(|signal| readable(signal, now))
            .collect::<Result<Vec<News>, Invalid>>()?;
        let attempts: Vec<Attempt> = news.iter().map(|one| one.attempt.clone()).collect();
        let standing = self.fleets.journal.standing(fleet, &attempts).await?;
        for (attempt, _) in attempts.iter().zip(&standing).filter(|(_, it)| **it == Mine::Offered) {
            self.fleets.journal.accept(fleet, attempt).await?;
        }
        let count = news.len();
        let changes: Vec<Change> = news
            .into_iter()
            .zip(&standing)
            .filter(|(_, mine)| !matches!(mine, Mine::Fenced | Mine::No))
            .map(|(news, _)| Change::Told(news))
            .collect();
        let taken = self.fleets.journal.tell(&changes).await?;
        for (result, amount) in [
            ("taken", taken),
            ("repeated", changes.len() - taken),
            ("ignored", count - changes.len()),
        ] {
            SIGNALS.add(amount as u64, &[("result", result)]);
        }
        // They are kept, or change nothing: either way they need not be told again.
        let told = serve_response::Told::Acknowledgement(v1::Acknowledgement { keys });
        self.tell(v1::ServeResponse { told: Some(told) }).await
    }

    /// Gives up what a fleet had and does not name any more on any of its streams.
    async fn miss(&self, fleet: &Fleet, number: u64, missing: Vec<Attempt>) -> Result<(), End> {
        let (journal, now) = (&self.fleets.journal, self.fleets.clock.now());
        // Another stream names its own as often as this one.
        let silence = self.fleets.settings.heartbeat * 2;
        let lost = journal.lose(fleet, &missing, silence, now).await?;
        if lost > 0 {
            warn!(fleet = fleet.name, attempts = lost, "a fleet does not know what it had");
        }
        let standing = journal.standing(fleet, &missing).await?;
        self.fleets.lines.with(number, |open| {
            for (attempt, mine) in missing.iter().zip(standing) {
                if mine != Mine::Running {
                    open.known.remove(attempt);
                }
            }
        });
        Ok(())
    }

    async fn heartbeat(
        &self,
        fleet: &Fleet,
        number: u64,
        heartbeat: v1::Heartbeat,
    ) -> Result<(), End> {
        let v1::Heartbeat { running, free } = heartbeat;
        Invalid::limit("heartbeat.running", running.len(), MAX_CAPACITY as usize)?;
        let running: Vec<Attempt> = running
            .into_iter()
            .map(|attempt| Attempt::try_from(Some(attempt)))
            .collect::<Result<_, _>>()?;
        let journal = &self.fleets.journal;
        let now = self.fleets.clock.now();
        journal.fleet_seen(fleet, now).await?;
        let settled = self.fleets.settings.heartbeat;
        let (confirmed, missing) = self
            .fleets
            .lines
            .with(number, |open| {
                open.free = free.min(MAX_CAPACITY);
                let missing = missing(&mut open.known, &running, settled);
                let told = std::mem::take(&mut open.unconfirmed);
                // What was told a moment ago may still be on its way.
                let (confirmed, waiting) =
                    told.into_iter().partition(|(_, at)| at.elapsed() >= settled / 2);
                open.unconfirmed = waiting;
                (confirmed, missing)
            })
            .unwrap_or_default();
        for (due, _) in confirmed {
            let done = Finish::Done(crate::carry::Told::default());
            if let Err(error) = journal.finish_work(&due, &done).await {
                warn!(error = chain(&error), "what a fleet was told could not be noted");
            }
        }
        journal.named(fleet, &running).await?;
        if !missing.is_empty() {
            self.miss(fleet, number, missing).await?;
        }
        let standing = journal.standing(fleet, &running).await?;
        for (attempt, mine) in running.iter().zip(standing) {
            match mine {
                Mine::Running | Mine::Over => {}
                // What it has it has taken, though its word for that was lost.
                Mine::Offered => {
                    journal.accept(fleet, attempt).await?;
                }
                Mine::Leaving | Mine::Fenced | Mine::No => {
                    self.tell(withdrawal(attempt, 0)).await?;
                }
            }
        }
        if free > 0 {
            journal.wake();
        }
        Ok(())
    }
}

/// What a fleet had and does not name on this stream. It is given a moment after it was told of something.
fn missing(
    known: &mut HashMap<Attempt, Instant>,
    running: &[Attempt],
    settled: Duration,
) -> Vec<Attempt> {
    let named: std::collections::HashSet<&Attempt> = running.iter().collect();
    let missing: Vec<Attempt> = known
        .iter()
        .filter(|(attempt, since)| since.elapsed() > settled && !named.contains(attempt))
        .map(|(attempt, _)| attempt.clone())
        .collect();
    for attempt in running {
        known.entry(attempt.clone()).or_insert_with(Instant::now);
    }
    missing
}

/// Reads a signal; one of a name that this version does not know is kept as evidence.
fn readable(mut signal: v1::Signal, now: chrono::DateTime<chrono::Utc>) -> Result<News, Invalid> {
    if News::is_known(&signal.signal) {
        return News::read(signal, now);
    }
    let code: String = signal.signal.chars().take(64).filter(|one| *one != '\0').collect();
    signal.signal = Word::Is(Signal::Unreadable).as_str().to_owned();
    time::required("at", signal.at.as_ref())?;
    let raw = Evidence { provider: "fleet".to_owned(), code, text: String::new() };
    Ok(News::read(signal, now)?.because(raw))
}
