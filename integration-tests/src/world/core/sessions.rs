//! Plans carried out by the pure machine alone: a clock that jumps from one thing to the next.

use std::collections::VecDeque;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use decision::plan::Kind;
use decision::provider::Adapter;
use decision::session::people::{Present, Roster, seen};
use decision::session::{Effect, Heard, Order, Session, Settings, Signal};
use decision::{Conference, Means, Provider};

use super::{CallId, Core, is_of};
use crate::scenario::{Key, Script, Tell};
use crate::told::Told;

/// How long before its start a plan for which nobody joins is handed over, as the orchestrator is set.
const ARM_AHEAD: TimeDelta = TimeDelta::hours(1);

/// A call that somebody will tell of.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    tells: VecDeque<Tell>,
    /// Since its plan was handed over.
    pub(super) session: Option<Session>,
}

/// What happens next.
#[derive(Debug, Clone)]
enum Next {
    HandOver,
    Tell(Tell),
    Timer,
}

impl Core {
    fn id_of(&self, call: &Key) -> anyhow::Result<CallId> {
        let found = self.calls.keys().chain(self.decided.keys()).find(|id| is_of(call, &id.0));
        Ok(found.with_context(|| format!("no call `{}`", call.uid))?.clone())
    }

    pub(super) fn note_script(&mut self, script: &Script) -> anyhow::Result<()> {
        let id = self.id_of(&script.call)?;
        self.carried.entry(id).or_default().tells = script.tells.clone().into();
        Ok(())
    }

    pub(super) fn settings(&self, company: &str) -> anyhow::Result<Settings> {
        let (file, _) = self.companies.get(company).context("no such company")?;
        Ok(Settings::of(&file.settings.recording))
    }

    /// Lets time pass until `to`.
    pub(super) fn pass(
        &mut self,
        company: &str,
        mut now: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let settings = self.settings(company)?;
        while let Some((at, id, next)) = self.next(&settings).filter(|(at, ..)| *at <= to) {
            now = now.max(at);
            self.now = now;
            match next {
                Next::HandOver => self.hand_over(company, &id, &settings, now)?,
                Next::Tell(tell) => {
                    let carried = self.carried.get_mut(&id).context("it is carried out")?;
                    carried.tells.pop_front();
                    self.tell(company, &id, &tell, &settings, at, now)?;
                }
                Next::Timer => {
                    let session = self.session(&id)?;
                    let effects = session.wake(&settings, now);
                    self.done(&id, &effects)?;
                }
            }
        }
        Ok(())
    }

    /// What is next, over all calls.
    fn next(&self, settings: &Settings) -> Option<(DateTime<Utc>, CallId, Next)> {
        let of = |id: &CallId, carried: &Carried| {
            let decided = self.decided.get(id)?;
            let start = decided.told.start;
            let Some(session) = &carried.session else {
                let Kind::Plan(plan) = &decided.decision.kind else { return None };
                let ahead = match plan.method {
                    Means::Cloud => ARM_AHEAD.max(settings.dispatch_ahead),
                    Means::LocalBot | Means::Bot | Means::Dialer | Means::Upload => {
                        settings.dispatch_ahead
                    }
                };
                return Some((start - ahead, Next::HandOver));
            };
            let timer = session.timers().map(|(_, due)| due).min();
            let timer = timer.map(|due| (due, Next::Timer));
            let tell = carried.tells.front().map(|one| (start + one.at, Next::Tell(one.clone())));
            // What is due at the instant of a signal is done before it is heard.
            timer.into_iter().chain(tell).min_by_key(|(at, _)| *at)
        };
        let all = self.carried.iter().filter_map(|(id, one)| {
            let (at, next) = of(id, one)?;
            Some((at, id.clone(), next))
        });
        all.min_by_key(|(at, ..)| *at)
    }

    pub(super) fn session(&mut self, id: &CallId) -> anyhow::Result<&mut Session> {
        let carried = self.carried.get_mut(id).context("it is carried out")?;
        carried.session.as_mut().context("it was handed over")
    }

