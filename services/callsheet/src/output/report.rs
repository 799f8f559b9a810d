//! What became of the calls of a period, for people, for programs and for spreadsheets.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use decision::SkipCode;
use proto::Invalid;
use proto::orchestrator::v1::{CallOutcome, CallStatus, OutcomeCount, ReportSummary};
use proto::{time, verdict};
use serde::Serialize;

use crate::output::calls::first_sentence;
use crate::output::json::instant;
use crate::output::table::{Room, Table, Tone};

/// From this many columns on provider, owner and reason have columns of their own.
const WIDE: u16 = 110;

/// A call of a report.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    call_id: String,
    ical_uid: Option<String>,
    recurrence_id: Option<String>,
    title: Option<String>,
    start: String,
    end: Option<String>,
    provider: Option<&'static str>,
    outcome: &'static str,
    skip_code: Option<String>,
    owner: Option<String>,
    description: Option<String>,
    remedy: Option<String>,
    revision: u64,
    decided_at: Option<String>,
    /// For tables.
    #[serde(skip)]
    at: DateTime<Utc>,
}

impl TryFrom<CallStatus> for Line {
    type Error = Invalid;

    fn try_from(call: CallStatus) -> Result<Self, Invalid> {
        let key = call.key.unwrap_or_default();
        let at = time::required("start", call.start.as_ref())?;
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        let moment = |field, at: Option<_>| Ok(time::optional(field, at)?.map(instant));
        Ok(Self {
            call_id: call.call_id,
            ical_uid: key.ical_uid,
            recurrence_id: moment("recurrence_id", key.recurrence_id.as_ref())?,
            title: call.title,
            start: instant(at),
            end: moment("end", call.end.as_ref())?,
            provider: verdict::provider("provider", call.provider)?
                .map(|provider| provider.as_str()),
            outcome: outcome(call.outcome)?,
            skip_code: code(call.code, call.spelling),
            owner: filled(call.owner),
            description: filled(call.description),
            remedy: filled(call.remedy),
            revision: call.revision,
            decided_at: moment("decided_at", call.decided_at.as_ref())?,
            at,
        })
    }
}

/// What programs call an outcome.
pub(crate) fn outcome(value: i32) -> Result<&'static str, Invalid> {
    match CallOutcome::try_from(value) {
        Ok(CallOutcome::Planned) => Ok("planned"),
        Ok(CallOutcome::Skipped) => Ok("skipped"),
        Ok(CallOutcome::Pending) => Ok("pending"),
        Ok(CallOutcome::Recorded) => Ok("recorded"),
        Ok(CallOutcome::RecordedPartial) => Ok("recorded_partial"),
        Ok(CallOutcome::Unspecified) | Err(_) => Err(Invalid::Enum { field: "outcome", value }),
    }
}

/// The code of a call, also one of a newer server; none where there is none.
pub(crate) fn code(number: i32, spelling: String) -> Option<String> {
    match (number, spelling.as_str()) {
        (0, "") => None,
        (number, "") => Some(
            SkipCode::from_number(number)
                .map_or_else(|| format!("code {number}"), |code| code.as_str().to_owned()),
        ),
        _ => Some(spelling),
    }
}

/// An outcome for people: the code where there is one.
pub(crate) fn told(outcome: &str, code: Option<&str>) -> (String, Tone) {
    let tone = match outcome {
        "planned" => Tone::Good,
        "pending" => Tone::Waiting,
        _ => Tone::Bad,
    };
    (code.unwrap_or(outcome).to_owned(), tone)
}

/// Names of the columns for spreadsheets, which are also the keys for programs.
pub(crate) const COLUMNS: [&str; 14] = [
    "call_id",
    "ical_uid",
    "recurrence_id",
    "title",
    "start",
    "end",
    "provider",
    "outcome",
    "skip_code",
    "owner",
    "description",
    "remedy",
    "revision",
    "decided_at",
];

