//! What is done to the system: operations as data, made from a seed alone.
//!
//! The generator keeps what the calendars and the company file say by its own account, so that an operation never depends
//! on an answer. Instants are relative to the beginning of the run.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use decision::CompanyFile;
use serde_json::{Value, json};

use super::random::Random;
use crate::{placeholder, scenario};

/// Lanes of operations on meetings: what concerns one meeting stays in one lane and in order.
pub const LANES: usize = 6;

/// Members that may own calls. The company of the scenarios has others besides.
const OWNERS: [&str; 12] =
    ["ada", "bob", "fay", "ida", "jim", "kay", "lea", "max", "nia", "oto", "pam", "ria"];

/// Members who may ask for recordings.
const ASKERS: [&str; 3] = ["ada", "ida", "gus"];

/// People outside.
const GUESTS: [&str; 4] =
    ["kim@customer.example", "lee@customer.example", "pat@rival.example", "sam@elsewhere.example"];

/// Where consent links lead.
pub const CONSENT_HOST: &str = "consent.acme.example";

/// Seconds of a minute, an hour, a day.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Meetings start this many seconds after the beginning at the earliest, but for those that begin while a run lasts.
const EARLIEST: i64 = 12 * HOUR;

/// Half hours in which meetings start: sixteen a day over twelve days.
const SLOTS: usize = 192;

/// Of a hundred new meetings so many begin while a run lasts, if any do.
const SOON: u64 = 30;

/// Seconds before its start at which somebody is sent to a call, and after it at which nobody is any more.
pub const AHEAD: i64 = 2;
/// See [`AHEAD`].
pub const LATEST: i64 = 6;

/// Meetings of each lane once the faults are over.
const AFTERWARDS: usize = 3;

/// Where a meeting takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A conference of Zoom.
    Zoom(u32),
    /// The same behind a consent link of the type that the profile wants.
    Consented(u32),
    /// The same behind a consent link of another type.
    WronglyConsented(u32),
    /// A conference of Teams.
    Teams(u32),
    /// A personal room of Webex.
    Webex(u32),
    /// A provider that the company has switched off.
    Meet,
    /// A provider nobody can record.
    Unsupported,
    /// Nowhere.
    None,
}

impl Room {
    fn text(self) -> String {
        let zoom = |number: u32| format!("https://zoom.us/j/9{number:010}");
        match self {
            Self::Zoom(number) => zoom(number),
            Self::Consented(number) => format!("{{{{consent:static:{}}}}}", zoom(number)),
            Self::WronglyConsented(number) => format!("{{{{consent:dynamic:{}}}}}", zoom(number)),
            Self::Teams(number) => {
                format!(
                    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_room{number}%40thread.v2/0"
                )
            }
            Self::Webex(number) => format!("https://acme.webex.com/meet/room{number}"),
            Self::Meet => "https://meet.google.com/abc-defg-hij".to_owned(),
            Self::Unsupported => "https://meet.jit.si/chaos".to_owned(),
            Self::None => String::new(),
        }
    }

    /// The links that lead there, as they are found in the calendar.
    ///
    /// # Errors
    /// A link cannot be signed.
    pub fn links(self) -> anyhow::Result<Vec<conference::Link>> {
        let text = placeholder::filled(&self.text())?;
        Ok(conference::find_with(&text, Some(CONSENT_HOST)))
    }
}

/// How often what is held weekly is held.
pub const TIMES: i64 = 2;

/// What the calendar says of a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Which meeting.
    pub number: usize,
    /// The lane of all that concerns it.
    pub lane: usize,
    /// Its revision in the calendar.
    pub sequence: u32,
    /// Seconds from the beginning of the run to its start.
    pub start: i64,
    /// Its length in seconds.
    pub length: i64,
    /// Where it takes place.
    pub room: Room,
    /// Address of the organizer.
    pub organizer: String,
    /// Addresses of those invited, and whether they declined.
    pub attendees: Vec<(String, bool)>,
    /// Title.
    pub title: &'static str,
    /// It was called off.
    pub cancelled: bool,
    /// It is nobody's business.
    pub private: bool,
    /// It is held [`TIMES`], a week apart.
    pub weekly: bool,
}

