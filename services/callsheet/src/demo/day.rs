//! A day of the example company: which meetings and telephone calls there are, drawn from a seed.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc, Weekday};

use super::course::{Course, Line};
use super::kinds::{Invitation, Kind, Place, kinds};
use super::random::Random;

/// The first day.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 2).expect("there is such a day");
/// When calendars are read each day, in hours after midnight UTC.
const READ: i64 = 6;
/// The first hour in which a meeting begins, and how many there are.
const HOURS: (i64, i64) = (7, 9);
/// Whose meetings are recorded.
const OWNERS: [&str; 5] = ["ada", "bob", "carla", "dmitri", "grace"];
const CUSTOMERS: [(&str, &str); 6] = [
    ("Northwind", "kim@northwind.example"),
    ("Umbra", "jo@umbra.example"),
    ("Prospect", "pat@prospect.example"),
    ("Globex", "sam@globex.example"),
    ("Initech", "lena@initech.example"),
    ("Hooli", "max@hooli.example"),
];
const TOPICS: [&str; 8] =
    ["Demo", "Renewal", "Kick-off", "Pricing", "Weekly", "Onboarding", "Review", "Contract"];
const COLLEAGUES: [&str; 4] = ["Team meeting", "Retrospective", "Planning", "Lunch and learn"];

/// A meeting, as its calendar has it and as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meeting {
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) owner: &'static str,
    /// Address of the customer.
    pub(super) guest: &'static str,
    pub(super) start: DateTime<Utc>,
    pub(super) minutes: i64,
    pub(super) place: Place,
    /// Digits that set its room apart.
    pub(super) room: i64,
    pub(super) invitation: Invitation,
    /// How it goes, should it be planned.
    pub(super) course: Course,
}

/// A telephone call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) owner: &'static str,
    pub(super) number: &'static str,
    pub(super) guest: &'static str,
    pub(super) at: DateTime<Utc>,
    pub(super) line: Line,
}

/// A recording that somebody has behind a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) title: &'static str,
    pub(super) owner: &'static str,
    pub(super) at: DateTime<Utc>,
    pub(super) seconds: u32,
}

/// All there is in a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    /// When its calendar is read.
    pub(super) read_at: DateTime<Utc>,
    pub(super) meetings: Vec<Meeting>,
    pub(super) calls: Vec<Call>,
    pub(super) uploads: Vec<Upload>,
}

/// So many working days.
pub(super) fn days(seed: u64, many: u32) -> Vec<Day> {
    let working = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let dates = FIRST.iter_days().filter(working);
    let many = usize::try_from(many).unwrap_or(usize::MAX);
    dates.take(many).map(|date| Day::of(date, seed)).collect()
}

impl Day {
    fn of(date: NaiveDate, seed: u64) -> Self {
        // Each day by itself: how many there are changes none of them.
        let number = u64::try_from(date.num_days_from_ce()).unwrap_or_default();
        let mut random = Random::new(seed.wrapping_mul(0x1_0001).wrapping_add(number));
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        let mut slots: Vec<(&str, i64)> = OWNERS
            .iter()
            .flat_map(|owner| (0..HOURS.1).map(move |hour| (*owner, HOURS.0 + hour)))
            .collect();
        random.shuffle(&mut slots);
        let mut subjects: Vec<Subject> = TOPICS
            .iter()
            .flat_map(|topic| CUSTOMERS.map(|(customer, guest)| (*topic, customer, guest)))
            .collect();
        random.shuffle(&mut subjects);
        let mut subjects = subjects.into_iter();
        let mut meetings: Vec<Meeting> = kinds(&mut random)
            .into_iter()
            .zip(slots)
            .zip(subjects.by_ref())
            .map(|((kind, (owner, hour)), subject)| {
                meeting(&mut random, kind, subject, owner, at(midnight, hour, 0))
            })
            .collect();
        // One that its owner cannot attend, as another one has begun.
        if let Some((first, subject)) = meetings.first().cloned().zip(subjects.next()) {
            let kind = (Course::Well, Invitation::Plain, first.place);
            let start = first.start + TimeDelta::minutes(10);
            let other = meeting(&mut random, kind, subject, first.owner, start);
            // It is over before another one can begin.
            meetings.push(Meeting { start, minutes: 25, ..other });
        }
        meetings.sort_by(|a, b| (a.start, a.owner).cmp(&(b.start, b.owner)));
        for (place, meeting) in meetings.iter_mut().enumerate() {
            meeting.uid = format!("{date}-{place}@acme.example");
        }
        let calls = calls(&mut random, date, midnight);
        let uploads = uploads(&mut random, date, midnight);
        Self { read_at: at(midnight, READ, 0), meetings, calls, uploads }
    }
}