impl Line {
    /// Its cells for spreadsheets; what is absent is empty.
    pub(crate) fn cells(self) -> [String; 14] {
        let or_empty = Option::unwrap_or_default;
        [
            self.call_id,
            or_empty(self.ical_uid),
            or_empty(self.recurrence_id),
            or_empty(self.title),
            self.start,
            or_empty(self.end),
            self.provider.unwrap_or_default().to_owned(),
            self.outcome.to_owned(),
            or_empty(self.skip_code),
            or_empty(self.owner),
            or_empty(self.description),
            or_empty(self.remedy),
            self.revision.to_string(),
            or_empty(self.decided_at),
        ]
    }

    /// Its row for people.
    pub(crate) fn row(self, zone: Tz, width: u16) -> Vec<(String, Tone)> {
        let start = self.at.with_timezone(&zone).format("%a %d %b %Y %H:%M").to_string();
        let title = match self.title {
            Some(title) if title.trim().is_empty() => "(no title)".to_owned(),
            Some(title) => title,
            None => "(not shown)".to_owned(),
        };
        let (outcome, tone) = told(self.outcome, self.skip_code.as_deref());
        let owner = self.owner.unwrap_or_default();
        let mut cells = vec![(start, Tone::Plain), (title, Tone::Plain), (outcome, tone)];
        if width >= WIDE {
            let why = self.description.unwrap_or_default();
            cells.push((self.provider.unwrap_or_default().to_owned(), Tone::Quiet));
            cells.push((owner, Tone::Plain));
            cells.push((first_sentence(&why).to_owned(), Tone::Quiet));
        } else if let Some((told, _)) = cells.last_mut()
            && !owner.is_empty()
        {
            told.push_str(&format!("\n{owner}"));
        }
        cells
    }
}

/// A table for such rows, without any.
pub(crate) fn table(width: u16) -> Table {
    let start = ("Start", Room::Whole);
    if width >= WIDE {
        Table::new(
            &[
                start,
                ("Call", Room::AtMost(32)),
                ("Outcome", Room::Whole),
                ("Provider", Room::AtMost(11)),
                ("Owner", Room::AtMost(16)),
                ("Why", Room::Rest),
            ],
            2,
        )
    } else {
        Table::new(&[start, ("Call", Room::AtMost(22)), ("Outcome", Room::Rest)], 2)
    }
}

/// A report, counted.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) calls: u64,
    pub(crate) outcomes: Vec<Count>,
}

/// How many calls have an outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    outcome: &'static str,
    skip_code: Option<String>,
    calls: u64,
    share: f64,
}

impl TryFrom<ReportSummary> for Summary {
    type Error = Invalid;

    fn try_from(summary: ReportSummary) -> Result<Self, Invalid> {
        let count = |one: OutcomeCount| {
            Ok(Count {
                outcome: outcome(one.outcome)?,
                skip_code: code(one.code, one.spelling),
                calls: one.calls,
                share: one.share,
            })
        };
        Ok(Self {
            calls: summary.calls,
            outcomes: summary.outcomes.into_iter().map(count).collect::<Result<_, _>>()?,
        })
    }
}

/// Names of the columns of a summary for spreadsheets.
pub(crate) const SUMMARY_COLUMNS: [&str; 4] = ["outcome", "skip_code", "calls", "share"];

impl Count {
    /// Its cells for spreadsheets.
    pub(crate) fn cells(self) -> [String; 4] {
        let Self { outcome, skip_code, calls, share } = self;
        [outcome.to_owned(), skip_code.unwrap_or_default(), calls.to_string(), share.to_string()]
    }
}

/// A summary as a table for people; none where nothing was counted.
pub(crate) fn summary(summary: &Summary) -> Option<Table> {
    let header = [("Outcome", Room::Whole), (" Calls", Room::Whole), (" Share", Room::Whole)];
    let mut table = Table::new(&header, 1);
    let width = summary.calls.to_string().len().max(" Calls".len());
    for count in &summary.outcomes {
        table.row([
            told(count.outcome, count.skip_code.as_deref()),
            (format!("{:>width$}", count.calls), Tone::Plain),
            (format!("{:>5.1}%", count.share * 100.0), Tone::Quiet),
        ]);
    }
    (!summary.outcomes.is_empty()).then_some(table)
}

#[cfg(test)]
mod tests {
    use proto::orchestrator::v1 as wire;

    use super::*;

