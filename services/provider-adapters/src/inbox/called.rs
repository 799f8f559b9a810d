//! What the provider calls what an event is about, and which of these names mean one thing only.

use signals::{Event, Provider};

use crate::carry::{Kind, Name};

/// What stands in the id of a run of a meeting at Webex, and in no other id of it.
const RUN: &str = "_I_";
/// What the names of spaces and of conferences in them begin with at Google Meet.
const SPACE: &str = "spaces/";
const RECORD: &str = "conferenceRecords/";

/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: Name,
    /// Nothing else is ever called so: a room or a series is used again.
    pub(super) lasts: bool,
}

/// The names of what an event is about, the most telling first.
pub(super) fn called(event: &Event) -> Vec<Called> {
    let about = &event.about;
    let once = [
        (Kind::Bot, &about.bot),
        (Kind::Call, &about.session),
        (Kind::Call, &about.call),
        (Kind::Instance, &about.instance),
    ];
    let once = once.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?)));
    let mut all: Vec<Called> = once.map(|(kind, value)| name(kind, value, true)).collect();
    if event.provider == Provider::Webex {
        // Its `id` is that of a run, of a meeting or of a series, as it comes.
        all.retain(|one| one.name.kind != Kind::Instance);
        all.extend(of_webex(event));
    }
    let space = about.conference.as_deref().filter(|name| name.starts_with(SPACE));
    if let (Provider::GoogleMeet, Some(space)) = (event.provider, space) {
        all.push(name(Kind::Conference, space, false));
    }
    all
}

fn name(kind: Kind, value: &str, lasts: bool) -> Called {
    Called { name: Name { kind, value: value.to_owned() }, lasts }
}

/// What Webex calls a meeting by its ids: its runs, itself, and the series, which is what its ids begin with.
fn of_webex(event: &Event) -> Vec<Called> {
    let ids = [&event.about.instance, &event.about.conference];
    let mut all: Vec<Called> = Vec::new();
    let ids: Vec<&str> = ids.into_iter().flatten().map(String::as_str).collect();
    let runs = ids.iter().filter(|id| id.contains(RUN)).map(|id| name(Kind::Instance, id, true));
    let meetings = ids.iter().flat_map(|id| ids_in(id));
    for one in runs.chain(meetings.map(|id| name(Kind::Conference, id, false))) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// The meeting, and the series, of an id of Webex's.
fn ids_in(id: &str) -> Vec<&str> {
    let series = id.split_once('_').map(|(series, _)| series).filter(|series| !series.is_empty());
    Some(id).filter(|id| !id.contains(RUN)).into_iter().chain(series).collect()
}

/// What a meeting of Webex is called by, once it was asked for by its link.
pub(crate) fn names_of_webex(meeting: &remote::webex::Meeting) -> Vec<Name> {
    let ids = [Some(&meeting.id), meeting.series.as_ref()];
    let mut all: Vec<Name> = Vec::new();
    for id in ids.into_iter().flatten().flat_map(|id| ids_in(id)) {
        let name = Name { kind: Kind::Conference, value: id.to_owned() };
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// What its provider is asked for, to learn the link to a conference: what Webex calls it, or Google the space or, where that
/// is not told, the record of the conference.
pub(super) fn asked_for(event: &Event) -> Option<&str> {
    let about = &event.about;
    let (conference, instance) = (about.conference.as_deref(), about.instance.as_deref());
    if event.provider == Provider::Webex {
        conference.or(instance)
    } else if event.provider == Provider::GoogleMeet {
        let space = conference.filter(|name| name.starts_with(SPACE));
        space.or(instance.filter(|name| name.starts_with(RECORD)))
    } else {
        None
    }
}

/// The id of a space of Google Meet, or that of the record of a conference.
pub(super) fn of_meet(name: &str) -> (Option<&str>, Option<&str>) {
    (name.strip_prefix(SPACE), name.strip_prefix(RECORD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn webex(resource: &str, data: &Value) -> Event {
        let body = json!({ "resource": resource, "event": "started", "data": data });
        signals::webex::read(body.to_string().as_bytes()).unwrap()
    }

    fn all(event: &Event) -> Vec<(Kind, String, bool)> {
        called(event).into_iter().map(|it| (it.name.kind, it.name.value, it.lasts)).collect()
    }

    #[test]
    fn a_run_of_webex_has_a_name_of_its_own_and_a_series_has_one_for_many() {
        let of_run = [
            (Kind::Instance, "m1_I_17".to_owned(), true),
            (Kind::Conference, "m1".to_owned(), false),
        ];
        assert_eq!(all(&webex("meetingParticipants", &json!({ "meetingId": "m1_I_17" }))), of_run);
        let run = json!({ "id": "m1_I_17", "meetingSeriesId": "m1" });
        assert_eq!(all(&webex("meetings", &run)), of_run);
        assert_eq!(
            all(&webex("meetings", &json!({ "id": "m1_20261122T100000Z" }))),
            [
                (Kind::Conference, "m1_20261122T100000Z".to_owned(), false),
                (Kind::Conference, "m1".to_owned(), false),
            ]
        );
    }
}
