//! What goes on in a Teams meeting: the content of notifications about its calls.

use serde_json::Value;

use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider};

/// Reads decrypted content: `Microsoft.Communication.CallStarted`, `CallEnded` or `CallRosterUpdate` of a meeting, with
/// whoever came and went. Content of another kind, a recording for example, is read as far as it goes.
///
/// # Errors
/// It is no JSON object.
pub fn meeting(content: &[u8]) -> Result<Event, Error> {
    let value = json::object(content)?;
    let kind = value.id(&["@odata.type"]).map(|kind| kind.trim_start_matches('#').to_owned());
    let name = value.id(&["eventType"]).or(kind).ok_or(Error::Missing("eventType"))?;
    let came = value.items(&["activeParticipants@joined"]);
    let went = value.items(&["activeParticipants@exited"]);
    let list = value.items(&["activeParticipants"]);
    let with = |state: &'static str| move |one: &Value| participant(one, Some(state));
    let participants: Vec<Participant> = came
        .iter()
        .chain(list)
        .map(with("joined"))
        .chain(went.iter().map(with("exited")))
        .collect();
    let at = value.time(&["eventDateTime"]).or_else(|| value.time(&["createdDateTime"]));
    let id = value.id_of(&[&["id"], &["@odata.id"]]);
    let about = About {
        conference: value.id(&["meetingId"]).or_else(|| id.as_deref().map(join_url)),
        host: value.id(&["meetingOrganizer", "user", "id"]),
        ..About::default()
    };
    let moves: Vec<String> = participants
        .iter()
        .filter_map(|one| Some(format!("{}/{}", one.state.as_deref()?, one.id.as_deref()?)))
        .collect();
    let key = Maker::new(Provider::Teams, &name)
        .maybe(id)
        .maybe(value.id(&["state"]))
        .number(at.map(|at| at.timestamp_micros()))
        .set(moves.iter().map(String::as_str))
        .done();
    let mut meanings = vec![Meaning::of(Provider::Teams, Kind::Event, &name, None)];
    for (people, code) in [(came, "roster.joined"), (went, "roster.exited")] {
        if !people.is_empty() {
            meanings.push(Meaning::of(Provider::Teams, Kind::Event, code, None));
        }
    }
    Ok(Event { at, about, participants, meanings, ..Event::new(Provider::Teams, name, key) })
}

/// The join URL in `communications/onlineMeetings?$filter=joinWebUrl+eq+'{url}'`, else the text itself.
fn join_url(id: &str) -> String {
    id.split_once('\'')
        .and_then(|(_, rest)| rest.rsplit_once('\''))
        .map_or(id, |(url, _)| url)
        .to_owned()
}

/// A participant, whose identity stands under the name of its kind: `user`, `guest`, `application`, `phone`, and others.
pub(super) fn participant(one: &Value, state: Option<&str>) -> Participant {
    let identity = one
        .at(&["info", "identity"])
        .or_else(|| one.at(&["identity"]))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        // Kinds that are not this participant's are there as null.
        .find(|(_, identity)| identity.is_object());
    let who = identity.map_or(&Value::Null, |(_, identity)| identity);
    let account = who.id_of(&[&["id"], &["Id"]]);
    let kind = identity.map(|(kind, _)| kind.to_ascii_lowercase());
    let is_phone = kind.as_deref() == Some("phone");
    Participant {
        id: account.clone().or_else(|| one.id(&["id"])),
        user: account.filter(|_| !is_phone),
        tenant: who.id_of(&[&["tenantId"], &["TenantId"]]),
        name: who.private(&["displayName"]).or_else(|| who.private(&["DisplayName"])),
        phone: who.private(&["id"]).filter(|_| is_phone),
        in_lobby: one.flag(&["isInLobby"]),
        state: state.map(str::to_owned).or(kind),
        ..Participant::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn event(value: &Value) -> Event {
        meeting(value.to_string().as_bytes()).unwrap()
    }

    fn roster(joined: &[&str], exited: &[&str]) -> Event {
        let people = |ids: &[&str]| -> Vec<Value> {
            ids.iter()
                .map(|id| {
                    json!({"id": "x", "identity": {"guest": null,
                    "User": {"Id": id, "DisplayName": "Ada", "TenantId": "t1"}}})
                })
                .collect()
        };
        event(
            &json!({"eventType": "Microsoft.Communication.CallRosterUpdate", "eventDateTime": "2026-01-01T10:00:00.1234567Z",
            "id": "communications/onlineMeetings?$filter=joinWebUrl+eq+'https://teams.example/l/1'",
            "activeParticipants@joined": people(joined), "activeParticipants@exited": people(exited)}),
        )
    }

    #[test]
    fn who_came_and_who_went_is_read() {
        let event = roster(&["u1"], &["u2"]);
        assert_eq!(event.about.conference.as_deref(), Some("https://teams.example/l/1"));
        let states: Vec<_> = event
            .participants
            .iter()
            .map(|one| (one.user.as_deref(), one.tenant.as_deref(), one.state.as_deref()))
            .collect();
        assert_eq!(
            states,
            [(Some("u1"), Some("t1"), Some("joined")), (Some("u2"), Some("t1"), Some("exited"))]
        );
        assert!(event.tells(News::ParticipantJoined) && event.tells(News::ParticipantLeft));
    }

    #[test]
    fn coming_and_going_at_once_are_told_apart() {
        assert_ne!(roster(&["u1"], &[]).key, roster(&[], &["u1"]).key);
        assert_eq!(roster(&["u1", "u2"], &[]).key, roster(&["u2", "u1"], &[]).key);
    }

    #[test]
    fn a_call_that_started_is_a_meeting_that_started() {
        let name = "Microsoft.Communication.CallStarted";
        let started = event(
            &json!({"eventType": name, "eventDateTime": "2026-01-01T10:00:00.0000000Z", "id": "x"}),
        );
        assert!(started.says(Signal::MeetingStarted));
        assert_eq!(started.name, name);
    }
}
