//! What is done: orders given once, timers armed, methods taken one after the other.

use super::facts::{Fact, Mark, Stamp};
use super::sets::NEXT_METHODS;
use super::settings::ms;
use super::timer::Timers;
use super::{Effect, Means, Outcome, Session, Settings, Signal, Timer, instant};
use crate::skip_code::SkipCode;

pub(super) const ANNOUNCE: u16 = 1;
pub(super) const RECORD: u16 = 1 << 1;
pub(super) const WITHDRAW: u16 = 1 << 2;
pub(super) const LIVE_START: u16 = 1 << 3;
pub(super) const START_CHECK: u16 = 1 << 4;
pub(super) const FETCH: u16 = 1 << 5;
pub(super) const DISCARD: u16 = 1 << 6;
pub(super) const DISCARD_FILES: u16 = 1 << 7;
/// The conference was given its time to begin again.
pub(super) const WAITED: u16 = 1 << 8;
/// Files that are there are fetched, although more of them were expected.
pub(super) const TAKE_WHAT_IS: u16 = 1 << 9;
/// The recorder was called back because the conference had ended.
pub(super) const GONE: u16 = 1 << 10;
/// What is ordered for each attempt anew.
pub(super) const OF_RUN: u16 = ANNOUNCE | RECORD | WITHDRAW | LIVE_START | GONE;

/// More steps than this never follow from one signal; a guard, not a rule.
const STEPS: usize = 256;

impl Session {
    /// Does all that follows from the facts and the time.
    pub(super) fn go_on(&mut self, settings: &Settings, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut wanted = Timers::NONE;
        let mut waited = false;
        for _ in 0..STEPS {
            if self.ended.is_some() {
                self.correct(settings, &mut effects);
                wanted = Timers::NONE;
                break;
            }
            if let Some(outcome) = self.conclusive(settings) {
                self.end(outcome, now, &mut effects);
                continue;
            }
            if self.dispatched.is_none() && self.means().is_import() {
                // Nobody is sent anywhere; but whoever hears of it must know what it is about, and may be called back.
                self.dispatched = Some(now);
                effects.push(Effect::Dispatch { run: self.run, means: self.means() });
            }
            if self.give_way(&mut effects) || self.take_next_method(settings, now, &mut effects) {
                continue;
            }
            let view = self.view(settings);
            wanted = view.timers;
            if let Some(over) = &view.over {
                if over.withdraw {
                    self.withdraw(&mut effects);
                }
                if over.media {
                    self.over = None;
                    let since = *self.closing.get_or_insert(now);
                    if self.means().joins() && self.is_out() {
                        wanted.set(Timer::Leave, since.saturating_add(ms(settings.hold)));
                    }
                    // Should the conference begin again, so does the provider's recording, or we begin it.
                    self.issued.flags &= !LIVE_START;
                } else {
                    let since = *self.over.get_or_insert(now);
                    let due = since.saturating_add(ms(settings.hold)).max(over.not_before);
                    if waited || due <= now {
                        let code = over.findings.lowest().unwrap_or(SkipCode::NotApplicable);
                        self.end(Outcome::Skipped(code), now, &mut effects);
                        continue;
                    }
                    wanted.set(Timer::Settle, due);
                }
            } else {
                self.over = None;
                self.closing = None;
                if self.issued.flags & GONE != 0 {
                    // The conference began again: another recorder is sent.
                    self.next_run();
                    continue;
                }
                // It went on after all: what was recorded is fetched when that is over.
                if self.means() != Means::Upload {
                    self.issued.flags &= !(FETCH | WAITED);
                }
            }
            self.keep_due(&mut wanted);
            if let Some((timer, due)) = wanted.due(now) {
                waited |= self.fire(settings, timer, due, now, &mut effects);
                continue;
            }
            if self.give_orders(view.wants, now, &mut effects) {
                continue;
            }
            break;
        }
        self.rearm(&wanted, &mut effects);
        effects
    }

