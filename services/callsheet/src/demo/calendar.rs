//! The meetings of a day as an iCalendar file, as somebody would export it.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::day::Meeting;
use super::kinds::{Invitation, Place};

/// The file.
pub(super) fn file(meetings: &[Meeting]) -> String {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//callsheet//demo//EN\r\n".to_owned();
    for meeting in meetings {
        event(&mut text, meeting);
    }
    text + "END:VCALENDAR\r\n"
}

fn event(text: &mut String, meeting: &Meeting) {
    let Meeting { uid, title, owner, start, minutes, .. } = meeting;
    let end = *start + TimeDelta::minutes(*minutes);
    let guest = match meeting.invitation {
        Invitation::Internal => "erwin@acme.example",
        Invitation::Plain
        | Invitation::Private
        | Invitation::Excluded
        | Invitation::NeverRecorded => meeting.guest,
    };
    let mut lines = vec![
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{uid}"),
        format!("SUMMARY:{title}"),
        format!("DTSTART:{}", instant(*start)),
        format!("DTEND:{}", instant(end)),
        format!("ORGANIZER:mailto:{owner}@acme.example"),
        format!("ATTENDEE:mailto:{owner}@acme.example"),
        format!("ATTENDEE:mailto:{guest}"),
    ];
    if meeting.invitation == Invitation::Private {
        lines.push("CLASS:PRIVATE".to_owned());
    }
    if meeting.invitation == Invitation::NeverRecorded {
        lines.push("ATTENDEE:mailto:erin@acme.example".to_owned());
    }
    lines.extend(link(meeting).map(|link| format!("LOCATION:{link}")));
    lines.push("END:VEVENT".to_owned());
    for line in lines {
        // A string takes whatever is written to it.
        let _ = write!(text, "{line}\r\n");
    }
}

fn instant(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y%m%dT%H%M%SZ")
}

/// The link to join by.
fn link(meeting: &Meeting) -> Option<String> {
    let room = meeting.room;
    match meeting.place {
        Place::Teams => Some(format!(
            "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Room{room}%40thread.v2/0"
        )),
        Place::Webex => Some(format!("https://acme.webex.com/acme/j.php?MTID=m{room:032x}")),
        Place::Zoom => Some(format!("https://acme.zoom.us/j/960{room}?pwd=sesame")),
        Place::Meet => {
            let letter = |place: u32| {
                let digit = room.unsigned_abs() / 10_u64.pow(place) % 10;
                char::from(b'a' + u8::try_from(digit).unwrap_or_default())
            };
            let (a, b, c) = (letter(0), letter(1), letter(2));
            Some(format!("https://meet.google.com/{a}{b}{c}-{c}{b}{a}{a}-{b}{c}{a}"))
        }
        Place::Nowhere => None,
    }
}