impl Sketch {
    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> String {
        uid(self.number)
    }

    /// Its start and its end; of a series, those of its first occurrence.
    #[must_use]
    pub fn period(&self, beginning: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = beginning + TimeDelta::seconds(self.start);
        (start, start + TimeDelta::seconds(self.length))
    }

    /// Writes it as a component of a calendar.
    fn write(&self, beginning: DateTime<Utc>, into: &mut String) -> anyhow::Result<()> {
        let form = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ");
        let (start, end) = self.period(beginning);
        let stamp = beginning + TimeDelta::seconds(i64::from(self.sequence));
        write!(into, "BEGIN:VEVENT\r\nUID:{}\r\nSEQUENCE:{}\r\n", self.uid(), self.sequence)?;
        write!(into, "DTSTAMP:{}\r\nLAST-MODIFIED:{}\r\n", form(stamp), form(stamp))?;
        write!(
            into,
            "DTSTART:{}\r\nDTEND:{}\r\nSUMMARY:{}\r\n",
            form(start),
            form(end),
            self.title
        )?;
        write!(into, "ORGANIZER:mailto:{}\r\n", self.organizer)?;
        for (address, declined) in &self.attendees {
            let state = if *declined { "DECLINED" } else { "ACCEPTED" };
            write!(into, "ATTENDEE;PARTSTAT={state}:mailto:{address}\r\n")?;
        }
        if self.room != Room::None {
            write!(into, "LOCATION:{}\r\n", placeholder::filled(&self.room.text())?)?;
        }
        if self.cancelled {
            into.push_str("STATUS:CANCELLED\r\n");
        }
        if self.private {
            into.push_str("CLASS:PRIVATE\r\n");
        }
        if self.weekly {
            write!(into, "RRULE:FREQ=WEEKLY;COUNT={TIMES}\r\n")?;
        }
        into.push_str("END:VEVENT\r\n");
        Ok(())
    }
}

/// The UID of a meeting.
#[must_use]
pub fn uid(number: usize) -> String {
    format!("meeting-{number}@chaos.example")
}

/// The payload that tells of these meetings.
///
/// # Errors
/// A link cannot be signed.
pub fn payload(meetings: &[Sketch], beginning: DateTime<Utc>) -> anyhow::Result<String> {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//chaos//\r\n");
    for meeting in meetings {
        meeting.write(beginning, &mut text)?;
    }
    text.push_str("END:VCALENDAR\r\n");
    Ok(text)
}

/// Something that is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A calendar tells of meetings, all of one lane.
    Ingest(Vec<Sketch>),
    /// A calendar tells of a meeting while every replica is asked to decide it, before and after: whoever judges slowly
    /// would write what is old over what is new.
    Rush(Sketch),
    /// The company file changes to this.
    Apply(Box<CompanyFile>),
    /// A member is deactivated.
    Deactivate(&'static str),
    /// A participant chooses on the consent page.
    Choose {
        /// Which meeting.
        meeting: usize,
        /// Whether without recording.
        without_recording: bool,
    },
    /// Somebody asks for a recording.
    Request {
        /// Which meeting.
        meeting: usize,
        /// Member id.
        by: &'static str,
    },
    /// Somebody takes a recording back.
    Cancel {
        /// Which meeting.
        meeting: usize,
        /// Member id.
        by: &'static str,
    },
    /// Somebody asks for decisions.
    Decide(Vec<usize>),
}

/// An operation in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its number, from 1.
    pub number: u64,
    /// The lane whose operations are done one after the other; [`LANES`] is that of the company.
    pub lane: usize,
    /// What is done.
    pub op: Op,
}

/// Makes operations.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    made: u64,
    most: usize,
    meetings: Vec<Sketch>,
    company: Value,
    /// Operations a second, if meetings begin while they are carried out.
    pace: Option<u32>,
    /// Seconds since the beginning, in truth.
    elapsed: i64,
    /// When meetings begin if operations keep their pace. All choices depend on this, so that a seed makes the same ones
    /// on every machine; that they begin soon depends on when they are told in truth.
    due: Vec<i64>,
}

