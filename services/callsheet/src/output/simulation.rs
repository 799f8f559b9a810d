//! What a company file would change, for people and for programs.

use chrono_tz::Tz;
use proto::Invalid;
use proto::orchestrator::v1::{OutcomeChange, SimulatedChange, SimulationSummary};
use serde::Serialize;

use crate::output::calls::{decision, owner, start, title, why_alone};
use crate::output::json::Call;
use crate::output::report::{code, outcome, told};
use crate::output::table::{Room, Table, Tone};

/// From this many columns on both decisions have columns of their own.
const WIDE: u16 = 140;

/// A call whose decision would change.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    before: Option<Call>,
    after: Call,
}

impl TryFrom<SimulatedChange> for Change {
    type Error = Invalid;

    fn try_from(change: SimulatedChange) -> Result<Self, Invalid> {
        Ok(Self {
            before: change.before.map(Call::try_from).transpose()?,
            after: change.after.ok_or(Invalid::Missing("change.after"))?.try_into()?,
        })
    }
}

impl Change {
    /// Its row for people.
    pub(crate) fn row(&self, zone: Tz, width: u16) -> Vec<(String, Tone)> {
        let Self { before, after } = self;
        let (from, was) =
            before.as_ref().map_or_else(|| ("undecided".to_owned(), Tone::Quiet), decision);
        let (to, tone) = decision(after);
        let why = self.why();
        let mut cells = vec![(start(after, zone), Tone::Plain), (title(after), Tone::Plain)];
        if width >= WIDE {
            cells.extend([(from, was), (to, tone), (why, Tone::Quiet)]);
        } else {
            let told = format!("{from} → {to}\n{why}");
            cells.push((told.trim_end().to_owned(), tone));
        }
        cells
    }

    /// Why it would be decided otherwise, or, where the word for both is the same, what differs.
    fn why(&self) -> String {
        let Some(before) = &self.before else { return why_alone(&self.after) };
        if decision(before).0 != decision(&self.after).0 {
            return why_alone(&self.after);
        }
        let differences = differences(before, &self.after);
        if differences.is_empty() { why_alone(&self.after) } else { differences.join("; ") }
    }
}

/// What differs between two decisions, each thing in few words.
fn differences(before: &Call, after: &Call) -> Vec<String> {
    let mut found = Vec::new();
    let mut differs = |what: &str, before: String, after: String| {
        if before != after {
            let shown = |text: String| if text.is_empty() { "none".to_owned() } else { text };
            found.push(format!("{what}: {} → {}", shown(before), shown(after)));
        }
    };
    let of_plan = |call: &Call, text: fn(&crate::output::json::Plan) -> String| {
        call.plan.as_ref().map(text).unwrap_or_default()
    };
    differs("owner", owner(before), owner(after));
    let adapter: fn(&crate::output::json::Plan) -> String = |plan| plan.adapter.to_owned();
    differs("adapter", of_plan(before, adapter), of_plan(after, adapter));
    let join: fn(&crate::output::json::Plan) -> String =
        |plan| plan.join_at.clone().unwrap_or_default();
    differs("joins", of_plan(before, join), of_plan(after, join));
    let fallbacks: fn(&crate::output::json::Plan) -> String = |plan| plan.fallbacks.join(", ");
    differs("fallbacks", of_plan(before, fallbacks), of_plan(after, fallbacks));
    differs("also", before.also.join(", "), after.also.join(", "));
    differs("lifted", before.lifted.join(", "), after.lifted.join(", "));
    let words = |warnings: &[&str]| warnings.join(", ").replace('_', " ");
    differs("warnings", words(&before.warnings), words(&after.warnings));
    let reason = |call: &Call| call.sub_reason.clone().unwrap_or_default().replace('_', " ");
    differs("reason", reason(before), reason(after));
    let related = |call: &Call| call.related_code.unwrap_or_default().to_owned();
    differs("related", related(before), related(after));
    let details = |call: &Call| if call.import_details { "imported" } else { "not imported" };
    differs("details", details(before).to_owned(), details(after).to_owned());
    found
}

/// A table for such rows, without any.
pub(crate) fn table(width: u16) -> Table {
    let start = ("Start", Room::Whole);
    if width >= WIDE {
        let columns = [
            start,
            ("Call", Room::AtMost(28)),
            ("Before", Room::Whole),
            ("After", Room::Whole),
            ("Why", Room::Rest),
        ];
        Table::new(&columns, 2)
    } else {
        Table::new(&[start, ("Call", Room::AtMost(22)), ("Before → after", Room::Rest)], 4)
    }
}

/// Everything counted.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) decided: u64,
    pub(crate) changed: u64,
    pub(crate) policy_version: u64,
    pub(crate) outcomes: Vec<Count>,
}

/// Calls with an outcome, before and after.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    outcome: &'static str,
    skip_code: Option<String>,
    before: u64,
    after: u64,
    difference: i128,
}

impl TryFrom<SimulationSummary> for Summary {
    type Error = Invalid;

