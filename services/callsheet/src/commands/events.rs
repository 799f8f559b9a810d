//! `callsheet events`: meetings as they are understood.

use calendar::{
    Context, Format, Occurrence, Participation, Person, PersonKind, Problem, Status, Window,
};
use chrono_tz::Tz;

use crate::args::Events;
use crate::error::Error;
use crate::input::{self, Payload};
use crate::output::progress::Progress;
use crate::output::table::{Room, Table, Tone};
use crate::output::{Output, json};
use crate::trouble::{self, Trouble};

/// From this many columns on there is room for the organizer.
const WIDE: u16 = 100;

pub(crate) fn run(arguments: &Events) -> Result<(), Error> {
    if arguments.from >= arguments.to {
        return Err(Error::Usage("`--from` must be before `--to`".to_owned()));
    }
    let payloads = input::read_all(&arguments.calendars, input::CALENDAR)?;
    let zone = arguments.time_zone;
    let context = Context { floating_zone: zone.name() };
    let progress = Progress::new(payloads.len() + 1);
    let mut events = Vec::new();
    let mut errors = Vec::new();
    for Payload { name, bytes } in payloads {
        progress.doing(&name);
        match parse(&name, &bytes, &context) {
            Ok(parsed) => {
                tell(&progress, &name, &parsed.problems);
                events.extend(parsed.events);
            }
            Err(error) => errors.push(error),
        }
        progress.step();
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    progress.doing("laying out occurrences");
    let window = Window { from: arguments.from, to: arguments.to };
    let expansion = calendar::expand(&events, window, &context);
    tell(&progress, "", &expansion.problems);
    drop(progress);

    let mut meetings = expansion.occurrences;
    meetings.sort_by(|a, b| {
        (a.start, &a.details.uid, a.recurrence_id).cmp(&(b.start, &b.details.uid, b.recurrence_id))
    });
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        for meeting in &meetings {
            output.json(&event(meeting))?;
        }
    } else {
        print(&mut output, &meetings, zone)?;
    }
    output.flush()
}

fn parse(name: &str, bytes: &[u8], context: &Context<'_>) -> Result<calendar::Parsed, Error> {
    let file = || name.to_owned();
    let format = Format::detect(bytes).ok_or_else(|| Error::UnknownFormat { file: file() })?;
    calendar::parse(format, bytes, context)
        .map_err(|source| Error::Calendar { file: file(), source })
}

fn tell(progress: &Progress, name: &str, problems: &[Problem]) {
    for problem in problems {
        progress.tell(&trouble::told(&Trouble {
            source: name,
            place: &problem.place.to_string(),
            uid: problem.uid.as_deref(),
            reason: reason(problem),
            text: &problem.text,
            dropped: problem.severity == calendar::Severity::Dropped,
        }));
    }
}

/// The reason by the name it has in JSON.
fn reason(problem: &Problem) -> String {
    match serde_json::to_value(problem.reason) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn event(meeting: &Occurrence) -> json::Event {
    let details = &meeting.details;
    let (start, end) = match meeting.dates {
        Some((first, after)) => (first.to_string(), Some(after.to_string())),
        None => (json::instant(meeting.start), meeting.end.map(json::instant)),
    };
    json::Event {
        ical_uid: details.uid.clone(),
        recurrence_id: meeting.recurrence_id.map(json::instant),
        start,
        end,
        all_day: meeting.dates.is_some(),
        status: status(meeting),
        title: details.title.clone(),
        organizer: details.organizer.as_ref().and_then(|organizer| organizer.address.clone()),
        attendees: details.attendees.iter().map(attendee).collect(),
    }
}

fn status(meeting: &Occurrence) -> &'static str {
    match (meeting.cancelled, meeting.details.status) {
        (true, _) | (_, Status::Cancelled) => "cancelled",
        (false, Status::Confirmed) => "confirmed",
        (false, Status::Tentative) => "tentative",
    }
}

fn attendee(person: &Person) -> json::Attendee {
    json::Attendee {
        address: person.address.clone(),
        kind: match person.kind {
            PersonKind::Individual => "individual",
            PersonKind::Group => "group",
            PersonKind::Room => "room",
            PersonKind::Resource => "resource",
        },
        status: match person.participation {
            Participation::NeedsAction => "needs_action",
            Participation::Accepted => "accepted",
            Participation::Declined => "declined",
            Participation::Tentative => "tentative",
            Participation::Delegated => "delegated",
        },
    }
}

fn print(output: &mut Output, meetings: &[Occurrence], zone: Tz) -> Result<(), Error> {
    let mut columns = vec![
        ("Start", Room::Whole),
        ("End", Room::Whole),
        ("Status", Room::Whole),
        ("Invited", Room::Whole),
        ("Title", Room::Rest),
    ];
    let wide = output.width >= WIDE;
    if wide {
        columns.push(("Organizer", Room::Rest));
    }
    let mut table = Table::new(&columns, 2);
    for meeting in meetings {
        let (start, end) = match meeting.dates {
            Some((first, after)) => (
                first.format("%a %d %b %Y").to_string(),
                if Some(after) == first.succ_opt() {
                    "all day".to_owned()
                } else {
                    after.pred_opt().unwrap_or(after).format("%a %d %b").to_string()
                },
            ),
            None => {
                let start = meeting.start.with_timezone(&zone);
                let end = meeting.end.map(|end| end.with_timezone(&zone));
                let end = end.map_or_else(
                    || "–".to_owned(),
                    |end| {
                        let same = end.date_naive() == start.date_naive();
                        end.format(if same { "%H:%M" } else { "%a %d %b %H:%M" }).to_string()
                    },
                );
                (start.format("%a %d %b %Y %H:%M").to_string(), end)
            }
        };
        let details = &meeting.details;
        let tone = if meeting.cancelled { Tone::Quiet } else { Tone::Plain };
        let organizer = details.organizer.as_ref().and_then(|one| one.address.clone());
        let mut cells = vec![
            (start, tone),
            (end, tone),
            (status(meeting).to_owned(), tone),
            (details.attendees.len().to_string(), tone),
            (details.title.clone().unwrap_or_default(), tone),
        ];
        if wide {
            cells.push((organizer.unwrap_or_else(|| "–".to_owned()), tone));
        }
        table.row(cells);
    }
    if !meetings.is_empty() {
        output.table(&table)?;
        output.line("")?;
    }
    let count = meetings.len();
    output.line(&format!("{count} meeting{}, times in {zone}.", if count == 1 { "" } else { "s" }))
}