impl Generator {
    /// A generator of at most so many meetings.
    ///
    /// # Errors
    /// The company of the scenarios cannot be read.
    pub fn new(random: Random, most: usize) -> anyhow::Result<Self> {
        let mut company = scenario::base()?;
        let member = |id: &str| {
            json!({
                "id": id,
                "emails": [format!("{id}@acme.example")],
                "can_request": id == "ida",
                "consent_profile": if id == "kay" { "eu" } else { "us" },
            })
        };
        let known = company["members"].as_array().into_iter().flatten();
        let known: Vec<Value> = known.map(|member| member["id"].clone()).collect();
        let others = OWNERS.into_iter().filter(|id| !known.contains(&json!(id)));
        let change = json!({
            "members": others.map(member).collect::<Vec<_>>(),
            "settings": { "recording": {
                "dispatch_ahead": format!("{AHEAD}s"), "latest_join": format!("{LATEST}s"),
            } },
        });
        scenario::patch(&mut company, &change);
        Ok(Self {
            random,
            made: 0,
            most,
            meetings: Vec::new(),
            company,
            pace: None,
            elapsed: 0,
            due: Vec::new(),
        })
    }

    /// Lets meetings begin while operations are carried out, so many a second.
    #[must_use]
    pub fn at_pace(self, rate: u32) -> Self {
        Self { pace: Some(rate.max(1)), ..self }
    }

    /// Tells how many seconds have passed since the beginning.
    pub const fn tell_time(&mut self, elapsed: i64) {
        self.elapsed = elapsed;
    }

    /// Seconds since the beginning, by what has been made.
    fn clock(&self) -> i64 {
        let rate = self.pace.map_or(1, i64::from);
        i64::try_from(self.made).unwrap_or(i64::MAX) / rate
    }

    /// Meetings in rooms of their own, whose time comes when nothing goes wrong any more: from so many seconds after the
    /// beginning on.
    pub fn afterwards(&mut self, from: i64) -> Vec<Planned> {
        let (mut planned, random) = (Vec::new(), &mut self.random);
        for lane in 0..LANES {
            let mut fresh = Vec::new();
            for place in (0..AFTERWARDS).map(|round| round * LANES + lane) {
                let owner = OWNERS[place % OWNERS.len()];
                let room = 1_000 + u32::try_from(place).unwrap_or_default();
                let sketch = Sketch {
                    number: self.meetings.len(),
                    lane,
                    sequence: 0,
                    start: from + i64::try_from(place / OWNERS.len()).unwrap_or_default() * 4,
                    length: 3,
                    room: if random.chance(70) { Room::Zoom(room) } else { Room::Consented(room) },
                    organizer: format!("{owner}@acme.example"),
                    attendees: vec![("kim@customer.example".to_owned(), false)],
                    title: "Renewal",
                    cancelled: false,
                    private: false,
                    weekly: false,
                };
                self.due.push(sketch.start);
                self.meetings.push(sketch.clone());
                fresh.push(sketch);
            }
            self.made += 1;
            planned.push(Planned { number: self.made, lane, op: Op::Ingest(fresh) });
        }
        planned
    }

    /// The company file as it is by now.
    ///
    /// # Errors
    /// It is not one; the patches are wrong.
    pub fn company(&self) -> anyhow::Result<CompanyFile> {
        let file: CompanyFile = serde_json::from_value(self.company.clone())?;
        file.validate().map_err(|found| anyhow::anyhow!("the company file is wrong: {found:?}"))?;
        Ok(file)
    }

    /// The meetings as the calendars tell them by now.
    #[must_use]
    pub fn meetings(&self) -> &[Sketch] {
        &self.meetings
    }

    /// The next operation.
    ///
    /// # Errors
    /// See [`Self::company`].
    pub fn draw(&mut self) -> anyhow::Result<Planned> {
        self.made += 1;
        let number = self.made;
        let roll = self.random.below(100);
        let room_for_more = self.meetings.len() < self.most;
        let (lane, op) = match roll {
            _ if self.meetings.len() < LANES => self.new_meetings(),
            0..=34 if room_for_more => self.new_meetings(),
            0..=59 => self.edit(),
            60..=63 => self.policy()?,
            64..=74 => self.ask(),
            75..=82 => self.choose(),
            _ => self.decide(),
        };
        Ok(Planned { number, lane, op })
    }