    fn try_from(summary: SimulationSummary) -> Result<Self, Invalid> {
        let count = |one: OutcomeChange| {
            Ok(Count {
                outcome: outcome(one.outcome)?,
                skip_code: code(one.code, one.spelling),
                before: one.before,
                after: one.after,
                difference: i128::from(one.after) - i128::from(one.before),
            })
        };
        Ok(Self {
            decided: summary.decided,
            changed: summary.changed,
            policy_version: summary.policy_version,
            outcomes: summary.outcomes.into_iter().map(count).collect::<Result<_, _>>()?,
        })
    }
}

/// A summary as a table for people; none where nothing was counted.
pub(crate) fn summary(summary: &Summary) -> Option<Table> {
    let header = [
        ("Outcome", Room::Whole),
        ("  Before", Room::Whole),
        ("   After", Room::Whole),
        ("Difference", Room::Whole),
    ];
    let mut table = Table::new(&header, 1);
    let width = 8.max(summary.decided.to_string().len());
    for count in &summary.outcomes {
        let difference = match count.difference {
            0 => "0".to_owned(),
            some => format!("{some:+}"),
        };
        let tone = if count.difference == 0 { Tone::Quiet } else { Tone::Plain };
        table.row([
            told(count.outcome, count.skip_code.as_deref()),
            (format!("{:>width$}", count.before), Tone::Plain),
            (format!("{:>width$}", count.after), Tone::Plain),
            (format!("{difference:>10}"), tone),
        ]);
    }
    (!summary.outcomes.is_empty()).then_some(table)
}

#[cfg(test)]
mod tests {
    use proto::orchestrator::v1::{CallOutcome, Decision, DecisionKind, Plan};
    use proto::provider::v1::{Adapter, Method};
    use proto::verdict::v1::Finding;

    use super::*;

    fn planned(owner: &str) -> Decision {
        Decision {
            kind: DecisionKind::Plan.into(),
            title: Some("Offer".to_owned()),
            start: Some(proto::time::to_wire(
                chrono::DateTime::from_timestamp(1_772_445_600, 0).unwrap(),
            )),
            import_details: true,
            plan: Some(Plan {
                method: Method::Native.into(),
                adapter: Adapter::ZoomNative.into(),
                owner: owner.to_owned(),
                ..Plan::default()
            }),
            ..Decision::default()
        }
    }

    fn skipped(code: decision::SkipCode) -> Decision {
        Decision {
            kind: DecisionKind::Skip.into(),
            plan: None,
            primary: Some(Finding {
                code: proto::skip::v1::SkipCode::from(code).into(),
                ..Finding::default()
            }),
            ..planned("ada")
        }
    }

    fn change(before: Option<Decision>, after: Decision) -> Change {
        SimulatedChange { before, after: Some(after) }.try_into().unwrap()
    }

    #[test]
    fn a_change_is_told_from_what_to_what_and_why() {
        let code = decision::SkipCode::InternalMeetingRecordingDisabled;
        let change = change(Some(planned("ada")), skipped(code));
        for width in [80, 139, 140, 200] {
            let mut table = table(width);
            table.row(change.row(Tz::UTC, width));
            let text = table.draw(width, false);
            assert!(text.contains("record: native") && text.contains(code.as_str()), "{text}");
            assert!(text.contains("Offer") && text.contains("Everybody"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
        }
    }

    #[test]
    fn what_differs_is_told_where_the_word_is_the_same() {
        assert_eq!(change(Some(planned("ada")), planned("bob")).why(), "owner: ada → bob");
        let mut later = planned("ada");
        later.also = skipped(decision::SkipCode::NoUrl).primary.into_iter().collect();
        assert_eq!(change(Some(planned("ada")), later).why(), "also: none → NO_URL");
    }

    #[test]
    fn a_call_without_a_decision_so_far_is_undecided() {
        let row = change(None, planned("ada")).row(Tz::UTC, 200);
        assert_eq!(row[2].0, "undecided");
    }

    #[test]
    fn a_change_without_what_it_becomes_is_refused() {
        assert!(Change::try_from(SimulatedChange::default()).is_err());
    }

    #[test]
    fn a_summary_has_differences_with_their_sign() {
        let one = |outcome: CallOutcome, spelling: &str, before, after| OutcomeChange {
            outcome: outcome.into(),
            code: 0,
            spelling: spelling.to_owned(),
            before,
            after,
        };
        let told = Summary::try_from(SimulationSummary {
            decided: 12,
            changed: 3,
            policy_version: 4,
            outcomes: vec![
                one(CallOutcome::Planned, "", 9, 6),
                one(CallOutcome::Skipped, "NO_URL", 3, 3),
                one(CallOutcome::Skipped, "N/A", 0, 3),
            ],
        })
        .unwrap();
        assert_eq!(
            summary(&told).unwrap().draw(80, false),
            "Outcome    Before     After  Difference\n\
             ───────────────────────────────────────\n\
             planned         9         6          -3\n\
             NO_URL          3         3           0\n\
             N/A             0         3          +3"
        );
        assert_eq!(serde_json::to_value(&told).unwrap()["outcomes"][0]["difference"], -3);
    }
}
