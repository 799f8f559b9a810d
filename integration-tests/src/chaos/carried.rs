//! Plans while they are carried out: sessions, what they ask for, and the attempts that adapters keep of it.
//!
//! Nobody runs bots here, and no provider is connected. So whoever is ordered to record finds nobody to do it, and every
//! session ends in a code soon after its start.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use decision::company::Method;
use decision::provider::Adapter;
use decision::session::{Codes, Means, Outcome, Session};
use decision::skip_code::Phase;
use decision::{Provider, SkipCode};
use proto::orchestrator::v1 as wire;
use proto::verdict;

use super::fleet::{Fleet, SCHEMA};

/// The schema of the adapters.
const ADAPTERS: &str = "provider_adapters";

/// The kind of the timers of sessions.
pub const SESSION: i16 = 5;

/// States of attempts of which something may still come.
const OPEN: [i16; 3] = [1, 2, 3];

/// What a session waits for longer than this is not waited for here: where nobody joins, and it is too late for a bot, it is
/// the conference that may still begin.
const FAR: TimeDelta = TimeDelta::seconds(120);

/// What sessions end in that nobody was found to carry out.
const NOBODY_CAME: [SkipCode; 3] =
    [SkipCode::CannotConnectError, SkipCode::TempCannotConnectError, SkipCode::NoShow];

/// What came of a session, as its call is told it.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What it came to.
    pub outcome: Outcome,
    /// All that came up besides.
    pub also: Codes,
    /// Who carried it out.
    pub service: &'static str,
}

/// A session.
#[derive(Debug)]
struct Row {
    /// Revision of the decision that it carries out.
    holds: u64,
    provider: Option<Provider>,
    machine: Session,
    /// Its call is told what came of it.
    told: bool,
    /// When its timer is due, in microseconds.
    next_due: Option<i64>,
}

/// What is kept of everything that is being carried out, or was.
#[derive(Debug, Default)]
pub struct Carried {
    /// By call and revision of the plan.
    sessions: BTreeMap<(String, u64), Row>,
    /// Orders that adapters do not have yet.
    orders: Vec<String>,
    /// Attempts that adapters have, by call, revision of the plan, and run: their state, and whether they were ever ordered.
    attempts: BTreeMap<(String, u64, u8), (i16, bool)>,
}

impl Carried {
    /// Reads it all.
    ///
    /// # Errors
    /// The database is away.
    pub fn read(fleet: &Fleet) -> anyhow::Result<Self> {
        let mut carried = Self::default();
        let strange = || anyhow::anyhow!("a strange row");
        let rows = fleet.ask(&format!(
            "select call_id, plan_revision, holds, provider, told, coalesce(next_due::text, ''), machine
             from {SCHEMA}.orchestrator_session"
        ))?;
        for row in rows {
            let [call, plan, holds, provider, told, next_due, machine] =
                <[String; 7]>::try_from(row).map_err(|_| strange())?;
            let row = Row {
                holds: holds.parse()?,
                provider: verdict::provider("provider", provider.parse()?)?,
                machine: serde_json::from_str(&machine).context("a machine")?,
                told: told == "t",
                next_due: if next_due.is_empty() { None } else { Some(next_due.parse()?) },
            };
            carried.sessions.insert((call, plan.parse()?), row);
        }
        let rows = fleet.ask(&format!(
            "select call_id, plan_revision, run, kind from {SCHEMA}.orchestrator_command"
        ))?;
        carried.orders = rows.into_iter().map(|row| row.join(" ")).collect();
        let rows = fleet.ask(&format!(
            "select call_id, plan_revision, run, state, length(body) > 0
             from {ADAPTERS}.provider_adapters_attempt"
        ))?;
        for row in rows {
            let [call, plan, run, state, ordered] =
                <[String; 5]>::try_from(row).map_err(|_| strange())?;
            let key = (call, plan.parse()?, run.parse()?);
            carried.attempts.insert(key, (state.parse()?, ordered == "t"));
        }
        Ok(carried)
    }

    /// What came of the session of a call, if that is the decision that holds.
    #[must_use]
    pub fn ended(&self, call: &str, decision: &wire::Decision) -> Option<Ended> {
        let holds = |(of, row): (&(String, u64), &Row)| {
            of.0 == call && row.holds == decision.revision && row.told
        };
        let (_, row) = self.sessions.iter().find(|(of, row)| holds((of, row)))?;
        let method = match row.machine.means() {
            Means::Cloud => Method::Native,
            Means::LocalBot => Method::Local,
            Means::Bot => Method::Bot,
            Means::Dialer | Means::Upload => return None,
        };
        let service = Adapter::of(row.provider?, method).as_str();
        Some(Ended { outcome: row.machine.outcome()?, also: row.machine.also(), service })
    }