    /// Goes over to the next method, where this one cannot work and there is time.
    pub(super) fn take_next_method(
        &mut self,
        settings: &Settings,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let last = usize::from(self.leg) + 1 >= self.order.means.len();
        let cannot = self.of_run(NEXT_METHODS).next().is_some() || self.cannot_be_armed(settings);
        // What is being recorded needs nobody to take over.
        let runs = self.means() == Means::Cloud && self.recorded_at().is_some();
        if last || !cannot || runs || now > self.join_limit(settings) {
            return false;
        }
        self.withdraw(effects);
        if self.leg == 0 {
            self.turned = self.run.saturating_add(1);
        }
        self.leg += 1;
        self.tries = 0;
        self.next_run();
        true
    }

    /// Leaves the field to the provider's own recording, where that began after all and nothing else records
    /// yet: there is one recorder. A recorder that records already stays, for its part would be lost.
    pub(super) fn give_way(&mut self, effects: &mut Vec<Effect>) -> bool {
        let native = self.leg > 0 && self.order.means.first() == Some(&Means::Cloud);
        let began = self.facts.get(Signal::RecordingStarted).map(|fact| fact.last.run);
        if !native || began.is_none_or(|run| run >= self.turned) {
            return false;
        }
        self.withdraw(effects);
        self.leg = 0;
        self.tries = 0;
        self.next_run();
        true
    }

    pub(super) fn next_run(&mut self) {
        self.run = self.run.saturating_add(1);
        self.dispatched = None;
        self.over = None;
        self.closing = None;
        self.issued.flags &= !OF_RUN;
        self.issued.asked = 0;
    }

    /// Whether something was sent and not called back.
    const fn is_out(&self) -> bool {
        self.dispatched.is_some() && self.issued.flags & WITHDRAW == 0
    }

    /// Calls back what runs, once.
    pub(super) fn withdraw(&mut self, effects: &mut Vec<Effect>) {
        if self.is_out() {
            self.issued.flags |= WITHDRAW;
            effects.push(Effect::Withdraw { run: self.run });
        }
    }

    /// Whether an order has not been given yet; it is now.
    pub(super) const fn order_once(&mut self, order: u16) -> bool {
        let first = self.issued.flags & order == 0;
        self.issued.flags |= order;
        first
    }

    /// Gives the orders that the facts ask for and that have not been given.
    pub(super) fn give_orders(&mut self, wants: u16, now: i64, effects: &mut Vec<Effect>) -> bool {
        let run = self.run;
        let mut given = false;
        for (order, effect) in [
            (ANNOUNCE, Effect::Announce { run }),
            (RECORD, Effect::StartRecording { run }),
            (FETCH, Effect::Fetch),
        ] {
            if wants & order != 0 && self.order_once(order) {
                effects.push(effect);
                given = true;
                if order == ANNOUNCE {
                    self.issued.announced_at = now;
                }
                if order == FETCH {
                    self.issued.fetch_at = now;
                }
            }
        }
        given
    }

    /// Joins what we found out ourselves.
    pub(super) fn learn(&mut self, signal: Signal, at: i64) {
        let stamp = Stamp { run: self.run, mark: Mark { at, seq: 0 } };
        self.facts.join(Fact::new(signal, stamp));
    }

    /// Leaves timers as they were armed that news which repeat what is known should not move.
    pub(super) fn keep_due(&self, wanted: &mut Timers) {
        for (timer, armed) in &self.armed {
            if timer.keeps_due()
                && let Some(due) = wanted.get(*timer)
            {
                wanted.set(*timer, due.min(*armed));
            }
        }
    }

    /// Arms and disarms timers, so that exactly those are armed that are wanted.
    pub(super) fn rearm(&mut self, wanted: &Timers, effects: &mut Vec<Effect>) {
        self.armed.retain(|(timer, _)| {
            let keeps = wanted.get(*timer).is_some();
            if !keeps {
                effects.push(Effect::Disarm { timer: *timer });
            }
            keeps
        });
        for (timer, due) in wanted.iter() {
            match self.armed.iter_mut().find(|(armed, _)| *armed == timer) {
                Some((_, armed)) if *armed == due => continue,
                Some((_, armed)) => *armed = due,
                None => self.armed.push((timer, due)),
            }
            effects.push(Effect::Arm { timer, due: instant(due) });
        }
    }
}
