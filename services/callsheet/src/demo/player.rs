//! Plays days: moves the clock from one thing to the next, each time when all that follows from the last one has happened.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chassis::{Clock as _, Link, PacedClock, Running, SimulatedClock, SystemClock};
use chrono::{DateTime, TimeDelta, Utc};
use proto::orchestrator::v1::orchestrator_service_client::OrchestratorServiceClient;
use proto::orchestrator::v1::{CancelRecordingRequest, GetCallRequest, StopRecordingRequest};
use proto::provider::v1::provider_adapter_service_client::ProviderAdapterServiceClient;

use super::course::Deed;
use super::day::{Call, Day, Upload};
use super::fleet::Fleet;
use super::random::Random;
use super::shelf::Shelf;
use super::timeline::{Event, Timeline};
use super::watched::{Seen, Watched};
use super::{COMPANY, PATIENCE, Settings};
use crate::error::Error;
use crate::{decided, house};

/// How soon it is looked again.
pub(super) const LOOK: Duration = Duration::from_millis(1);

/// What happens at an instant that is known beforehand.
#[derive(Debug)]
enum Entry {
    /// A calendar is read.
    Read(Day),
    /// A telephone call is placed.
    Dial(Call),
    /// Somebody has a recording imported.
    Import(Upload),
    /// Something happens in a call, by its place.
    Step(usize, Deed),
}

/// When something happens, and what; nothing where it is due by itself.
type Next = (DateTime<Utc>, Option<Entry>);

/// Whoever plays.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) clock: SimulatedClock,
    /// How time passes, unless it is to pass as fast as it goes.
    pace: Option<PacedClock>,
    pub(super) ingest: Link,
    pub(super) orchestrator: OrchestratorServiceClient<Link>,
    pub(super) adapters: ProviderAdapterServiceClient<Link>,
    pub(super) fleet: Fleet,
    pub(super) shelf: Shelf,
    pub(super) random: Random,
    pub(super) timeline: Timeline,
    pub(super) calls: Vec<Watched>,
    /// What is to happen, by instant and in the order in which it was noted.
    agenda: BTreeMap<(DateTime<Utc>, u64), Entry>,
    noted: u64,
    pub(super) signals: u64,
}

impl Player {
    pub(super) async fn open(
        running: &Running,
        clock: SimulatedClock,
        settings: Settings,
        timeline: Timeline,
    ) -> Result<Self, Error> {
        let adapters = house::near(running, "provider-adapters")?;
        let now = clock.now();
        Ok(Self {
            clock,
            pace: settings.speed.map(|speed| PacedClock::new(now, SystemClock.now(), speed)),
            ingest: house::near(running, "calendar-ingest")?,
            orchestrator: decided::client(house::near(running, "orchestrator")?),
            adapters: ProviderAdapterServiceClient::new(adapters.clone()),
            fleet: Fleet::connect(adapters).await?,
            shelf: Shelf::open().await?,
            random: Random::new(settings.seed),
            timeline,
            calls: Vec::new(),
            agenda: BTreeMap::new(),
            noted: 0,
            signals: 0,
        })
    }

    /// Plays all of it.
    pub(super) async fn play(mut self, days: Vec<Day>) -> Result<(), Error> {
        for day in days {
            self.note(day.read_at, Entry::Read(day));
        }
        while let Some((at, entry)) = self.next()? {
            self.pass_until(at).await;
            match entry {
                None => self.let_happen(at).await?,
                Some(Entry::Read(day)) => {
                    for call in &day.calls {
                        self.note(call.at, Entry::Dial(call.clone()));
                    }
                    for upload in &day.uploads {
                        self.note(upload.at, Entry::Import(upload.clone()));
                    }
                    for call in self.read(&day).await? {
                        self.watch(call)?;
                    }
                }
                Some(Entry::Dial(call)) => {
                    let call = self.dial(&call).await?;
                    let place = self.watch(call)?;
                    self.settle(place, |_| true).await?;
                }
                Some(Entry::Import(upload)) => {
                    let call = self.import(&upload).await?;
                    let place = self.watch(call)?;
                    self.settle(place, |seen| matches!(seen.outcome(), Ok(Some(_)))).await?;
                }
                Some(Entry::Step(place, deed)) => self.step(place, deed).await?,
            }
        }
        let outcomes: Vec<_> =
            self.calls.iter().filter_map(|call| call.seen.outcome().ok()?).collect();
        self.timeline.sum_up(&outcomes)
    }

    fn note(&mut self, at: DateTime<Utc>, entry: Entry) {
        self.noted += 1;
        self.agenda.insert((at, self.noted), entry);
    }

    /// Tells how a call was decided, and looks after it from now on; answers its place.
    fn watch(&mut self, mut call: Watched) -> Result<usize, Error> {
        let place = self.calls.len();
        let event = call.decided()?;
        let now = self.clock.now();
        self.timeline.tell(now, &call.call_id, call.title.as_deref(), &event)?;
        if call.seen.outcome()?.is_none() {
            for step in std::mem::take(&mut call.steps) {
                let at = call.start + TimeDelta::seconds(step.at);
                self.note(at, Entry::Step(place, step.deed));
            }
        }
        self.calls.push(call);
        Ok(place)
    }

