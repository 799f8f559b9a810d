//! Plans carried out in the worlds of services: what a script tells happens at a provider that is played, or is told by a fleet
//! of bots over its stream; and a clock is moved from one thing to the next, each time until nothing happens any more.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::provider::v1::watch_signals_response::News;
use proto::time;

use super::Remote;
use super::fleet::Fleet;
use super::played::Played;
use super::registered::Registered;
use crate::scenario::{Key, Script, Tell};
use crate::told::Told;

/// How often it is looked whether something happens still.
const LOOK: Duration = Duration::from_millis(25);

/// For how many looks nothing may have happened.
const STILL: usize = 5;

/// For how long something may happen after the clock was moved.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is played, and who plays it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    scripts: BTreeMap<String, VecDeque<Tell>>,
    fleet: Option<Fleet>,
    told: u64,
    /// How often providers told a signal of a call.
    by_providers: BTreeMap<(String, String), usize>,
    pub(super) played: Option<Played>,
    pub(super) registered: BTreeMap<String, Registered>,
}

impl Stage {
    pub(super) fn played(&mut self) -> anyhow::Result<&mut Played> {
        self.played.as_mut().context("providers are played")
    }

    /// Looks after a call from now on.
    pub(super) fn follow(&mut self, call_id: &str) {
        self.scripts.entry(call_id.to_owned()).or_default();
    }

    /// Whether a call is a recording that is imported as soon as it is registered.
    fn is_import(&self, call_id: &str) -> bool {
        self.registered.values().any(|one| one.call_id == call_id && one.dial.is_none())
    }
}

/// Moves the clock of a world.
type MoveClock<'a> = dyn FnMut(DateTime<Utc>) -> anyhow::Result<()> + Send + 'a;

impl Remote {
    pub(in crate::world) async fn script(
        &mut self,
        company: &str,
        script: &Script,
    ) -> anyhow::Result<()> {
        let call_id = self.id_of(company, &script.call).await?;
        self.stage.scripts.insert(call_id, script.tells.clone().into());
        if self.stage.fleet.is_none() {
            self.stage.fleet = Some(Fleet::connect(self.fleets.clone(), company).await?);
        }
        Ok(())
    }

    async fn get(
        &mut self,
        company: &str,
        call_id: &str,
    ) -> anyhow::Result<(wire::Decision, Option<wire::Session>)> {
        let request = wire::GetCallRequest {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
            ..wire::GetCallRequest::default()
        };
        let answer = self.orchestrator.get_call(request).await?.into_inner();
        Ok((answer.decision.context("a call without a decision")?, answer.session))
    }

    pub(in crate::world) async fn outcome(
        &mut self,
        company: &str,
        call: &Key,
    ) -> anyhow::Result<Told> {
        let call_id = self.id_of(company, call).await?;
        let (decision, _) = self.get(company, &call_id).await?;
        let mut told = Told::of_wire(decision)?;
        if self.stage.registered.contains_key(&call.uid) {
            // Nobody else calls it anything.
            told.key.ical_uid = Some(call.uid.clone());
        }
        Ok(told)
    }

    /// Moves the clock to `to`, stopping wherever something happens by itself or is told.
    pub(in crate::world) async fn advance(
        &mut self,
        company: &str,
        mut now: DateTime<Utc>,
        to: DateTime<Utc>,
        clock: &mut MoveClock<'_>,
    ) -> anyhow::Result<()> {
        if self.stage.scripts.is_empty() {
            return clock(to);
        }
        let played = self.stage.played.as_ref().map(Played::clock);
        let mut clock = |now| {
            played.iter().for_each(|played| played.set(now));
            clock(now)
        };
        loop {
            self.rest(company, now).await?;
            let Some((at, call_id, tell)) = self.next(company).await?.filter(|(at, ..)| *at <= to)
            else {
                break;
            };
            now = now.max(at);
            clock(now)?;
            if let Some(tell) = tell {
                self.rest(company, now).await?;
                self.tell(company, &call_id, &tell, at).await?;
            }
        }
        clock(to)?;
        self.rest(company, to).await
    }

    /// What is next, over all calls: a plan to be handed over, something waited for, or something to be told.
    async fn next(
        &mut self,
        company: &str,
    ) -> anyhow::Result<Option<(DateTime<Utc>, String, Option<Tell>)>> {
        let mut all = Vec::new();
        let ids: Vec<String> = self.stage.scripts.keys().cloned().collect();
        for id in ids {
            let (decision, session) = self.get(company, &id).await?;
            let start = time::required("start", decision.start.as_ref())?;
            let Some(session) = session else {
                if let Some(plan) = &decision.plan {
                    let at = time::required("dispatch_at", plan.dispatch_at.as_ref())?;
                    all.push((at, id, None));
                }
                continue;
            };
            if let Some(timer) = session.timers.first() {
                all.push((time::required("due", timer.due.as_ref())?, id.clone(), None));
            }
            if let Some(tell) = self.stage.scripts.get(&id).and_then(VecDeque::front) {
                all.push((start + tell.at, id, Some(tell.clone())));
            }
        }
        // What is due at the instant of a signal is done before it is heard.
        Ok(all.into_iter().min_by_key(|(at, _, tell)| (*at, tell.is_some())))
    }