    /// A meeting, and its lane.
    fn any(&mut self) -> (usize, usize) {
        let number = self.random.below(self.meetings.len());
        (number, self.meetings.get(number).map_or(0, |meeting| meeting.lane))
    }

    /// A meeting that has not begun, and its lane: a calendar rarely says anything of what has.
    fn any_ahead(&mut self) -> (usize, usize) {
        let clock = self.clock();
        let mut found = self.any();
        for _ in 0..4 {
            if self.due.get(found.0).is_none_or(|due| clock < *due) {
                break;
            }
            found = self.any();
        }
        found
    }

    fn new_meetings(&mut self) -> (usize, Op) {
        let count = if self.random.chance(15) { self.random.between(2, 12) } else { 1 };
        let count = usize::try_from(count).unwrap_or(1);
        let lane = self.random.below(LANES);
        let fresh: Vec<Sketch> = (0..count)
            .map(|_| {
                let (sketch, due) = self.sketch(lane);
                self.due.push(due);
                self.meetings.push(sketch.clone());
                sketch
            })
            .collect();
        (lane, Op::Ingest(fresh))
    }

    /// A meeting nobody knows yet, and when it is due. Many are made to be in another's way.
    fn sketch(&mut self, lane: usize) -> (Sketch, i64) {
        let number = self.meetings.len();
        let clock = self.clock();
        let is_paced = self.pace.is_some();
        let random = &mut self.random;
        let slot = i64::try_from(random.below(SLOTS)).unwrap_or_default();
        let (day, of_day) = (slot / 16, slot % 16);
        let owner = OWNERS[random.below(OWNERS.len())];
        let mut attendees = vec![(GUESTS[random.below(GUESTS.len())].to_owned(), false)];
        for _ in 0..random.below(3) {
            let member = OWNERS[random.below(OWNERS.len())];
            attendees.push((format!("{member}@acme.example"), random.chance(10)));
        }
        if random.chance(3) {
            attendees.push(("dee@acme.example".to_owned(), random.chance(50)));
        }
        let by_guest = random.chance(20);
        let organizer = if by_guest {
            attendees.push((format!("{owner}@acme.example"), false));
            GUESTS[random.below(GUESTS.len())].to_owned()
        } else {
            format!("{owner}@acme.example")
        };
        // Nobody is invited twice.
        let mut invited = BTreeSet::new();
        attendees.retain(|(address, _)| invited.insert(address.clone()));
        let title = ["Renewal", "Review", "Kick-off", "Layoff talk"][random.below(4)];
        let mut sketch = Sketch {
            number,
            lane,
            sequence: 0,
            start: EARLIEST + day * DAY + of_day * 30 * MINUTE,
            length: [30, 45, 60, 90][random.below(4)] * MINUTE,
            room: room(random),
            organizer,
            attendees,
            title,
            cancelled: false,
            private: random.chance(4),
            weekly: random.chance(6),
        };
        let mut due = sketch.start;
        if is_paced && random.chance(SOON) {
            let wait = soon(random);
            (sketch.start, due) = (self.elapsed + wait, clock + wait);
            sketch.length = [2, 3, 5, 8][random.below(4)];
            sketch.weekly = false;
        }
        let in_the_way = self.random.below(100);
        if number > 0 && in_the_way < 30 {
            let (other, _) = self.any_ahead();
            let other = self.meetings.get(other).zip(self.due.get(other));
            if let Some((other, other_due)) = other.filter(|(_, due)| clock < **due) {
                // Ten in thirty: the same room at the same time. The others: the same owner meanwhile.
                (sketch.start, sketch.length, due) = (other.start, other.length, *other_due);
                sketch.weekly &= EARLIEST <= other.start;
                if in_the_way < 10 {
                    sketch.room = other.room;
                } else {
                    sketch.start += other.length / 2;
                    due += other.length / 2;
                    sketch.organizer.clone_from(&other.organizer);
                }
            }
        }
        (sketch, due)
    }

