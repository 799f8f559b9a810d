//! When to leave a peer alone: a state machine over its last outcomes that is told the time.
//!
//! Closed, every call passes. When at least half of the outcomes in the window were failures, it opens: no call passes for a
//! while. Then one call may probe; its success closes, its failure or silence opens for longer.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Outcomes remembered at most.
const KEPT: usize = 64;
/// Fewer outcomes than these say nothing; and this many count however old they are, so that a peer asked seldom is judged.
const LEAST: usize = 20;
/// Beyond [`LEAST`], outcomes older than this no longer count.
const SPAN: Duration = Duration::from_secs(10);
/// How long it is open at first. Doubled with every probe that fails.
const FIRST: Duration = Duration::from_secs(1);
/// How long it is open at most.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a probe may be silent. Success later than that still closes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether calls pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// All do.
    Closed,
    /// One does.
    HalfOpen,
    /// None does.
    Open,
}

/// A call that passed, to be given back with its outcome.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket {
    generation: u64,
    probe: bool,
}

impl Ticket {
    /// Whether the call is the one that finds out.
    pub(crate) fn is_probe(&self) -> bool {
        self.probe
    }
}

/// The outcomes of one peer.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    outcomes: VecDeque<(Instant, bool)>,
    mode: Mode,
    /// Which turn of the state this is; outcomes of calls from before say nothing about now.
    generation: u64,
    /// How often it opened since it was last closed.
    opened: u32,
}

#[derive(Debug, Default, Clone, Copy)]
enum Mode {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    HalfOpen {
        until: Instant,
    },
}