    /// What is next. Where something is due by itself at the instant of something else, it comes first.
    fn next(&mut self) -> Result<Option<Next>, Error> {
        let mut due = None;
        for call in &self.calls {
            if call.seen.outcome()?.is_none()
                && let Some(at) = call.seen.due()?
            {
                due = Some(due.map_or(at, |earliest: DateTime<Utc>| earliest.min(at)));
            }
        }
        let noted = self.agenda.first_key_value().map(|((at, _), _)| *at);
        Ok(match (due, noted) {
            (Some(due), Some(noted)) if noted < due => self.take(),
            (Some(due), _) => Some((due, None)),
            (None, _) => self.take(),
        })
    }

    fn take(&mut self) -> Option<Next> {
        self.agenda.pop_first().map(|((at, _), entry)| (at, Some(entry)))
    }

    /// Moves the clock, never back; at the speed that is wanted.
    async fn pass_until(&self, at: DateTime<Utc>) {
        if let Some(pace) = self.pace {
            while pace.now() < at {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.clock.set(self.clock.now().max(at));
    }

    /// Waits until all has happened that is due by itself.
    async fn let_happen(&mut self, at: DateTime<Utc>) -> Result<(), Error> {
        for place in 0..self.calls.len() {
            let Some(call) = self.calls.get(place) else { continue };
            let is_open = call.seen.outcome()?.is_none();
            if is_open && call.seen.due()?.is_some_and(|due| due <= at) {
                self.settle(place, |_| true).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self, place: usize, deed: Deed) -> Result<(), Error> {
        let Some(call) = self.calls.get(place) else { return Ok(()) };
        if call.seen.outcome()?.is_some() {
            return Ok(());
        }
        let before = call.seen.clone();
        let (call_id, owner) = (call.call_id.clone(), call.owner);
        let (company, by) = (COMPANY.to_owned(), owner.to_owned());
        let now = self.clock.now();
        match deed {
            Deed::Tell { after, signal, length } => {
                self.tell(place, after, signal, length).await?;
            }
            Deed::Stop => {
                let title = call.title.as_deref();
                self.timeline.tell(now, &call_id, title, &Event::Acted("stopped", owner))?;
                let request = StopRecordingRequest { company, call_id, stopped_by: by };
                let stopped = self.orchestrator.stop_recording(request).await;
                stopped.map_err(Error::refused("stop a recording"))?;
            }
            Deed::Cancel => {
                let title = call.title.as_deref();
                self.timeline.tell(now, &call_id, title, &Event::Acted("canceled", owner))?;
                let request = CancelRecordingRequest { company, call_id, canceled_by: by };
                let canceled = self.orchestrator.cancel_recording(request).await;
                canceled.map_err(Error::refused("take a recording back"))?;
            }
        }
        self.settle(place, |seen| seen.session != before.session).await
    }

    /// Waits until a call is at rest again, and is as it should be; tells what happened meanwhile.
    async fn settle(&mut self, place: usize, is_so: impl Fn(&Seen) -> bool) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let seen = self.look(place).await?;
            let Some(call) = self.calls.get_mut(place) else { return Ok(()) };
            let now = self.clock.now();
            let is_due = seen.due()?.is_some_and(|due| due <= now);
            let is_open = seen.outcome()?.is_none();
            let is_at_rest = !(is_open && (is_due || seen.is_concluding()));
            let is_rightly = is_at_rest && is_so(&seen);
            for event in call.see(seen)? {
                self.timeline.tell(now, &call.call_id, call.title.as_deref(), &event)?;
            }
            if is_rightly {
                break;
            }
            if began.elapsed() > PATIENCE {
                let call = &call.call_id;
                return Err(Error::Halted(format!("waiting for call `{call}` at {now}")));
            }
            tokio::time::sleep(LOOK).await;
        }
        // A bot that was sent is there before time goes on.
        match self.calls.get(place).filter(|call| call.seen.is_staged()).and_then(Watched::attempt)
        {
            Some(attempt) => self.fleet.has(&attempt).await,
            None => Ok(()),
        }
    }

    async fn look(&mut self, place: usize) -> Result<Seen, Error> {
        let call_id = self.calls.get(place).map(|call| call.call_id.clone()).unwrap_or_default();
        let request =
            GetCallRequest { company: COMPANY.to_owned(), call_id, ..GetCallRequest::default() };
        let answer = self.orchestrator.get_call(request).await;
        let answer = answer.map_err(Error::refused("look at a call"))?.into_inner();
        let decision = answer.decision.ok_or(proto::Invalid::Missing("decision"))?;
        Ok(Seen { decision, session: answer.session })
    }
}
