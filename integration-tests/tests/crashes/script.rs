//! What happens in the conferences: every way in which a bot can end, and a few that end well.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use decision::session::ways::{Step, WAYS};
use decision::session::{Means, Signal};
use decision::skip_code::Phase;
use integration_tests::chaos::op::{Room, Sketch};
use integration_tests::scenario;
use serde_json::{Value, json};

/// Seconds between the starts of one half of the calls and the other.
const APART: i64 = 7 * 60;

/// The length of a meeting, in seconds.
const LENGTH: i64 = 30 * 60;

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tell {
    pub(crate) at: DateTime<Utc>,
    pub(crate) signal: Signal,
    /// Of a recording.
    pub(crate) length: Option<TimeDelta>,
}

/// A call, and what is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    pub(crate) sketch: Sketch,
    /// What it is called in messages.
    pub(crate) name: String,
    pub(crate) tells: VecDeque<Tell>,
}

/// A signal: seconds from the planned start, and those of the recording it tells of.
type Said = (i64, Signal, Option<i64>);

/// Signals of a recording from its first minute to its last, and of one that breaks off.
const RECORDED: &[Said] = &[
    (-115, Signal::Launched, None),
    (-110, Signal::Joining, None),
    (-70, Signal::InLobby, None),
    (-60, Signal::Admitted, None),
    (-59, Signal::InCall, None),
    (-50, Signal::RecordingStarted, None),
    (0, Signal::CompanyPresent, None),
    (1_800, Signal::MeetingEnded, None),
    (1_801, Signal::Left, None),
    (1_830, Signal::FilesReady, None),
    (1_840, Signal::Imported, Some(1_850)),
];
const BROKEN_OFF: &[Said] = &[
    (-110, Signal::Joining, None),
    (-59, Signal::InCall, None),
    (6, Signal::RecordingStarted, None),
    (900, Signal::Removed, None),
    (930, Signal::FilesReady, None),
    (960, Signal::Imported, Some(894)),
];

/// What comes of those two.
pub(crate) const RECORDINGS: [(&str, &str); 2] =
    [("recorded", "recorded"), ("broken off", "recorded_partial")];

/// All calls, begun at `beginning` plus an hour and a little later, each with an owner of its own.
pub(crate) fn calls(beginning: DateTime<Utc>) -> Vec<Played> {
    let mut all: Vec<(String, Means, Vec<Said>)> = Vec::new();
    for way in WAYS {
        let means = match way.means {
            [means @ (Means::Bot | Means::LocalBot)] => *means,
            _ => continue,
        };
        // What the orchestrator finds out by itself is not for a bot to tell.
        if way.announcement || way.code.meta().phase == Phase::Planning {
            continue;
        }
        let steps = way.steps.iter().map(|step| match *step {
            Step::Hear(at, signal) => (at, signal, None),
            Step::Import(at, length) => (at, Signal::Imported, Some(length)),
        });
        all.push((way.code.as_str().to_owned(), means, steps.collect()));
    }
    for number in 0..8 {
        let [recorded, broken_off] = RECORDINGS.map(|(name, _)| name);
        let (name, steps) =
            if number % 2 == 0 { (recorded, RECORDED) } else { (broken_off, BROKEN_OFF) };
        let means = if number < 6 { Means::Bot } else { Means::LocalBot };
        all.push((format!("{name} {number}"), means, steps.to_vec()));
    }
    all.into_iter()
        .enumerate()
        .map(|(number, (name, means, steps))| {
            let id = u32::try_from(number).unwrap_or_default();
            let room = if means == Means::LocalBot { Room::Zoom(id) } else { Room::Teams(id) };
            let start = 3_600 + if number % 2 == 0 { 0 } else { APART };
            let sketch = Sketch {
                number,
                lane: 0,
                sequence: 0,
                start,
                length: LENGTH,
                room,
                organizer: format!("member-{number}@acme.example"),
                attendees: vec![("kim@customer.example".to_owned(), false)],
                title: "Renewal",
                cancelled: false,
                private: false,
                weekly: false,
            };
            let tells = steps.into_iter().map(|(at, signal, length)| Tell {
                at: beginning + TimeDelta::seconds(start + at),
                signal,
                length: length.map(TimeDelta::seconds),
            });
            Played { sketch, name, tells: tells.collect() }
        })
        .collect()
}

/// The company with an owner for each call.
pub(crate) fn company(calls: usize) -> anyhow::Result<Value> {
    let mut company = scenario::base()?;
    let member = |number: usize| {
        let address = format!("member-{number}@acme.example");
        json!({
            "id": format!("member-{number}"),
            "emails": [address],
            "zoom": { "email": address, "licensed": true, "auto_recording": true,
                      "local_recording": true, "active": true },
        })
    };
    let change = json!({
        "settings": { "providers": { "zoom": { "method": "local" } } },
        "members": (0..calls).map(member).collect::<Vec<_>>(),
    });
    scenario::patch(&mut company, &change);
    Ok(company)
}