fn at(midnight: DateTime<Utc>, hour: i64, minute: i64) -> DateTime<Utc> {
    midnight + TimeDelta::minutes(hour * 60 + minute)
}

/// Topic, customer and address of a meeting.
type Subject = (&'static str, &'static str, &'static str);

fn meeting(
    random: &mut Random,
    (course, invitation, place): Kind,
    (topic, customer, guest): Subject,
    owner: &'static str,
    hour: DateTime<Utc>,
) -> Meeting {
    let title = match invitation {
        Invitation::Internal => random.pick(&COLLEAGUES, "Team meeting").to_owned(),
        Invitation::Excluded => "Salary bands".to_owned(),
        Invitation::Plain | Invitation::Private | Invitation::NeverRecorded => {
            format!("{topic} {customer}")
        }
    };
    let minutes = random.pick(&[25, 30, 40], 30);
    // No meeting of an owner runs into the next one by chance.
    let start = hour + TimeDelta::minutes(random.pick(&[0, 5, 10], 0));
    let room = random.between(1_000_000, 9_999_999);
    Meeting {
        uid: String::new(),
        title,
        owner,
        guest,
        start,
        minutes,
        place,
        room,
        invitation,
        course,
    }
}

fn calls(random: &mut Random, date: NaiveDate, midnight: DateTime<Utc>) -> Vec<Call> {
    const LINES: [(Line, &str); 4] = [
        (Line::Busy, "+442079460001"),
        (Line::Declined, "+442079460002"),
        (Line::Unanswered, "+442079460003"),
        (Line::Forbidden, "+493012345678"),
    ];
    LINES
        .into_iter()
        .enumerate()
        .map(|(place, (line, number))| Call {
            id: format!("{date}-{place}"),
            owner: random.pick(&OWNERS, "ada"),
            number,
            guest: random.pick(&CUSTOMERS, ("Northwind", "kim@northwind.example")).1,
            at: at(midnight, random.between(8, 15), random.between(0, 59)),
            line,
        })
        .collect()
}

fn uploads(random: &mut Random, date: NaiveDate, midnight: DateTime<Utc>) -> Vec<Upload> {
    [("Visit to Northwind, dictated", 75), ("Pressed by mistake", 9)]
        .into_iter()
        .enumerate()
        .map(|(place, (title, seconds))| Upload {
            key: format!("{date}-{place}"),
            title,
            owner: "ada",
            at: at(midnight, random.between(9, 15), random.between(0, 59)),
            seconds,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_day_follows_from_its_seed_and_not_from_how_many_days_there_are() {
        assert_eq!(days(3, 5).first(), days(3, 1).first());
        assert_ne!(days(3, 1), days(4, 1));
        let days = days(3, 6);
        assert!(days.is_sorted_by_key(|day| day.read_at));
        let saturday = |day: &Day| day.read_at.weekday() == Weekday::Sat;
        assert!(days.len() == 6 && !days.iter().any(saturday));
    }

    #[test]
    fn every_day_has_the_troubles_that_are_always_shown_and_one_overlap() {
        for seed in 0..50 {
            for day in days(seed, 2) {
                for course in [Course::Lobby, Course::KickedOut, Course::Stopped] {
                    let many = day.meetings.iter().filter(|one| one.course == course).count();
                    assert_eq!(many, 1, "{course:?}");
                }
                let overlaps = day.meetings.iter().flat_map(|one| {
                    day.meetings.iter().filter(move |other| {
                        one.owner == other.owner
                            && one.start < other.start
                            && other.start < one.start + TimeDelta::minutes(one.minutes)
                    })
                });
                assert_eq!(overlaps.count(), 1, "seed {seed}");
                let uids: BTreeSet<&str> =
                    day.meetings.iter().map(|one| one.uid.as_str()).collect();
                assert_eq!(uids.len(), day.meetings.len());
            }
        }
    }
}
