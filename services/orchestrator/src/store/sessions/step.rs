//! A step of a session: what its machine asks for becomes orders to adapters and a timer.

use chrono::{DateTime, TimeDelta, Utc};
use decision::Provider;
use decision::company::Method;
use decision::provider::Adapter;
use decision::session::{Effect, Means, Order, Session, Settings, Stage};
use proto::provider::v1 as provider;

use super::Running;
use crate::store::commands::Kind;

/// The longest pause before it is tried again to tell what came of a session.
const RARELY: TimeDelta = TimeDelta::seconds(60);

/// An order that is not in the store yet.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    pub(super) kind: Kind,
    pub(super) run: u8,
    pub(super) method: provider::Method,
    pub(super) adapter: provider::Adapter,
    /// Counts instructions; 0 for anything else.
    pub(super) number: u64,
}

impl Running {
    /// A session that begins.
    pub(crate) fn begin(
        (company, call_id, plan_revision): (&str, &str, u64),
        provider: Option<Provider>,
        requested: bool,
        order: &Order,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Self {
        let mut running = Self {
            company: company.to_owned(),
            call_id: call_id.to_owned(),
            plan_revision,
            holds: plan_revision,
            provider,
            requested,
            machine: Session::new(order),
            began_at: now,
            told: false,
            stage: Stage::Scheduled.as_str(),
            orders: 0,
            armed: None,
            rearm: false,
            fresh: Vec::new(),
            concluded: false,
            changed: true,
        };
        running.step(settings, |machine| machine.wake(settings, now));
        running
    }

    /// Lets the machine do something, and takes what it asks for.
    pub(crate) fn step(
        &mut self,
        settings: &Settings,
        something: impl FnOnce(&mut Session) -> Vec<Effect>,
    ) {
        let (mut run, mut means) = (self.machine.run(), self.machine.means());
        let before = self.machine.clone();
        let effects = something(&mut self.machine);
        self.changed |= before != self.machine;
        for effect in effects {
            match effect {
                Effect::Arm { .. } | Effect::Disarm { .. } => {}
                Effect::Dispatch { run: next, means: by } => {
                    (run, means) = (next, by);
                    self.order(Kind::Dispatch, run, means);
                }
                Effect::Withdraw { run: of } => self.order(Kind::Withdraw, of, means),
                Effect::AskPermission { run: of, .. } => {
                    self.instruct(provider::Act::AskPermission, of, means);
                }
                Effect::Announce { run: of } => self.instruct(provider::Act::Announce, of, means),
                Effect::StartRecording { run: of } => {
                    self.instruct(provider::Act::StartRecording, of, means);
                }
                Effect::StartLiveRecording { run: of } => {
                    self.instruct(provider::Act::StartLiveRecording, of, means);
                }
                Effect::CheckMeeting => self.instruct(provider::Act::CheckMeeting, run, means),
                Effect::CheckFiles => self.instruct(provider::Act::CheckFiles, run, means),
                Effect::Fetch => self.instruct(provider::Act::Fetch, run, means),
                Effect::Discard => self.instruct(provider::Act::Discard, run, means),
                Effect::End { .. } | Effect::Correct { .. } => {
                    self.concluded = true;
                    self.told = false;
                }
            }
        }
        self.stage = self.machine.stage(settings).as_str();
    }

    fn instruct(&mut self, act: provider::Act, run: u8, means: Means) {
        self.order(Kind::Instruct(act), run, means);
    }

    fn order(&mut self, kind: Kind, run: u8, means: Means) {
        let number = match kind {
            Kind::Dispatch | Kind::Withdraw => 0,
            Kind::Instruct(_) => {
                self.orders += 1;
                self.orders
            }
        };
        self.changed = true;
        let (method, adapter) = (method_of(means), self.adapter_of(means));
        self.fresh.push(Fresh { kind, run, method, adapter, number });
    }

    /// Its adapter for a method.
    pub(crate) fn adapter_of(&self, means: Means) -> provider::Adapter {
        let of = |method| self.provider.map(|provider| Adapter::of(provider, method));
        let adapter = match means {
            Means::Cloud => of(Method::Native),
            Means::LocalBot => of(Method::Local),
            Means::Bot => of(Method::Bot),
            Means::Dialer | Means::Upload => Some(Adapter::Dialer),
        };
        adapter.map_or(provider::Adapter::Unspecified, Into::into)
    }

    /// Whether it is over and its decision does not say so yet.
    pub(crate) fn is_untold(&self) -> bool {
        self.machine.outcome().is_some() && !self.told
    }

    /// Whether it is over, or as good as over.
    pub(crate) fn is_leaving(&self) -> bool {
        self.stage == Stage::Leaving.as_str() || self.stage == Stage::Ended.as_str()
    }

    /// Carries out a newer decision, which changed nothing that matters.
    pub(crate) fn carry_on(&mut self, revision: u64, requested: bool) {
        self.holds = revision;
        self.requested = requested;
        self.changed = true;
    }

    /// Whether it is not as it was read.
    pub(in crate::store) const fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether it has come to an end, or to another one, since it was read.
    pub(in crate::store) const fn has_concluded(&self) -> bool {
        self.concluded
    }

    /// Whether it has asked for anything since it was read.
    pub(in crate::store) const fn has_orders(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Attempts it has taken back since it was read.
    pub(in crate::store) fn withdrawn(&self) -> impl Iterator<Item = u8> + '_ {
        self.fresh.iter().filter(|fresh| fresh.kind == Kind::Withdraw).map(|fresh| fresh.run)
    }

    /// What it has asked for since it was read, and not taken back.
    pub(super) fn orders(&self) -> impl Iterator<Item = &Fresh> {
        let is_over = self.machine.outcome().is_some();
        self.fresh.iter().filter(move |fresh| {
            let is_withdrawn = || self.withdrawn().any(|run| run == fresh.run);
            !(is_over && fresh.kind.falls_with_its_session()
                || fresh.kind.falls_with_its_attempt() && is_withdrawn())
        })
    }

    /// Has its timer written anew.
    pub(super) fn rearm(&mut self) {
        self.rearm = true;
        self.changed = true;
    }

    /// When something is to be done of itself, in microseconds.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Option<i64> {
        if let Some(ended) = self.machine.ended_at().filter(|_| self.is_untold()) {
            if self.concluded {
                return Some(now.timestamp_micros());
            }
            // Nobody could tell it until now: the longer that lasts, the later it is tried again.
            let pause = ((now - ended) / 2).clamp(TimeDelta::zero(), RARELY);
            let armed = self.armed.filter(|_| !self.rearm);
            return armed.or(Some((now + pause).timestamp_micros()));
        }
        self.machine.timers().map(|(_, due)| due.timestamp_micros()).min()
    }
}

/// A method on the wire.
pub(crate) fn method_of(means: Means) -> provider::Method {
    match means {
        Means::Cloud => provider::Method::Native,
        Means::LocalBot => provider::Method::Local,
        Means::Bot => provider::Method::Bot,
        Means::Dialer => provider::Method::DialerImport,
        Means::Upload => provider::Method::Upload,
    }
}