    /// Every plan of which a session began: call and revision.
    #[must_use]
    pub fn begun(&self) -> BTreeSet<(String, u64)> {
        self.sessions.keys().cloned().collect()
    }

    /// What is being done still, and comes to an end soon.
    #[must_use]
    pub fn under_way(&self, now: DateTime<Utc>) -> Vec<String> {
        let far = (now + FAR).timestamp_micros();
        let sessions = self.sessions.iter().filter_map(|((call, plan), row)| {
            let what = match row.machine.outcome() {
                None if row.next_due.is_some_and(|due| due > far) => return None,
                None => "is under way",
                Some(_) if !row.told => "is over, and its call is not told",
                Some(_) => return None,
            };
            let (means, run) = (row.machine.means().as_str(), row.machine.run());
            let waits: Vec<_> = row.machine.timers().collect();
            Some(format!(
                "the session of revision {plan} of call {call} {what}: {means}, attempt {run}, {waits:?}"
            ))
        });
        let orders = self.orders.iter().map(|order| format!("an order is left: {order}"));
        sessions.chain(orders).collect()
    }

    /// What is wrong, once nothing is under way: with sessions, with their timers, and with what was ordered of adapters.
    #[must_use]
    pub fn wrong(
        &self,
        decisions: &BTreeMap<String, wire::Decision>,
        timers: &BTreeSet<(String, i16, u64, i64)>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for ((call, plan), row) in &self.sessions {
            let about = format!("the session of revision {plan} of call {call}");
            let Some(decision) = decisions.get(call) else {
                found.push(format!("{about}: there is no such call"));
                continue;
            };
            if row.holds < *plan || decision.revision < row.holds {
                let (holds, at) = (row.holds, decision.revision);
                found
                    .push(format!("{about} carries out revision {holds}, and the call is at {at}"));
            }
            let armed = timers
                .iter()
                .filter(|(of, kind, revision, _)| (of, *kind, *revision) == (call, SESSION, *plan));
            let armed: Vec<i64> = armed.map(|(.., due)| *due).collect();
            if armed != row.next_due.into_iter().collect::<Vec<_>>() {
                let due = row.next_due;
                found.push(format!("{about} waits until {due:?}, and its timers are {armed:?}"));
            }
            match row.machine.outcome() {
                None if row.next_due.is_none() => {
                    found.push(format!("{about} waits for nothing"));
                }
                None if decision.plan.is_none() || decision.revision != row.holds => {
                    found.push(format!("{about} is under way, and its plan holds no more"));
                }
                None => {}
                Some(Outcome::Skipped(code)) if NOBODY_CAME.contains(&code) || fell(code) => {}
                Some(outcome) => {
                    found.push(format!("{about} ended in {outcome:?}, and nobody came"));
                }
            }
            let is_over = row.machine.outcome().is_some();
            for run in 0..=row.machine.run() {
                match self.attempts.get(&(call.clone(), *plan, run)) {
                    Some((state, _)) if is_over && OPEN.contains(state) => {
                        found
                            .push(format!("{about} is over, and attempt {run} is not called back"));
                    }
                    Some(_) => {}
                    // Orders of what is called back at once are not carried out.
                    None if row.machine.outcome().and_then(Outcome::code).is_some_and(fell) => {}
                    None => found.push(format!("{about}: attempt {run} was never ordered")),
                }
            }
        }
        for ((call, plan, run), (state, ordered)) in &self.attempts {
            let session = self.sessions.get(&(call.clone(), *plan));
            let is_known = session.is_some_and(|row| *run <= row.machine.run());
            if !is_known {
                found.push(format!(
                    "nobody asked for attempt {run} of revision {plan} of call {call}, ordered: {ordered}, state {state}"
                ));
            }
            let newer = self
                .attempts
                .keys()
                .any(|(of, other, later)| of == call && (*other, *later) > (*plan, *run));
            if newer && OPEN.contains(state) {
                found.push(format!(
                    "attempt {run} of revision {plan} of call {call} is open beside a newer one"
                ));
            }
        }
        found
    }
}