    fn edit(&mut self) -> (usize, Op) {
        let (number, _) = self.any_ahead();
        let clock = self.clock();
        let roll = self.random.below(100);
        let random = &mut self.random;
        let rushes = random.chance(40);
        let others = i64::try_from(random.below(8)).unwrap_or_default();
        let fresh_room = room(random);
        let (declines, member) = (random.chance(50), OWNERS[random.below(OWNERS.len())]);
        let later = soon(random);
        let into = random.below(self.meetings.len());
        let other = self.meetings.get(into).zip(self.due.get(into).copied());
        let other = other.map(|(other, due)| (other.room, other.start, other.length, due));
        let (Some(meeting), Some(due)) = (self.meetings.get_mut(number), self.due.get_mut(number))
        else {
            return self.new_meetings();
        };
        meeting.sequence += 1;
        match roll {
            0..=24 if *due < EARLIEST => {
                (meeting.start, *due) = (self.elapsed + later, clock + later)
            }
            0..=24 => {
                let moved = meeting.start - EARLIEST + 30 * MINUTE * (1 + others);
                meeting.start = EARLIEST + moved % (12 * DAY);
                *due = meeting.start;
            }
            25..=39 => meeting.cancelled = !meeting.cancelled,
            40..=54 => meeting.room = fresh_room,
            55..=69 => {
                let address = format!("{member}@acme.example");
                match meeting.attendees.iter_mut().find(|(known, _)| *known == address) {
                    Some((_, declined)) => *declined = declines,
                    None => meeting.attendees.push((address, declines)),
                }
            }
            70..=79 => {
                // A series stays where it is if it would have begun before it could be told.
                let free = |due: i64| clock < due && (EARLIEST <= due || !meeting.weekly);
                if let Some((room, start, length, other_due)) = other.filter(|one| free(one.3)) {
                    (meeting.room, meeting.start, meeting.length) = (room, start, length);
                    *due = other_due;
                }
            }
            80..=86 => {
                meeting.title =
                    ["Renewal", "Review", "Kick-off", "Layoff talk"][usize::from(declines) * 3]
            }
            87..=91 => meeting.private = !meeting.private,
            // Nothing but its revision: what is told again changes nothing.
            _ => {}
        }
        let told = meeting.clone();
        (told.lane, if rushes { Op::Rush(told) } else { Op::Ingest(vec![told]) })
    }

    fn choose(&mut self) -> (usize, Op) {
        let (meeting, lane) = self.any();
        let without_recording = self.random.chance(60);
        (lane, Op::Choose { meeting, without_recording })
    }

    fn ask(&mut self) -> (usize, Op) {
        let (meeting, lane) = self.any();
        let by = ASKERS[self.random.below(ASKERS.len())];
        let op = if self.random.chance(60) {
            Op::Request { meeting, by }
        } else {
            Op::Cancel { meeting, by }
        };
        (lane, op)
    }

    fn decide(&mut self) -> (usize, Op) {
        let (first, lane) = self.any();
        let mut meetings = vec![first];
        for _ in 0..self.random.below(12) {
            let (other, of) = self.any();
            if of == lane {
                meetings.push(other);
            }
        }
        meetings.sort_unstable();
        meetings.dedup();
        (lane, Op::Decide(meetings))
    }