    /// Waits until nothing happens any more, and nothing is due.
    async fn rest(&mut self, company: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
        let begin = std::time::Instant::now();
        let ids: Vec<String> = self.stage.scripts.keys().cloned().collect();
        let mut last = Vec::new();
        let mut still = 0;
        while still < STILL {
            let mut seen = Vec::new();
            let mut is_due = false;
            for id in &ids {
                let (decision, session) = self.get(company, id).await?;
                let plan = decision.plan.as_ref().filter(|_| session.is_none());
                let hand_over = plan.and_then(|plan| plan.dispatch_at.as_ref());
                let timer = session.as_ref().and_then(|one| one.timers.first());
                let due = timer.and_then(|timer| timer.due.as_ref()).or(hand_over);
                is_due |= time::optional("due", due)?.is_some_and(|due| due <= now);
                let is_over = session.as_ref().is_some_and(|one| one.ended_at.is_some());
                is_due |= decision.plan.is_some() && self.stage.is_import(id) && !is_over;
                let offered = self.stage.fleet.as_ref().map(|fleet| fleet.owned());
                seen.push((decision.revision, session, offered));
            }
            still = if !is_due && seen == last { still + 1 } else { 0 };
            last = seen;
            if begin.elapsed() > PATIENCE {
                bail!("at {now} it does not come to rest: {last:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn tell(
        &mut self,
        company: &str,
        call_id: &str,
        tell: &Tell,
        at: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        self.stage.scripts.get_mut(call_id).and_then(VecDeque::pop_front);
        let (decision, session) = self.get(company, call_id).await?;
        let session = session.with_context(|| format!("{call_id} is not carried out"))?;
        if self.happen(call_id, &decision, &session, &tell.signal).await? {
            return Ok(());
        }
        self.stage.told += 1;
        let attempt = provider::Attempt {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
            plan_revision: session.plan_revision,
            run: session.run,
        };
        let signal = provider::Signal {
            attempt: Some(attempt.clone()),
            signal: tell.signal.clone(),
            at: Some(time::to_wire(at)),
            length: tell
                .length
                .map(|span| prost_types::Duration { seconds: span.0.num_seconds(), nanos: 0 }),
            roster: tell
                .roster
                .iter()
                .map(|one| provider::Person {
                    address: if one == "?" { String::new() } else { one.clone() },
                    ..provider::Person::default()
                })
                .collect(),
            key: format!("scripted {}", self.stage.told),
            ..provider::Signal::default()
        };
        match &self.stage.fleet {
            Some(fleet) if fleet.owns(&attempt) => fleet.tell(signal).await,
            _ => {
                let request = provider::SubmitSignalRequest { signals: vec![signal] };
                self.adapters.submit_signal(request).await?;
                Ok(())
            }
        }
    }

    /// Lets happen what is to be told, where it is for a provider to tell; whether it is.
    async fn happen(
        &mut self,
        call_id: &str,
        decision: &wire::Decision,
        session: &wire::Session,
        signal: &str,
    ) -> anyhow::Result<bool> {
        let registered = self.stage.registered.values().find(|one| one.call_id == call_id);
        let dial = registered.and_then(|one| one.dial.clone());
        let conference = decision.conference.as_ref();
        let number = conference.and_then(|one| one.id.parse::<u64>().ok());
        let is_native = session.adapter() == provider::Adapter::ZoomNative;
        let played = self.stage.played()?;
        let happened = match (dial, number) {
            (Some((dial, id)), _) => played.by_phone(&dial, &id, signal).await?,
            (None, Some(number)) if is_native => played.at_zoom(number, signal).await?,
            _ => false,
        };
        if happened {
            let count = self.stage.by_providers.entry((call_id.to_owned(), signal.to_owned()));
            *count.or_default() += 1;
            self.understood(call_id, signal).await?;
        }
        Ok(happened)
    }

    /// Waits until what a provider told is understood: a signal of the call.
    async fn understood(&mut self, call_id: &str, signal: &str) -> anyhow::Result<()> {
        let key = (call_id.to_owned(), signal.to_owned());
        let count = self.stage.by_providers.get(&key).copied().unwrap_or_default();
        let begin = std::time::Instant::now();
        loop {
            let told = self.told_of(call_id).await?;
            if told.iter().filter(|one| *one == signal).count() >= count {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                bail!("`{signal}` was not understood, but {told:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The names of all signals that were told of a call.
    async fn told_of(&mut self, call_id: &str) -> anyhow::Result<Vec<String>> {
        let request = provider::WatchSignalsRequest {
            until_caught_up: true,
            ..provider::WatchSignalsRequest::default()
        };
        let mut news = self.adapters.watch_signals(request).await?.into_inner();
        let mut told = Vec::new();
        while let Some(one) = news.message().await? {
            let Some(News::Signal(signal)) = one.news else { continue };
            if signal.attempt.is_some_and(|attempt| attempt.call_id == call_id) {
                told.push(signal.signal);
            }
        }
        Ok(told)
    }

    pub(in crate::world) async fn stop_recording(
        &mut self,
        company: &str,
        call: &Key,
        by: &str,
    ) -> anyhow::Result<bool> {
        let call_id = self.id_of(company, call).await?;
        let request = wire::StopRecordingRequest {
            company: company.to_owned(),
            call_id,
            stopped_by: by.to_owned(),
        };
        let answer = self.orchestrator.stop_recording(request).await;
        super::heard(answer.map(|_| ()), tonic::Code::PermissionDenied)
    }

    pub(in crate::world) async fn delete_recording(
        &mut self,
        company: &str,
        call: &Key,
        by: &str,
    ) -> anyhow::Result<bool> {
        let call_id = self.id_of(company, call).await?;
        let request = wire::DeleteRecordingRequest {
            company: company.to_owned(),
            call_id,
            deleted_by: by.to_owned(),
        };
        let answer = self.orchestrator.delete_recording(request).await;
        super::heard(answer.map(|_| ()), tonic::Code::PermissionDenied)
    }
}
