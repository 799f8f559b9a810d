//! Who was sent to which conference: every plan that was made, handed over or withdrawn, noted by the database itself.
//!
//! A row of the table of plans tells the present only. So a trigger writes down what happens to each, in the transaction in
//! which it happens, and beside it the revision that the call holds at that moment. Afterwards it is gone through in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::DateTime;
use proto::orchestrator::v1 as wire;
use proto::time;

use super::check::Log;
use super::fleet::{Fleet, SCHEMA};

/// How long the orchestrator may take to make its tables.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happened to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// It was made, or is of a new revision.
    Made,
    /// It was changed: handed over, that is.
    Changed,
    /// It was withdrawn, or is of an older revision.
    Gone,
}

/// Something that happened to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    what: What,
    /// Conference and start.
    key: String,
    call: String,
    revision: u64,
    /// When it was handed over, in microseconds, if it was.
    released_at: Option<i64>,
    /// The revision its call held at that moment.
    held: u64,
}

/// Lets the database note from now on what happens to plans, as soon as the orchestrator has made its tables.
///
/// # Errors
/// The database is away, or the tables are not made.
pub async fn watch(fleet: &Fleet) -> anyhow::Result<()> {
    let statement = format!(
        "create schema chaos;
         create table chaos.event (id bigserial primary key, what text not null, dedupe_key text not null,
             call_id text not null, revision bigint not null, released_at bigint, held bigint);
         create function chaos.note() returns trigger language plpgsql as $$
         declare it record;
         begin
             if tg_op = 'DELETE' then it := old; else it := new; end if;
             insert into chaos.event (what, dedupe_key, call_id, revision, released_at, held)
             select tg_op, it.dedupe_key, it.call_id, it.revision, it.released_at,
                 (select revision from {SCHEMA}.orchestrator_call c
                  where c.company = it.company and c.call_id = it.call_id);
             return null;
         end $$;
         create trigger note after insert or update or delete on {SCHEMA}.orchestrator_plan
             for each row execute function chaos.note();
         create table chaos.bare (call_id text not null, revision bigint not null);
         create function chaos.carry() returns trigger language plpgsql as $$
         begin
             insert into chaos.bare select p.call_id, p.revision from {SCHEMA}.orchestrator_plan p
             where p.company = new.company and p.dedupe_key = new.dedupe_key and p.released_at is not null
               and not exists (select 1 from {SCHEMA}.orchestrator_session s
                   where s.company = p.company and s.call_id = p.call_id and s.holds = p.revision);
             return null;
         end $$;
         create constraint trigger carry after insert or update on {SCHEMA}.orchestrator_plan
             deferrable initially deferred for each row execute function chaos.carry();
         create table chaos.attempt (call_id text not null, plan_revision bigint not null, run bigint not null,
             known boolean not null);
         create function chaos.order() returns trigger language plpgsql as $$
         begin
             insert into chaos.attempt select new.call_id, new.plan_revision, new.run,
                 exists (select 1 from {SCHEMA}.orchestrator_session s
                     where s.company = new.company and s.call_id = new.call_id
                       and s.plan_revision = new.plan_revision);
             return null;
         end $$;
         create trigger ordered after insert on provider_adapters.provider_adapters_attempt
             for each row when (length(new.body) > 0) execute function chaos.order();"
    );
    let begin = Instant::now();
    loop {
        match fleet.ask(&statement) {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// What happened to plans since [`watch`].
fn events(fleet: &Fleet) -> anyhow::Result<Vec<Event>> {
    let rows = fleet.ask(
        "select what, dedupe_key, call_id, revision, coalesce(released_at::text, ''), coalesce(held, 0)
         from chaos.event order by id",
    )?;
    let event = |row: Vec<String>| {
        let [what, key, call, revision, released, held] =
            <[String; 6]>::try_from(row).map_err(|_| anyhow::anyhow!("a strange row"))?;
        Ok(Event {
            what: match what.as_str() {
                "INSERT" => What::Made,
                "UPDATE" => What::Changed,
                "DELETE" => What::Gone,
                other => anyhow::bail!("`{other}` happened to a plan"),
            },
            key,
            call,
            revision: revision.parse().context("a revision")?,
            released_at: if released.is_empty() { None } else { Some(released.parse()?) },
            held: held.parse()?,
        })
    };
    rows.into_iter().map(event).collect()
}

/// What is wrong with what was ordered: plans that count as handed over and that no session carries out, attempts that were
/// ordered more than once, or before there was a session to tell of them.
fn orders(fleet: &Fleet) -> anyhow::Result<Vec<String>> {
    let told = |what: &str, rows: Vec<Vec<String>>| {
        rows.into_iter().map(|row| format!("{what}: {}", row.join(" "))).collect::<Vec<_>>()
    };
    let mut found = told(
        "a plan counts as handed over, and no session carries it out",
        fleet.ask("select distinct call_id, revision from chaos.bare")?,
    );
    found.extend(told(
        "an attempt was ordered for which there was no session",
        fleet.ask("select call_id, plan_revision, run from chaos.attempt where not known")?,
    ));
    found.extend(told(
        "an attempt was ordered more than once",
        fleet.ask(
            "select call_id, plan_revision, run, count(*) from chaos.attempt group by 1, 2, 3
             having count(*) > 1",
        )?,
    ));
    Ok(found)
}

/// How often plans were handed over, and what is wrong with it; `carried` are those of which a session began.
///
/// # Errors
/// The database is away.
pub fn check(
    fleet: &Fleet,
    log: &Log,
    carried: &BTreeSet<(String, u64)>,
) -> anyhow::Result<(usize, Vec<String>)> {
    let mut replay = Replay::new(log);
    for event in events(fleet)? {
        replay.take(event);
    }
    let differing = replay.handed.symmetric_difference(carried);
    let differing: Vec<_> =
        differing.map(|one| format!("handed over or begun alone: {one:?}")).collect();
    replay.wrong.extend(differing);
    replay.wrong.extend(orders(fleet)?);
    if replay.handed.is_empty() {
        replay.wrong.push("no plan was handed over at all".to_owned());
    }
    Ok((replay.handed.len(), replay.wrong))
}

/// Plans as they were one after the other.
struct Replay<'a> {
    /// Every decision, by call and revision.
    decisions: BTreeMap<(&'a str, u64), &'a wire::Decision>,
    /// The plans there are, by conference and start.
    there: BTreeMap<String, Event>,
    /// Call and revision of all that were handed over.
    handed: BTreeSet<(String, u64)>,
    /// The plans that are gone and had been handed over, by call: when, and which revision they were of.
    gone: BTreeMap<String, (i64, u64)>,
    wrong: Vec<String>,
}

impl<'a> Replay<'a> {
    fn new(log: &'a Log) -> Self {
        let decisions = log.entries.iter();
        let decisions = decisions.map(|(_, one)| ((one.call_id.as_str(), one.revision), one));
        Self {
            decisions: decisions.collect(),
            there: BTreeMap::new(),
            handed: BTreeSet::new(),
            gone: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    fn complain(&mut self, event: &Event, what: impl std::fmt::Display) {
        let Event { key, call, revision, .. } = event;
        self.wrong.push(format!("call {call}, revision {revision}, {key}: {what}"));
    }

    fn take(&mut self, event: Event) {
        match event.what {
            What::Gone => {
                self.there.remove(&event.key);
                if let Some(at) = event.released_at {
                    self.gone.insert(event.call, (at, event.revision));
                }
            }
            What::Made => {
                if let Some(other) = self.there.get(&event.key) {
                    let other = other.call.clone();
                    self.complain(&event, format_args!("call {other} has a plan for it"));
                }
                if event.released_at.is_some() {
                    // Whoever was sent by the revision before records: to them it makes no difference.
                    match self.gone.get(&event.call).copied() {
                        Some((at, before)) if Some(at) == event.released_at => {
                            if !self.are_alike(&event, before) {
                                self.complain(
                                    &event,
                                    format_args!("it is not carried out as revision {before} is"),
                                );
                            }
                        }
                        Some(_) | None => {
                            self.complain(&event, "it counts as handed over, and never was");
                        }
                    }
                    self.alone(&event);
                }
                self.there.insert(event.key.clone(), event);
            }
            What::Changed => {
                self.released(&event);
                self.alone(&event);
                self.there.insert(event.key.clone(), event);
            }
        }
    }

    /// Whether a plan is carried out as an earlier one is.
    fn are_alike(&self, event: &Event, before: u64) -> bool {
        let of = |revision: u64| {
            let decision = self.decisions.get(&(event.call.as_str(), revision))?;
            let plan = decision.plan.as_ref()?;
            let how = (plan.method, plan.adapter, plan.announcement, plan.join_at);
            Some((decision.start, decision.conference.clone(), how))
        };
        of(before).is_some_and(|before| Some(before) == of(event.revision))
    }

    /// Whether this very revision of a plan may be handed over now.
    fn released(&mut self, event: &Event) {
        let Some(at) = event.released_at.and_then(DateTime::from_timestamp_micros) else {
            return self.complain(event, "it was changed and not handed over");
        };
        if self.there.get(&event.key).is_none_or(|before| before.released_at.is_some()) {
            self.complain(event, "what was handed over was not waiting for it");
        }
        if event.held != event.revision {
            let held = event.held;
            self.complain(event, format_args!("it was handed over while revision {held} held"));
        }
        let latest = self.handed.iter().filter(|(call, _)| *call == event.call).map(|(_, it)| *it);
        if let Some(latest) = latest.max().filter(|latest| event.revision <= *latest) {
            self.complain(event, format_args!("it was handed over after revision {latest}"));
        }
        self.handed.insert((event.call.clone(), event.revision));
        let decision = self.decisions.get(&(event.call.as_str(), event.revision)).copied();
        let Some(plan) = decision.and_then(|decision| decision.plan.as_ref()) else {
            return self.complain(event, "what was handed over is no plan");
        };
        if plan.dedupe_key != event.key {
            self.complain(event, format_args!("the plan is for {}", plan.dedupe_key));
        }
        let read =
            |at: &Option<prost_types::Timestamp>| time::optional("at", at.as_ref()).ok().flatten();
        let (from, by) = (read(&plan.dispatch_at), read(&plan.dispatch_by));
        if from.is_none_or(|from| at < from) || by.is_none_or(|by| by < at) {
            let (from, by) = (from.unwrap_or_default(), by.unwrap_or_default());
            self.complain(
                event,
                format_args!("it was handed over at {at}, not between {from} and {by}"),
            );
        }
    }

    /// Whether nobody else is in the same conference at the same time.
    fn alone(&mut self, event: &Event) {
        let taken = |event: &Event| {
            let decision = self.decisions.get(&(event.call.as_str(), event.revision))?;
            let start = time::optional("start", decision.start.as_ref()).ok().flatten()?;
            let end = time::optional("end", decision.end.as_ref()).ok().flatten()?;
            Some((decision.conference.clone()?, start, end))
        };
        let Some((room, start, end)) = taken(event) else { return };
        let others = self.there.values().filter(|other| {
            other.released_at.is_some()
                && other.call != event.call
                && taken(other)
                    .is_some_and(|(in_room, from, to)| in_room == room && from < end && start < to)
        });
        let others: Vec<String> = others.map(|other| other.call.clone()).collect();
        for other in others {
            self.complain(event, format_args!("call {other} has somebody there already"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(call: &str, revision: u64, key: &str) -> (u64, wire::Decision) {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let plan = wire::Plan {
            dedupe_key: key.to_owned(),
            dispatch_at: at(8),
            dispatch_by: at(16),
            ..wire::Plan::default()
        };
        let decision = wire::Decision {
            call_id: call.to_owned(),
            revision,
            start: at(10),
            end: at(20),
            conference: Some(proto::verdict::v1::Conference::default()),
            plan: Some(plan),
            ..wire::Decision::default()
        };
        (0, decision)
    }

    fn event(what: What, call: &str, revision: u64, key: &str, at: Option<i64>) -> Event {
        let released_at = at.map(|at| at * 1_000_000);
        let (key, call) = (key.to_owned(), call.to_owned());
        Event { what, key, call, revision, released_at, held: revision }
    }

    fn wrong(events: impl IntoIterator<Item = Event>) -> Vec<String> {
        let mut moved = decision("c", 2, "n");
        moved.1.start = Some(prost_types::Timestamp { seconds: 12, nanos: 0 });
        let decisions = [
            decision("c", 1, "n"),
            moved,
            decision("a", 1, "k"),
            decision("a", 2, "k"),
            decision("b", 1, "k"),
            decision("b", 2, "m"),
        ];
        let log = Log { entries: decisions.into() };
        let mut replay = Replay::new(&log);
        events.into_iter().for_each(|event| replay.take(event));
        replay.wrong
    }

    #[test]
    fn a_plan_is_handed_over_again_by_a_newer_revision_and_to_another_call_when_it_is_gone() {
        use What::{Changed, Gone, Made};
        let found = wrong([
            event(Made, "a", 1, "k", None),
            event(Changed, "a", 1, "k", Some(9)),
            event(Gone, "a", 1, "k", Some(9)),
            event(Made, "a", 2, "k", None),
            event(Changed, "a", 2, "k", Some(10)),
            event(Gone, "a", 2, "k", Some(10)),
            event(Made, "b", 1, "k", None),
            event(Changed, "b", 1, "k", Some(11)),
            event(Gone, "b", 1, "k", Some(11)),
            event(Made, "b", 2, "m", Some(11)),
        ]);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn whatever_sends_two_is_noticed() {
        use What::{Changed, Gone, Made};
        let made = event(Made, "a", 1, "k", None);
        let first = event(Changed, "a", 1, "k", Some(9));
        let again = [event(Gone, "a", 1, "k", Some(9)), made.clone(), first.clone()];
        let other = [event(Made, "b", 2, "m", None), event(Changed, "b", 2, "m", Some(9))];
        for (rest, what) in [
            (&again[..], "after revision 1"),
            (&other[..], "somebody there already"),
            (&[first.clone()][..], "not waiting for it"),
            (&[event(Made, "b", 1, "k", None)][..], "has a plan for it"),
            (&[event(Made, "b", 2, "m", Some(9))][..], "never was"),
        ] {
            let found =
                wrong([made.clone(), first.clone()].into_iter().chain(rest.iter().cloned()));
            assert!(found.iter().any(|one| one.contains(what)), "{what}: {found:#?}");
        }
    }

    #[test]
    fn a_newer_plan_takes_over_who_was_sent_only_if_nothing_differs_to_them() {
        use What::{Changed, Gone, Made};
        let taken_over = |call: &str, first: &str, second: &str| {
            wrong([
                event(Made, call, 1, first, None),
                event(Changed, call, 1, first, Some(9)),
                event(Gone, call, 1, first, Some(9)),
                event(Made, call, 2, second, Some(9)),
            ])
        };
        assert_eq!(taken_over("a", "k", "k"), Vec::<String>::new());
        let found = taken_over("c", "n", "n");
        assert!(found.iter().any(|one| one.contains("not carried out as")), "{found:#?}");
    }

    #[test]
    fn what_is_handed_over_is_what_holds_and_in_its_time() {
        let made = event(What::Made, "a", 1, "k", None);
        for (change, what) in [
            (Event { held: 2, ..event(What::Changed, "a", 1, "k", Some(9)) }, "while revision 2"),
            (event(What::Changed, "a", 1, "k", Some(7)), "not between"),
            (event(What::Changed, "a", 1, "k", Some(17)), "not between"),
            (event(What::Changed, "a", 3, "k", Some(9)), "is no plan"),
        ] {
            let found = wrong([made.clone(), change]);
            assert!(found.iter().any(|one| one.contains(what)), "{what}: {found:#?}");
        }
    }
}
