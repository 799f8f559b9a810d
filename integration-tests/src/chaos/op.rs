//! What is done to the system: operations as data, made from a seed alone.
//!
//! The generator keeps what the calendars and the company file say by its own account, so that an operation never depends
//! on an answer. Instants are relative to the beginning of the run.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use decision::CompanyFile;
use serde_json::{Value, json};

use super::random::Random;
use crate::{placeholder, scenario};

/// Lanes of operations on meetings: what concerns one meeting stays in one lane and in order.
pub const LANES: usize = 6;

/// Members that may own calls. The company of the scenarios has others besides.
const OWNERS: [&str; 6] = ["ada", "bob", "fay", "ida", "jim", "kay"];

/// Members who may ask for recordings.
const ASKERS: [&str; 3] = ["ada", "ida", "gus"];

/// People outside.
const GUESTS: [&str; 4] =
    ["kim@customer.example", "lee@customer.example", "pat@rival.example", "sam@elsewhere.example"];

/// Meetings start this many minutes after the beginning at the earliest: while a run lasts none begins.
const EARLIEST: i64 = 12 * 60;

/// Half hours in which meetings start: sixteen a day over twelve days.
const SLOTS: usize = 192;

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
}

/// What the calendar says of a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Which meeting.
    pub number: usize,
    /// The lane of all that concerns it.
    pub lane: usize,
    /// Its revision in the calendar.
    pub sequence: u32,
    /// Minutes from the beginning of the run to its start.
    pub start: i64,
    /// Its length in minutes.
    pub minutes: i64,
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
    /// It is held three times, a week apart.
    pub weekly: bool,
}

impl Sketch {
    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> String {
        uid(self.number)
    }

    /// Writes it as a component of a calendar.
    fn write(&self, beginning: DateTime<Utc>, into: &mut String) -> anyhow::Result<()> {
        let form = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ");
        let start = beginning + TimeDelta::minutes(self.start);
        let end = start + TimeDelta::minutes(self.minutes);
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
            into.push_str("RRULE:FREQ=WEEKLY;COUNT=2\r\n");
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
        let change = json!({ "members": [member("ida"), member("jim"), member("kay")] });
        scenario::patch(&mut company, &change);
        Ok(Self { random, made: 0, most, meetings: Vec::new(), company })
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

    fn new_meetings(&mut self) -> (usize, Op) {
        let count = if self.random.chance(15) { self.random.between(2, 12) } else { 1 };
        let count = usize::try_from(count).unwrap_or(1);
        let lane = self.random.below(LANES);
        let fresh: Vec<Sketch> = (0..count)
            .map(|_| {
                let sketch = self.sketch(lane);
                self.meetings.push(sketch.clone());
                sketch
            })
            .collect();
        (lane, Op::Ingest(fresh))
    }

    /// A meeting nobody knows yet. Many are made to be in another's way.
    fn sketch(&mut self, lane: usize) -> Sketch {
        let number = self.meetings.len();
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
        let title = ["Renewal", "Review", "Kick-off", "Layoff talk"][random.below(4)];
        let mut sketch = Sketch {
            number,
            lane,
            sequence: 0,
            start: EARLIEST + day * 24 * 60 + of_day * 30,
            minutes: [30, 45, 60, 90][random.below(4)],
            room: room(random),
            organizer,
            attendees,
            title,
            cancelled: false,
            private: random.chance(4),
            weekly: random.chance(6),
        };
        let in_the_way = self.random.below(100);
        if number > 0 && in_the_way < 30 {
            let (other, _) = self.any();
            if let Some(other) = self.meetings.get(other) {
                // Ten in thirty: the same room at the same time. The others: the same owner meanwhile.
                sketch.start = other.start;
                if in_the_way < 10 {
                    sketch.room = other.room;
                } else {
                    sketch.start += 15;
                    sketch.organizer.clone_from(&other.organizer);
                }
            }
        }
        sketch
    }

    fn edit(&mut self) -> (usize, Op) {
        let (number, _) = self.any();
        let roll = self.random.below(100);
        let random = &mut self.random;
        let rushes = random.chance(40);
        let others = i64::try_from(random.below(8)).unwrap_or_default();
        let fresh_room = room(random);
        let (declines, member) = (random.chance(50), OWNERS[random.below(OWNERS.len())]);
        let into = random.below(self.meetings.len());
        let other = self.meetings.get(into).map(|other| (other.room, other.start));
        let Some(meeting) = self.meetings.get_mut(number) else { return self.new_meetings() };
        meeting.sequence += 1;
        match roll {
            0..=24 => {
                meeting.start =
                    EARLIEST + (meeting.start - EARLIEST + 30 * (1 + others)) % (12 * 24 * 60)
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
                if let Some((room, start)) = other {
                    (meeting.room, meeting.start) = (room, start);
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
    fn what_concerns_a_meeting_stays_in_its_lane() {
        let mut generator = Generator::new(Random::new(11), 300).unwrap();
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