    fn policy(&mut self) -> anyhow::Result<(usize, Op)> {
        let random = &mut self.random;
        let member = OWNERS[random.below(OWNERS.len())];
        // What was changed goes back to what it was more often than not.
        let back = random.chance(75);
        let (roll, spared) = (random.below(9), random.chance(60));
        // What would leave nothing to record comes less often.
        let back = back || (spared && matches!(roll, 2 | 6));
        if roll == 0 && !back {
            scenario::patch(
                &mut self.company,
                &json!({ "members": [{ "id": member, "active": false }] }),
            );
            return Ok((LANES, Op::Deactivate(member)));
        }
        let change = match roll {
            0 => json!({ "members": OWNERS.map(|id| json!({ "id": id, "active": true })) }),
            1 if back => {
                json!({ "members": OWNERS.map(|id| json!({ "id": id, "capture": "enabled" })) })
            }
            1 => json!({ "members": [{ "id": member, "capture": "disabled" }] }),
            2 => json!({ "settings": { "providers": { "zoom": { "enabled": back } } } }),
            3 => json!({ "settings": { "providers": { "teams": { "enabled": back } } } }),
            4 => {
                let domains = if back { json!([]) } else { json!(["rival.example"]) };
                json!({ "settings": { "exclusions": { "domains": domains } } })
            }
            5 => {
                let keywords = if back { json!([]) } else { json!(["layoff"]) };
                json!({ "settings": { "exclusions": { "keywords": keywords } } })
            }
            6 => {
                let which = if back { "any_invitee" } else { "organizer" };
                json!({ "settings": { "recording": { "which_meetings": which } } })
            }
            7 => {
                let (notice, obsolete) = if back { ("30m", "20m") } else { ("3d", "2d") };
                json!({ "settings": { "recording": { "notice_guaranteed": notice, "obsolete_under": obsolete } } })
            }
            _ => json!({ "consent": { "profiles": { "eu": { "enforced": back } } } }),
        };
        scenario::patch(&mut self.company, &change);
        Ok((LANES, Op::Apply(Box::new(self.company()?))))
    }
}

/// Seconds until a meeting that begins soon does: mostly few, so that much happens while its time comes.
fn soon(random: &mut Random) -> i64 {
    let most = if random.chance(75) { 8 } else { 20 };
    i64::try_from(random.between(3, most)).unwrap_or_default()
}

fn room(random: &mut Random) -> Room {
    let number = u32::try_from(random.below(60)).unwrap_or_default();
    match random.below(20) {
        0..=8 => Room::Zoom(number),
        9..=11 => Room::Consented(number),
        12 => Room::WronglyConsented(number),
        13..=15 => Room::Teams(number),
        16 => Room::Webex(number),
        17 => Room::Meet,
        18 => Room::Unsupported,
        _ => Room::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_operations() {
        let made = |seed| {
            let mut generator = Generator::new(Random::new(seed), 300).unwrap();
            (0..500).map(|_| generator.draw().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(made(3), made(3));
        assert_ne!(made(3), made(4));
    }

    #[test]
    fn meetings_begin_while_a_run_lasts_if_they_are_to_and_only_then() {
        let begin = |generator: Generator| {
            let mut generator = generator;
            let drawn: Vec<_> = (0..600).map(|_| generator.draw().unwrap()).collect();
            let told = drawn.into_iter().flat_map(|planned| match planned.op {
                Op::Ingest(meetings) => meetings,
                Op::Rush(meeting) => vec![meeting],
                Op::Apply(_)
                | Op::Deactivate(_)
                | Op::Choose { .. }
                | Op::Request { .. }
                | Op::Cancel { .. }
                | Op::Decide(_) => Vec::new(),
            });
            let soon: Vec<Sketch> = told.filter(|meeting| meeting.start < EARLIEST).collect();
            assert!(soon.iter().all(|meeting| !meeting.weekly && meeting.start < 600 / 20 + 30));
            soon.len()
        };
        let made = || Generator::new(Random::new(5), 300).unwrap();
        assert_eq!(begin(made()), 0);
        assert!(begin(made().at_pace(20)) > 50);
    }

    #[test]
    fn what_concerns_a_meeting_stays_in_its_lane() {
        let mut generator = Generator::new(Random::new(11), 300).unwrap().at_pace(20);
        for _ in 0..2_000 {
            let planned = generator.draw().unwrap();
            let numbers: Vec<usize> = match &planned.op {
                Op::Ingest(meetings) => meetings.iter().map(|meeting| meeting.number).collect(),
                Op::Rush(meeting) => vec![meeting.number],
                Op::Choose { meeting, .. }
                | Op::Request { meeting, .. }
                | Op::Cancel { meeting, .. } => {
                    vec![*meeting]
                }
                Op::Decide(meetings) => meetings.clone(),
                Op::Apply(_) | Op::Deactivate(_) => {
                    assert_eq!(planned.lane, LANES);
                    Vec::new()
                }
            };
            let lane = |number: &usize| generator.meetings()[*number].lane;
            assert!(numbers.iter().all(|number| lane(number) == planned.lane), "{planned:?}");
        }
    }
}
