//! What happened in the demo, told line by line, and counted at the end.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use decision::SkipCode;
use decision::skip_code::Phase;
use serde::Serialize;

use crate::error::Error;
use crate::output::Output;
use crate::output::json::instant;
use crate::output::table::{Room, Table, Tone, printable};

/// Something that happened to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// It is to be recorded, in this way; when it begins, if it has yet to.
    Planned(String, Option<DateTime<Utc>>),
    /// It is not.
    Skipped(SkipCode),
    /// The recorder got so far: a name for programs, and what people read.
    Reached(&'static str, &'static str),
    /// Somebody did something about it: what, and who.
    Acted(&'static str, &'static str),
    /// It was recorded, and kept; where a part of it is missing, with the code that says why.
    Recorded(Option<TimeDelta>, Option<SkipCode>),
    /// It was planned, and nothing was kept.
    Ended(SkipCode),
}

/// An event as programs read it.
#[derive(Debug, Serialize)]
struct Told<'a> {
    at: String,
    call_id: &'a str,
    title: Option<&'a str>,
    event: &'static str,
    plan: Option<&'a str>,
    start: Option<String>,
    by: Option<&'static str>,
    skip_code: Option<&'static str>,
    seconds: Option<i64>,
}

/// The end of it, as programs read it.
#[derive(Debug, Serialize)]
struct Summary {
    summary: Counts,
}

#[derive(Debug, Serialize)]
struct Counts {
    calls: usize,
    recorded: usize,
    recorded_partial: usize,
    skipped: BTreeMap<&'static str, usize>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Recorded,
    Partial,
    Skipped(SkipCode),
}

/// Prints events as they happen.
#[derive(Debug)]
pub(super) struct Timeline {
    output: Output,
    zone: Tz,
}

impl Timeline {
    pub(super) const fn new(output: Output, zone: Tz) -> Self {
        Self { output, zone }
    }

    /// Tells of an event, at once.
    pub(super) fn tell(
        &mut self,
        at: DateTime<Utc>,
        call_id: &str,
        title: Option<&str>,
        event: &Event,
    ) -> Result<(), Error> {
        if self.output.is_json() {
            self.output.json(&event.told(at, call_id, title))?;
        } else {
            let at = at.with_timezone(&self.zone).format("%a %d %b %H:%M");
            let title: String = title.unwrap_or("(not shown)").chars().take(30).collect();
            let line = format!("{at}  {title:<30}  {}", event.sentence(self.zone));
            self.output.line(&printable(&line))?;
        }
        self.output.flush()
    }

    /// Counts what became of all calls.
    pub(super) fn sum_up(&mut self, outcomes: &[Outcome]) -> Result<(), Error> {
        let mut skipped: BTreeMap<(Phase, u16), (SkipCode, usize)> = BTreeMap::new();
        let (mut recorded, mut partial) = (0, 0);
        for outcome in outcomes {
            match outcome {
                Outcome::Recorded => recorded += 1,
                Outcome::Partial => partial += 1,
                Outcome::Skipped(code) => {
                    let meta = code.meta();
                    skipped.entry((meta.phase, meta.rank)).or_insert((*code, 0)).1 += 1;
                }
            }
        }
        if self.output.is_json() {
            let skipped = skipped.values().map(|(code, many)| (code.as_str(), *many)).collect();
            let calls = outcomes.len();
            let summary = Counts { calls, recorded, recorded_partial: partial, skipped };
            self.output.json(&Summary { summary })?;
            return self.output.flush();
        }
        let columns = [("Outcome", Room::Whole), ("Calls", Room::Whole), ("Found", Room::Whole)];
        let mut table = Table::new(&columns, 1);
        let mut row = |outcome: &str, many: usize, found: &str, tone| {
            table.row([
                (outcome.to_owned(), tone),
                (format!("{many:>5}"), Tone::Plain),
                (found.to_owned(), Tone::Quiet),
            ]);
        };
        row("recorded", recorded, "", Tone::Good);
        if partial > 0 {
            row("recorded in part", partial, "", Tone::Good);
        }
        for ((phase, _), (code, many)) in &skipped {
            row(code.as_str(), *many, found(*phase), Tone::Bad);
        }
        self.output.line("")?;
        self.output.table(&table)?;
        let (calls, kept) = (outcomes.len(), recorded + partial);
        let zone = self.zone;
        let not = calls - kept;
        self.output.line("")?;
        self.output
            .line(&format!("{calls} calls: {kept} recorded, {not} not. Times in {zone}."))?;
        self.output.flush()
    }
}

/// Where a code is found.
const fn found(phase: Phase) -> &'static str {
    match phase {
        Phase::Planning => "while it was planned",
        Phase::Session => "in the meeting",
        Phase::Dial => "on the telephone",
        Phase::Import => "in what was recorded",
    }
}

impl Event {
    fn told<'a>(&'a self, at: DateTime<Utc>, call_id: &'a str, title: Option<&'a str>) -> Told<'a> {
        let (event, plan, by, code, length) = match self {
            Self::Planned(plan, _) => ("planned", Some(plan.as_str()), None, None, None),
            Self::Skipped(code) => ("skipped", None, None, Some(*code), None),
            Self::Reached(name, _) => (*name, None, None, None, None),
            Self::Acted(what, by) => (*what, None, Some(*by), None, None),
            Self::Recorded(length, None) => ("recorded", None, None, None, *length),
            Self::Recorded(length, code) => ("recorded_partial", None, None, *code, *length),
            Self::Ended(code) => ("ended", None, None, Some(*code), None),
        };
        let start = if let Self::Planned(_, start) = self { *start } else { None };
        Told {
            at: instant(at),
            call_id,
            title,
            event,
            plan,
            start: start.map(instant),
            by,
            skip_code: code.map(SkipCode::as_str),
            seconds: length.map(|length| length.num_seconds()),
        }
    }

    fn sentence(&self, zone: Tz) -> String {
        let lasting = |length: &Option<TimeDelta>| match length {
            Some(length) if *length >= TimeDelta::minutes(1) => {
                format!("{} min", length.num_minutes())
            }
            Some(length) => format!("{} s", length.num_seconds()),
            None => String::new(),
        };
        match self {
            Self::Planned(plan, Some(start)) => {
                format!("planned for {}: {plan}", start.with_timezone(&zone).format("%H:%M"))
            }
            Self::Planned(plan, None) => format!("planned: {plan}"),
            Self::Skipped(code) => format!("skipped {code}"),
            Self::Reached(_, words) => (*words).to_owned(),
            Self::Acted("stopped", by) => format!("stopped by {by}"),
            Self::Acted(_, by) => format!("taken back by {by}"),
            Self::Recorded(length, None) => format!("recorded {}", lasting(length)),
            Self::Recorded(length, Some(code)) => {
                format!("recorded {}, then {code}", lasting(length))
            }
            Self::Ended(code) => format!("ended in {code}"),
        }
    }
}
