//! How far calls have been decided again, as a bar or in lines.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use proto::orchestrator::v1::WatchRedecisionsResponse;
use proto::{Invalid, time};
use serde::Serialize;

use crate::output::json::instant;
use crate::output::table::printable;

/// How far the calls of a company have been decided again.
#[derive(Debug, Serialize)]
pub(crate) struct Redecision {
    company: String,
    policy_version: u64,
    total: u64,
    done: u64,
    changed: u64,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// For lines.
    #[serde(skip)]
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl TryFrom<WatchRedecisionsResponse> for Redecision {
    type Error = Invalid;

    fn try_from(step: WatchRedecisionsResponse) -> Result<Self, Invalid> {
        let started_at = time::optional("started_at", step.started_at.as_ref())?;
        let finished_at = time::optional("finished_at", step.finished_at.as_ref())?;
        Ok(Self {
            company: step.company,
            policy_version: step.policy_version,
            total: step.total,
            done: step.done,
            changed: step.changed,
            started_at: started_at.map(instant),
            finished_at: finished_at.map(instant),
            span: started_at.zip(finished_at),
        })
    }
}

impl Redecision {
    /// Whether it is over.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    /// It in a line.
    pub(crate) fn line(&self) -> String {
        let Self { company, policy_version, total, done, changed, .. } = self;
        let took = self.span.map(|(from, to)| {
            let seconds = (to - from).num_milliseconds().max(0) as f64 / 1_000.0;
            format!(", done in {seconds:.1} s")
        });
        let decisions = if *changed == 1 { "decision has" } else { "decisions have" };
        let line = format!(
            "{company}: version {policy_version}: {done} of {total} calls looked at, {changed} {decisions} changed{}",
            took.unwrap_or_default()
        );
        printable(&line).replace('\n', " ")
    }
}

/// A bar for each company whose calls are being decided again, on a terminal only.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
}

impl Bars {
    /// Shows how far it is now; a bar that is full goes away.
    pub(crate) fn show(&mut self, step: &Redecision) {
        if step.is_finished() {
            if let Some(bar) = self.bars.remove(&step.company) {
                bar.finish_and_clear();
            }
            return;
        }
        // How much there is to do is not known at first.
        if step.total == 0 {
            return;
        }
        let changed = format!("{} changed", step.changed);
        let all = &self.all;
        let bar = self.bars.entry(step.company.clone()).or_insert_with(|| {
            let bar = ProgressBar::hidden();
            let template = "{prefix} {wide_bar} {pos}/{len}, {per_sec}, {eta} left, {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_length(step.total);
            bar.set_message(changed.clone());
            // What was done before somebody looked says nothing about how fast it is.
            bar.set_position(step.done);
            bar.reset_eta();
            all.add(bar)
        });
        bar.set_prefix(printable(&format!("{} v{}", step.company, step.policy_version)));
        bar.set_length(step.total.max(step.done));
        bar.set_position(step.done);
        bar.set_message(changed);
    }

    /// Does something to the terminal that would disturb the bars.
    pub(crate) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.all.suspend(work)
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(done: u64, is_finished: bool) -> Redecision {
        let at = |seconds: i64| {
            Some(time::to_wire(DateTime::from_timestamp(1_772_445_600 + seconds, 0).unwrap()))
        };
        Redecision::try_from(WatchRedecisionsResponse {
            company: "acme".to_owned(),
            policy_version: 7,
            total: 1_000,
            done,
            changed: 1,
            started_at: at(0),
            finished_at: if is_finished { at(90) } else { None },
        })
        .unwrap()
    }

    #[test]
    fn a_step_is_a_line() {
        assert_eq!(
            step(400, false).line(),
            "acme: version 7: 400 of 1000 calls looked at, 1 decision has changed"
        );
        assert!(step(1_000, true).line().ends_with(", done in 90.0 s"));
    }

    #[test]
    fn a_step_is_an_object() {
        let json = serde_json::to_value(step(400, false)).unwrap();
        assert_eq!(json["done"], 400);
        assert_eq!(json["started_at"], "2026-03-02T10:00:00Z");
        assert!(json["finished_at"].is_null() && json.get("span").is_none());
    }

    #[test]
    fn a_bar_is_there_only_while_calls_are_being_decided_again() {
        let mut bars = Bars::default();
        bars.show(&step(1_000, true));
        assert!(bars.bars.is_empty());
        bars.show(&step(400, false));
        assert_eq!(bars.bars["acme"].position(), 400);
        bars.show(&step(1_000, true));
        assert!(bars.bars.is_empty());
    }
}