    /// Judges the call once more, and begins to carry out what is planned still.
    fn hand_over(
        &mut self,
        company: &str,
        id: &CallId,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        self.decide_stored(company, std::slice::from_ref(id), now)?;
        let decided = self.decided.get(id).context("it was decided")?;
        let Kind::Plan(plan) = &decided.decision.kind else { return Ok(()) };
        let (start, end) = (decided.told.start, decided.told.end);
        let conference = decided.told.conference.as_deref().and_then(conference);
        let personal = conference.as_ref().is_some_and(Conference::is_personal_room);
        let order = Order::of(plan, settings, start, end.unwrap_or(start), personal);
        let mut session = Session::new(&order);
        let effects = session.wake(settings, now);
        let carried = self.carried.get_mut(id).context("it is carried out")?;
        carried.session = Some(session);
        self.done(id, &effects)
    }

    fn tell(
        &mut self,
        company: &str,
        id: &CallId,
        tell: &Tell,
        settings: &Settings,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let signals: Vec<Signal> = if tell.signal == "roster" {
            let policy = self.policy(company)?;
            let decided = self.decided.get(id).context("it was decided")?;
            let requested = decided.decision.requester.is_some();
            let people: Vec<Present<'_>> = tell
                .roster
                .iter()
                .map(|one| Present {
                    address: Some(one.as_str()).filter(|address| *address != "?"),
                    ..Present::default()
                })
                .collect();
            let roster = Roster { people: &people, whole: false };
            seen(&policy, requested, &roster).into_iter().map(|one| one.signal).collect()
        } else {
            let signal = Signal::from_name(&tell.signal);
            vec![signal.with_context(|| format!("`{}` is no signal", tell.signal))?]
        };
        for signal in signals {
            let heard = Heard { length: tell.length.map(|span| span.0), ..Heard::new(signal, at) };
            let effects = self.session(id)?.hear(settings, &heard, now);
            self.done(id, &effects)?;
        }
        Ok(())
    }

    /// Somebody stops, or deletes, what is being recorded; whether they may.
    pub(super) fn act(
        &mut self,
        company: &str,
        call: &Key,
        by: &str,
        what: Signal,
    ) -> anyhow::Result<bool> {
        let id = self.id_of(call)?;
        let policy = self.policy(company)?;
        let settings = self.settings(company)?;
        let owner = self.decided.get(&id).and_then(|one| one.planned_owner.clone());
        let may = policy.find_member(by).is_some_and(|(_, member)| {
            member.active && (owner.as_deref() == Some(&*member.id) || member.may_request())
        });
        if may {
            let now = self.now;
            let effects = self.session(&id)?.hear(&settings, &Heard::new(what, now), now);
            self.done(&id, &effects)?;
        }
        Ok(may)
    }

    /// What came of it becomes the decision of the call.
    pub(super) fn done(&mut self, id: &CallId, effects: &[Effect]) -> anyhow::Result<()> {
        for effect in effects {
            let (Effect::End { outcome } | Effect::Correct { outcome }) = effect else { continue };
            let session = self.session(id)?;
            let (also, means) = (session.also(), session.means());
            let decided = self.decided.get_mut(id).context("it was decided")?;
            let provider = decided.told.conference.as_deref().and_then(conference);
            let adapter = adapter_of(provider.map(|one| one.provider), means);
            let adapter = adapter.context("it has a conference")?;
            decided.decision.carried_out(*outcome, also, adapter.as_str());
            decided.contends = false;
            decided.told = decided.told.carried(&decided.decision);
        }
        Ok(())
    }

    pub(super) fn outcome_of(&self, call: &Key) -> anyhow::Result<Told> {
        let id = self.id_of(call)?;
        Ok(self.decided.get(&id).context("it was decided")?.told.clone())
    }
}

fn conference(shown: &str) -> Option<Conference> {
    let (provider, id) = shown.split_once('/')?;
    Some(Conference { provider: Provider::from_name(provider)?, id: id.to_owned() })
}

/// Who carries out what is recorded so.
const fn adapter_of(provider: Option<Provider>, means: Means) -> Option<Adapter> {
    let adapter = match (provider, means) {
        (_, Means::Dialer | Means::Upload) => Adapter::Dialer,
        (Some(Provider::Zoom), Means::Cloud) => Adapter::ZoomNative,
        (Some(Provider::Zoom), _) => Adapter::ZoomLocal,
        (Some(Provider::Teams), _) => Adapter::Teams,
        (Some(Provider::Webex), _) => Adapter::Webex,
        (Some(Provider::GoogleMeet), _) => Adapter::GoogleMeet,
        (None, _) => return None,
    };
    Some(adapter)
}