    fn call(title: Option<&str>, outcome: CallOutcome) -> CallStatus {
        CallStatus {
            call_id: "c1".to_owned(),
            key: Some(proto::verdict::v1::CallKey {
                ical_uid: Some("a@acme.example".to_owned()),
                recurrence_id: None,
            }),
            title: title.map(str::to_owned),
            start: Some(time::to_wire(DateTime::from_timestamp(1_772_445_600, 0).unwrap())),
            provider: verdict::v1::Provider::Zoom.into(),
            outcome: outcome.into(),
            owner: "ada".to_owned(),
            revision: 3,
            ..CallStatus::default()
        }
    }

    fn skipped() -> CallStatus {
        let meta = SkipCode::NoUrl.meta();
        CallStatus {
            code: wire_code(SkipCode::NoUrl),
            spelling: "NO_URL".to_owned(),
            description: meta.description.to_owned(),
            remedy: meta.remedy.to_owned(),
            ..call(Some("=cmd"), CallOutcome::Skipped)
        }
    }

    fn wire_code(code: SkipCode) -> i32 {
        proto::skip::v1::SkipCode::from(code).into()
    }

    #[test]
    fn columns_are_the_keys_in_their_order() {
        let line = Line::try_from(skipped()).unwrap();
        let json = serde_json::to_string(&line).unwrap();
        let places: Vec<_> =
            COLUMNS.iter().map(|name| json.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{json}");
        assert_eq!(line.cells()[8], "NO_URL");
    }

    #[test]
    fn a_call_without_a_title_to_show_says_so() {
        for (title, shown) in [(None, "(not shown)"), (Some(" "), "(no title)"), (Some("A"), "A")] {
            let line = Line::try_from(call(title, CallOutcome::Planned)).unwrap();
            assert_eq!(line.row(Tz::UTC, 120)[1].0, shown);
        }
    }

    #[test]
    fn a_row_has_as_many_cells_as_its_table_has_columns_and_fits() {
        for width in [80, 100, 109, 110, 200] {
            let mut table = table(width);
            for _ in 0..3 {
                let mut call = skipped();
                call.code = wire_code(SkipCode::InternalMeetingRecordingDisabled);
                call.spelling = SkipCode::InternalMeetingRecordingDisabled.as_str().to_owned();
                table.row(Line::try_from(call).unwrap().row(Tz::UTC, width));
            }
            let text = table.draw(width, false);
            assert!(text.contains("INTERNAL_MEETING_RECORDING_DISABLED"), "{text}");
            assert!(text.contains("ada") && text.contains("Mon 02 Mar 2026 10:00"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
        }
    }

    #[test]
    fn a_code_of_a_newer_server_is_shown_as_it_is_spelled() {
        assert_eq!(code(9_999, "BRAND_NEW".to_owned()).unwrap(), "BRAND_NEW");
        assert_eq!(code(9_999, String::new()).unwrap(), "code 9999");
        assert_eq!(code(wire_code(SkipCode::NoUrl), String::new()).unwrap(), "NO_URL");
        assert_eq!(code(0, String::new()), None);
        assert!(outcome(0).is_err() && outcome(77).is_err());
    }

    #[test]
    fn a_summary_has_counts_and_shares_under_each_other() {
        let count = |outcome: CallOutcome, code: Option<SkipCode>, calls, share| OutcomeCount {
            outcome: outcome.into(),
            code: code.map_or(0, wire_code),
            spelling: code.map(|code| code.to_string()).unwrap_or_default(),
            calls,
            share,
        };
        let told = wire::ReportSummary {
            calls: 1_000_000,
            outcomes: vec![
                count(CallOutcome::Planned, None, 999_993, 0.999_993),
                count(CallOutcome::Skipped, Some(SkipCode::NoUrl), 7, 0.000_007),
            ],
        };
        let told = Summary::try_from(told).unwrap();
        let text = summary(&told).unwrap().draw(80, false);
        assert_eq!(
            text,
            "Outcome   Calls    Share\n────────────────────────\nplanned   999993  100.0%\nNO_URL         7    0.0%"
        );
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["outcomes"][1]["skip_code"], "NO_URL");
        assert!(summary(&Summary { calls: 0, outcomes: Vec::new() }).is_none());
    }
}
