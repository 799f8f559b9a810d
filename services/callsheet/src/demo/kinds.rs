//! Which kinds of meetings there are in a day of the example company.

use super::course::Course;
use super::random::Random;

/// How a meeting goes, how people are invited, and where it takes place.
pub(super) type Kind = (Course, Invitation, Place);

/// What meetings there are in a day: some that go well, one of each trouble that is always shown, and some of the others.
pub(super) fn kinds(random: &mut Random) -> Vec<Kind> {
    const REMOTE: [Place; 3] = [Place::Teams, Place::Webex, Place::Zoom];
    let mut courses = vec![Course::Well; 8];
    courses.extend([Course::Lobby, Course::TurnedAway, Course::KickedOut, Course::Stopped]);
    courses.push(Course::HostRefuses);
    let rare = [
        Course::HostLate,
        Course::RemovedLate,
        Course::TakenBack,
        Course::NobodyComes,
        Course::NeverStarts,
        Course::WrongPasscode,
        Course::Locked,
    ];
    courses.extend(rare.into_iter().filter(|_| random.coin()));
    let mut kinds: Vec<Kind> = courses
        .into_iter()
        .map(|course| {
            let place =
                if course.asks() { Place::Zoom } else { random.pick(&REMOTE, Place::Teams) };
            (course, Invitation::Plain, place)
        })
        .collect();
    for (invitation, place) in [
        (Invitation::Internal, Place::Teams),
        (Invitation::Private, Place::Zoom),
        (Invitation::Excluded, Place::Teams),
        (Invitation::NeverRecorded, Place::Webex),
        (Invitation::Plain, Place::Meet),
        (Invitation::Plain, Place::Nowhere),
    ] {
        kinds.push((Course::Well, invitation, place));
    }
    kinds
}

/// Where a meeting takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Teams,
    Webex,
    Zoom,
    Meet,
    Nowhere,
}

/// What is special about the invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invitation {
    /// Nothing.
    Plain,
    /// Only colleagues are invited.
    Internal,
    /// It is private.
    Private,
    /// Its title is on the exclusion list.
    Excluded,
    /// Somebody is invited who is never recorded.
    NeverRecorded,
}