/// Whether a session that ended so ended because its plan fell.
fn fell(code: SkipCode) -> bool {
    code.meta().phase == Phase::Planning || code == SkipCode::BadSchedule
}

#[cfg(test)]
mod tests {
    use decision::company::NumberMode;
    use decision::session::{Heard, Order, Settings, Signal};

    use super::*;

    const CALL: &str = "a";

    fn start() -> DateTime<Utc> {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    /// A session of a bot that heard these, and then nothing more until it was over.
    fn machine(heard: &[(i64, Signal)]) -> Session {
        let settings = Settings::default();
        let order = Order {
            means: vec![Means::Bot],
            start: start(),
            end: start() + TimeDelta::minutes(30),
            join_at: start() - TimeDelta::seconds(2),
            latest_join: start() + TimeDelta::seconds(6),
            announcement: false,
            personal_room: false,
            numbers: NumberMode::Automatic,
        };
        let mut machine = Session::new(&order);
        machine.wake(&settings, order.join_at);
        for (at, signal) in heard {
            let at = start() + TimeDelta::seconds(*at);
            machine.hear(&settings, &Heard::new(*signal, at), at);
        }
        while let Some(due) = machine.timers().map(|(_, due)| due).min() {
            machine.wake(&settings, due);
        }
        machine
    }

    /// A call whose session is over, and the attempts at it: run, state.
    fn wrong(machine: Session, attempts: &[(u8, i16)], timers: &[i64]) -> Vec<String> {
        let provider = Some(Provider::Teams);
        let row = Row { holds: 2, provider, machine, told: true, next_due: None };
        let attempts =
            attempts.iter().map(|(run, state)| ((CALL.to_owned(), 1, *run), (*state, true)));
        let carried = Carried {
            sessions: [((CALL.to_owned(), 1), row)].into(),
            orders: Vec::new(),
            attempts: attempts.collect(),
        };
        assert_eq!(carried.under_way(start()), Vec::<String>::new());
        let decision = wire::Decision { revision: 2, ..wire::Decision::default() };
        let timers = timers.iter().map(|due| (CALL.to_owned(), SESSION, 1, *due));
        carried.wrong(&[(CALL.to_owned(), decision)].into(), &timers.collect())
    }

    #[test]
    fn a_session_that_nobody_carried_out_is_well_over_and_whatever_is_left_of_it_is_noticed() {
        let missed = || machine(&[(6, Signal::DispatchMissed)]);
        let code = missed().outcome().and_then(Outcome::code);
        assert_eq!(code, Some(SkipCode::CannotConnectError));
        assert_eq!(wrong(missed(), &[(0, 4)], &[]), Vec::<String>::new());
        let recorded = machine(&[
            (-1, Signal::InCall),
            (0, Signal::RecordingStarted),
            (1_800, Signal::MeetingEnded),
            (1_801, Signal::FilesReady),
            (1_802, Signal::Imported),
        ]);
        for (found, what) in [
            (wrong(missed(), &[(0, 3)], &[]), "is not called back"),
            (wrong(missed(), &[], &[]), "was never ordered"),
            (wrong(missed(), &[(0, 4), (1, 5)], &[]), "nobody asked for attempt 1"),
            (wrong(missed(), &[(0, 1), (1, 5)], &[]), "is open beside a newer one"),
            (wrong(missed(), &[(0, 4)], &[7]), "its timers are [7]"),
            (wrong(recorded, &[(0, 4)], &[]), "and nobody came"),
        ] {
            assert!(found.iter().any(|one| one.contains(what)), "{what}: {found:#?}");
        }
    }

    #[test]
    fn orders_that_are_left_and_ends_that_are_not_told_are_waited_for() {
        let row = |machine, told| Row { holds: 1, provider: None, machine, told, next_due: None };
        let carried = Carried {
            sessions: [
                (("over".to_owned(), 1), row(machine(&[(6, Signal::DispatchMissed)]), false)),
                (("told".to_owned(), 1), row(machine(&[(6, Signal::DispatchMissed)]), true)),
            ]
            .into(),
            orders: vec!["told 1 0 2".to_owned()],
            attempts: BTreeMap::new(),
        };
        let waiting = carried.under_way(start());
        assert_eq!(waiting.len(), 2, "{waiting:#?}");
        assert!(waiting[0].contains("its call is not told"), "{waiting:#?}");
        assert!(waiting[1].contains("an order is left"), "{waiting:#?}");
    }
}