impl Breaker {
    /// Whether calls pass.
    pub(crate) fn state(&self) -> State {
        match self.mode {
            Mode::Closed => State::Closed,
            Mode::Open { .. } => State::Open,
            Mode::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Lets a call pass at `now`, or tells how long it will not. `chance` gives a number between 0 and 1.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        chance: impl Fn() -> f64,
    ) -> Result<Ticket, Duration> {
        match self.mode {
            Mode::Closed => Ok(Ticket { generation: self.generation, probe: false }),
            Mode::Open { until } | Mode::HalfOpen { until } if now < until => Err(until - now),
            Mode::Open { .. } => {
                self.turn(Mode::HalfOpen { until: now + PATIENCE });
                Ok(Ticket { generation: self.generation, probe: true })
            }
            Mode::HalfOpen { .. } => Err(self.open(now, chance)),
        }
    }

    /// Takes the outcome of a call. `chance` gives a number between 0 and 1.
    pub(crate) fn record(
        &mut self,
        ticket: Ticket,
        failed: bool,
        now: Instant,
        chance: impl Fn() -> f64,
    ) {
        let current = ticket.generation == self.generation;
        match (self.mode, ticket.probe) {
            (Mode::Open { .. } | Mode::HalfOpen { .. }, true) if !failed => self.close(),
            (Mode::HalfOpen { .. }, true) if current => {
                self.open(now, chance);
            }
            (Mode::Closed, false) if current => {
                if self.outcomes.len() == KEPT {
                    self.outcomes.pop_front();
                }
                self.outcomes.push_back((now, failed));
                if failed && self.is_bad(now) {
                    self.open(now, chance);
                }
            }
            (Mode::Closed | Mode::Open { .. } | Mode::HalfOpen { .. }, _) => {}
        }
    }

    /// Takes a call back that its caller gave up: nothing is known, and if it was the probe, the next may be.
    pub(crate) fn abandon(&mut self, ticket: &Ticket, now: Instant) {
        if ticket.probe && ticket.generation == self.generation && self.state() == State::HalfOpen {
            self.turn(Mode::Open { until: now });
        }
    }

    fn is_bad(&self, now: Instant) -> bool {
        let counted = self
            .outcomes
            .iter()
            .rev()
            .enumerate()
            .take_while(|(index, (at, _))| *index < LEAST || now.duration_since(*at) <= SPAN);
        let (all, failed) = counted.fold((0, 0), |(all, failures), (_, (_, failed))| {
            (all + 1, failures + usize::from(*failed))
        });
        all >= LEAST && failed * 2 >= all
    }

    fn open(&mut self, now: Instant, chance: impl Fn() -> f64) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.opened)).min(LONGEST);
        let pause = doubled.mul_f64(0.75 + 0.25 * chance().clamp(0.0, 1.0));
        self.opened = self.opened.saturating_add(1);
        self.outcomes.clear();
        self.turn(Mode::Open { until: now + pause });
        pause
    }

    fn close(&mut self) {
        self.opened = 0;
        self.turn(Mode::Closed);
    }

    fn turn(&mut self, mode: Mode) {
        self.mode = mode;
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn call(breaker: &mut Breaker, failed: bool, now: Instant) {
        let ticket = breaker.admit(now, || 1.0).unwrap();
        breaker.record(ticket, failed, now, || 1.0);
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..LEAST {
            call(&mut breaker, true, now);
        }
        assert_eq!(breaker.state(), State::Open);
        breaker
    }

    #[test]
    fn nineteen_failures_say_nothing_and_the_twentieth_opens() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..19 {
            call(&mut breaker, true, now);
        }
        assert_eq!(breaker.state(), State::Closed);
        call(&mut breaker, true, now);
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn half_of_the_outcomes_open_and_fewer_do_not() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for index in 0..300 {
            call(&mut breaker, index % 5 < 2, now + MS * index);
        }
        assert_eq!(breaker.state(), State::Closed);
        let mut breaker = Breaker::default();
        for index in 0..20 {
            call(&mut breaker, index % 2 == 1, now);
        }
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn a_long_good_past_does_not_hide_an_outage() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..10_000 {
            call(&mut breaker, false, now);
        }
        for failures in 1.. {
            call(&mut breaker, true, now);
            if breaker.state() == State::Open {
                assert_eq!(failures, KEPT / 2);
                break;
            }
        }
    }

    #[test]
    fn a_peer_asked_once_a_minute_is_judged_by_its_last_twenty() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for index in 0..30 {
            call(&mut breaker, false, now + MS * index);
        }
        for failures in 1.. {
            now += Duration::from_secs(60);
            call(&mut breaker, true, now);
            if breaker.state() == State::Open {
                assert_eq!(failures, LEAST / 2);
                break;
            }
        }
    }

    #[test]
    fn it_is_open_for_a_second_then_two_up_to_ten_and_at_most_a_quarter_less() {
        for (chance, part) in [(1.0, 1.0), (0.0, 0.75)] {
            let mut now = Instant::now();
            let mut breaker = Breaker::default();
            for _ in 0..LEAST {
                let ticket = breaker.admit(now, || chance).unwrap();
                breaker.record(ticket, true, now, || chance);
            }
            for seconds in [1.0, 2.0, 4.0, 8.0, 10.0, 10.0] {
                let pause = Duration::from_secs_f64(seconds * part);
                assert_eq!(breaker.admit(now, || chance).unwrap_err(), pause);
                now += pause - MS;
                assert!(breaker.admit(now, || chance).is_err());
                now += MS;
                let probe = breaker.admit(now, || chance).unwrap();
                assert!(probe.is_probe() && breaker.admit(now, || chance).is_err());
                breaker.record(probe, true, now, || chance);
            }
        }
    }

    #[test]
    fn a_probe_that_succeeds_closes_and_the_next_outage_begins_with_a_second() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for _ in 0..3 {
            now += LONGEST;
            let probe = breaker.admit(now, || 1.0).unwrap();
            breaker.record(probe, true, now, || 1.0);
        }
        now += LONGEST;
        call(&mut breaker, false, now);
        assert_eq!(breaker.state(), State::Closed);
        for _ in 0..LEAST {
            call(&mut breaker, true, now);
        }
        assert_eq!(breaker.admit(now, || 1.0).unwrap_err(), FIRST);
    }

    #[test]
    fn a_silent_probe_counts_as_failed_and_closes_when_it_succeeds_after_all() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += FIRST;
        let slow = breaker.admit(now, || 1.0).unwrap();
        now += PATIENCE;
        assert_eq!(breaker.admit(now, || 1.0).unwrap_err(), FIRST * 2);
        assert_eq!(breaker.state(), State::Open);
        breaker.record(slow, false, now + MS, || 1.0);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_probe_given_up_lets_the_next_call_probe_at_once() {
        let now = Instant::now() + FIRST;
        let mut breaker = opened(now - FIRST);
        let probe = breaker.admit(now, || 1.0).unwrap();
        breaker.abandon(&probe, now);
        assert!(breaker.admit(now, || 1.0).unwrap().is_probe());
    }

    #[test]
    fn outcomes_of_calls_from_before_it_opened_change_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let early: Vec<_> = (0..40).map(|_| breaker.admit(now, || 1.0).unwrap()).collect();
        for _ in 0..LEAST {
            call(&mut breaker, true, now);
        }
        let pause = breaker.admit(now, || 1.0).unwrap_err();
        for (index, ticket) in early.into_iter().enumerate() {
            breaker.record(ticket, index % 2 == 0, now, || 1.0);
        }
        assert_eq!(breaker.admit(now, || 1.0).unwrap_err(), pause);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait(u64),
        Call,
        Finish(prop::sample::Index, bool),
        GiveUp(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0_u64..4000).prop_map(Step::Wait),
            4 => Just(Step::Call),
            4 => (any::<prop::sample::Index>(), prop::bool::weighted(0.8))
                .prop_map(|(which, failed)| Step::Finish(which, failed)),
            1 => any::<prop::sample::Index>().prop_map(Step::GiveUp),
        ]
    }

    proptest! {
        #[test]
        fn never_more_than_one_probe_is_waited_for(
            steps in prop::collection::vec(step(), 1..300),
            chance in 0.0..1.0_f64,
        ) {
            let mut now = Instant::now();
            let mut breaker = opened(now);
            let mut running: Vec<(Ticket, Instant)> = Vec::new();
            for step in steps {
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Call => {
                        let before = breaker.state();
                        if let Ok(ticket) = breaker.admit(now, || chance) {
                            if ticket.is_probe() {
                                let waited_for = running
                                    .iter()
                                    .filter(|(other, at)| {
                                        other.is_probe()
                                            && other.generation == breaker.generation
                                            && now < *at + PATIENCE
                                    })
                                    .count();
                                prop_assert_eq!(waited_for, 0);
                            } else {
                                prop_assert_eq!(before, State::Closed);
                            }
                            running.push((ticket, now));
                        }
                    }
                    Step::Finish(which, failed) if !running.is_empty() => {
                        let (ticket, _) = running.swap_remove(which.index(running.len()));
                        breaker.record(ticket, failed, now, || chance);
                    }
                    Step::GiveUp(which) if !running.is_empty() => {
                        let (ticket, _) = running.swap_remove(which.index(running.len()));
                        breaker.abandon(&ticket, now);
                    }
                    Step::Finish(..) | Step::GiveUp(_) => {}
                }
                if breaker.state() == State::HalfOpen {
                    // Whoever asks now is refused, or is told that the probe was too slow.
                    prop_assert!(breaker.outcomes.is_empty());
                }
            }
            // However it went, a peer that is well again is found within the longest pause and a probe.
            for _ in 0..2 {
                now += LONGEST;
                if let Ok(ticket) = breaker.admit(now, || chance) {
                    breaker.record(ticket, false, now, || chance);
                }
            }
            prop_assert_eq!(breaker.state(), State::Closed);
        }
    }
}
