//! What the facts come to at one moment: a stage, what is waited for, what is wanted, whether it is over.

use super::facts::Fact;
use super::sets::Signals;
use super::settings::ms;
use super::timer::Timers;
use super::{Codes, Means, Session, Settings, Signal, Stage};

/// What the facts come to, at one moment.
pub(super) struct View {
    pub(super) stage: Stage,
    pub(super) timers: Timers,
    pub(super) wants: u16,
    pub(super) over: Option<Over>,
}

impl View {
    pub(super) const fn at(stage: Stage) -> Self {
        Self { stage, timers: Timers::NONE, wants: 0, over: None }
    }

    pub(super) const fn over(over: Over) -> Self {
        Self { stage: Stage::Leaving, timers: Timers::NONE, wants: 0, over: Some(over) }
    }
}

/// The attempt is over, or the whole session.
pub(super) struct Over {
    /// There is something to keep; it has to be fetched.
    pub(super) media: bool,
    /// Why there is not.
    pub(super) findings: Codes,
    /// When it ended, by event time.
    pub(super) at: i64,
    /// An end without anything to keep is not settled before.
    pub(super) not_before: i64,
    /// What runs has to be called back at once, and not only when its end is certain.
    pub(super) withdraw: bool,
}
impl Session {
    /// What the facts come to.
    pub(super) fn view(&self, settings: &Settings) -> View {
        if let Some(at) = self.facts.first(Signal::Imported) {
            // Imported and not kept, or it would have ended at once.
            let findings = self.unwanted();
            return View::over(Over { media: false, findings, at, not_before: at, withdraw: true });
        }
        let view = match self.means() {
            Means::Cloud => self.view_cloud(settings),
            Means::LocalBot | Means::Bot => self.view_bot(settings),
            Means::Dialer => self.view_call(settings),
            Means::Upload => self.view_upload(settings),
        };
        match view.over {
            Some(over) if over.media => self.view_media(settings, over),
            _ => view,
        }
    }

    /// Faults of the attempt under way, out of a set.
    pub(super) fn of_run(&self, set: Signals) -> impl Iterator<Item = &Fact> {
        self.facts.among(set).filter(|fact| fact.last.run == self.run)
    }

    /// When recording began first.
    pub(super) fn recorded_at(&self) -> Option<i64> {
        self.facts.first(Signal::RecordingStarted)
    }

    /// The last moment at which somebody is sent: later than planned where the conference began late.
    pub(super) fn join_limit(&self, settings: &Settings) -> i64 {
        let began = self.facts.last(Signal::MeetingStarted).unwrap_or(self.order.start);
        self.order.latest_join.max(began.saturating_add(ms(settings.latest_join)))
    }
}
