//! Calls our own bot is in.

use serde_json::Value;

use super::meeting::participant;
use crate::event::Direction;
use crate::json::{self, Look};
use crate::key::Maker;
use crate::read::Error;
use crate::{About, Event, Kind, Meaning, Participant, Provider, sip, table};

/// Reads `commsNotifications`, an event for each; or a single operation, as it is answered to a request.
///
/// What occurs: `resultInfo.code` as `"0"` and as `0`; `subcode` and `subCode`; a call that is deleted without any
/// `resultInfo`; a roster, which is a list, as `resourceData`.
///
/// # Errors
/// It is no JSON object.
pub fn calls(body: &[u8]) -> Result<Vec<Event>, Error> {
    let value = json::object(body)?;
    if value.at(&["value"]).is_some_and(Value::is_array) {
        return Ok(value.items(&["value"]).iter().map(notification).collect());
    }
    Ok(vec![event(&value, &value, None)])
}

fn notification(one: &Value) -> Event {
    let data = one.at(&["resourceData"]).unwrap_or(&Value::Null);
    event(one, data, one.id(&["changeType"]))
}

/// One event. `data` is the call, the operation, or the roster.
fn event(outer: &Value, data: &Value, change: Option<String>) -> Event {
    let path = outer.id_of(&[&["resourceUrl"], &["resource"]]);
    let kind = data.id(&["@odata.type"]).map(|kind| short(&kind).to_owned());
    let roster = data.as_array();
    let kind = kind.unwrap_or_else(|| {
        let is_roster =
            roster.is_some() || path.as_deref().is_some_and(|path| path.ends_with("/participants"));
        if is_roster { "roster".to_owned() } else { "resource".to_owned() }
    });
    let state = data.id_of(&[&["state"], &["status"]]);
    let call =
        path.as_deref().and_then(call_of).map(str::to_owned).or_else(|| data.id(&["callId"]));
    let about = About {
        call: call.or_else(|| data.id(&["id"]).filter(|_| kind == "call")),
        session: data.id(&["callChainId"]),
        conference: data.id_of(&[&["chatInfo", "threadId"], &["meetingInfo", "joinWebUrl"]]),
        host: data.id(&["meetingInfo", "organizer", "user", "id"]),
        reference: data.id(&["clientContext"]),
        direction: data.id(&["direction"]).and_then(|text| Direction::from_name(&text)),
        ..About::default()
    };
    let listed = roster.map_or_else(|| data.items(&["participants"]), Vec::as_slice);
    let participants: Vec<Participant> =
        listed.iter().filter(|one| one.is_object()).map(|one| participant(one, None)).collect();
    let ended = result(data);
    let name = match &change {
        Some(change) => format!("{kind}.{change}"),
        None => kind.clone(),
    };
    let who: Vec<String> =
        participants.iter().map(|one| format!("{:?}/{:?}", one.id, one.in_lobby)).collect();
    let key = Maker::new(Provider::Teams, &name)
        .maybe(path)
        .maybe(about.call.as_deref())
        .maybe(data.id(&["id"]))
        .maybe(state.as_deref())
        .maybe(data.id_of(&[&["@odata.etag"], &["sequenceNumber"]]))
        .maybe(ended.as_ref().map(|(code, _)| code.as_str()))
        .set(who.iter().map(String::as_str))
        .done();

    let mut meanings = Vec::new();
    // Only of a call that is over is the result its end: beside any other state it is that of what was asked of the call,
    // a transfer for example, or of an operation, whose status says enough.
    let over = state.as_deref() == Some("terminated");
    if let Some((code, message)) = ended.as_ref().filter(|_| over) {
        meanings.push(end(code, message.as_deref()));
    }
    if participants.iter().any(|one| one.in_lobby == Some(true)) {
        meanings.push(Meaning::of(Provider::Teams, Kind::State, "roster.isInLobby", None));
    }
    if let Some(state) = state {
        let state = format!("{kind}.{state}");
        let beside = ended
            .as_ref()
            .filter(|_| !over)
            .map(|(code, message)| format!("{code} {}", message.as_deref().unwrap_or_default()));
        meanings.push(Meaning::of(Provider::Teams, Kind::State, &state, beside.as_deref()));
    }
    Event {
        account: data.id(&["tenantId"]),
        sequence: data.int(&["sequenceNumber"]),
        about,
        participants,
        meanings,
        ..Event::new(Provider::Teams, name, key)
    }
}

/// The last part of `#microsoft.graph.call`.
fn short(kind: &str) -> &str {
    kind.rsplit_once('.').map_or(kind, |(_, short)| short)
}

/// The id in `/communications/calls/{id}/…`.
fn call_of(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("calls/")?;
    rest.split('/').next().filter(|id| !id.is_empty())
}

/// `code/subcode` and the message; `code` alone where there is no subcode.
fn result(data: &Value) -> Option<(String, Option<String>)> {
    let info = data.at(&["resultInfo"])?;
    let code = info.id(&["code"])?;
    let code = match info.id_of(&[&["subcode"], &["subCode"]]) {
        Some(subcode) => format!("{code}/{subcode}"),
        None => code,
    };
    Some((code, info.id(&["message"])))
}

/// The meaning of how a call ended: `code/subcode`, where whole families have one meaning (`408/*`). A subcode `540…` or
/// `560…` comes from a border controller to the telephone network, with a response of SIP at its end.
#[must_use]
pub fn end(code: &str, message: Option<&str>) -> Meaning {
    let family = code.split('/').next().map(|code| format!("{code}/*"));
    let known = |code: &str| table::lookup(Provider::Teams, Kind::CallEnd, code).is_some();
    let response = code
        .split_once('/')
        .and_then(|(_, subcode)| {
            subcode.strip_prefix("540").or_else(|| subcode.strip_prefix("560"))
        })
        .filter(|response| response.len() == 3 && !known(code));
    if let Some(meaning) = response.and_then(|response| sip::meaning(response, message, None)) {
        return meaning;
    }
    match family {
        Some(family) if !known(code) && known(&family) => {
            // The family stands for the code, which is kept beside it.
            Meaning::of(Provider::Teams, Kind::CallEnd, &family, Some(code))
        }
        _ => Meaning::of(Provider::Teams, Kind::CallEnd, code, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};
    use serde_json::json;

    fn one(data: &Value) -> Event {
        let value = json!({"@odata.type": "#microsoft.graph.commsNotifications", "value": [
            {"changeType": "updated", "resourceUrl": "/communications/calls/c1", "resourceData": data}]});
        calls(value.to_string().as_bytes()).unwrap().remove(0)
    }

    fn ended(result: &Value) -> Event {
        one(
            &json!({"@odata.type": "#microsoft.graph.call", "state": "terminated", "resultInfo": result}),
        )
    }

    #[test]
    fn the_states_of_a_call_are_read() {
        let call = |state: &str| {
            one(
                &json!({"@odata.type": "#microsoft.graph.call", "state": state, "direction": "outgoing",
                "chatInfo": {"threadId": "19:meeting_1@thread.v2"}}),
            )
        };
        let event = call("established");
        assert_eq!(event.name, "call.updated");
        assert_eq!(event.about.call.as_deref(), Some("c1"));
        assert_eq!(event.about.conference.as_deref(), Some("19:meeting_1@thread.v2"));
        assert_eq!(event.about.direction, Some(Direction::Outbound));
        assert!(event.says(Signal::InCall));
        assert!(call("establishing").says(Signal::Joining));
    }

    #[test]
    fn a_code_may_be_a_number_or_a_string() {
        for result in [
            json!({"code": "0", "subcode": "5300"}),
            json!({"code": 0, "subCode": 5300, "message": "removed"}),
        ] {
            assert_eq!(ended(&result).signals().first().copied(), Some(Signal::Removed));
        }
        assert_eq!(
            ended(&json!({"code": 408, "subcode": 4711})).signals().first().copied(),
            Some(Signal::ConnectionFailed)
        );
        let strange = ended(&json!({"code": 403, "subcode": 1}));
        assert!(strange.meanings[0].is_unknown());
        assert_eq!(strange.meanings[0].raw_code(), "403/1");
    }

    #[test]
    fn a_result_beside_a_call_that_goes_on_is_not_its_end() {
        let transfer = one(&json!({"@odata.type": "#microsoft.graph.call", "state": "established",
            "resultInfo": {"code": 500, "subcode": 7000, "message": "no transfer"}}));
        assert_eq!(transfer.signals(), [Signal::InCall]);
        assert_eq!(transfer.meanings[0].raw_text(), Some("500/7000 no transfer"));
        let prompt = one(
            &json!({"@odata.type": "#microsoft.graph.playPromptOperation", "status": "completed",
            "resultInfo": {"code": 200, "subcode": 0}}),
        );
        assert_eq!(prompt.signals(), [Signal::Announced]);
        assert_eq!(prompt.unknown().count(), 0);
    }

    #[test]
    fn a_border_controller_speaks_sip() {
        assert_eq!(end("486/540486", None).signal(), Some(Signal::LineBusy));
        assert_eq!(end("500/560410", None).signal(), Some(Signal::NumberInvalid));
        assert_eq!(end("404/560404", None).provider(), Provider::Teams);
        assert!(end("500/56041", None).is_unknown());
    }

    #[test]
    fn a_call_may_go_without_a_word() {
        let event = one(&json!({"@odata.type": "#microsoft.graph.call", "state": "terminated"}));
        assert_eq!(event.signals(), [Signal::Left]);
    }

    #[test]
    fn a_bot_in_the_lobby_sees_itself_in_the_roster() {
        let value = json!({"value": [{"changeType": "updated", "resourceUrl": "/communications/calls/c1/participants",
            "resourceData": [{"@odata.type": "#microsoft.graph.participant", "id": "p1", "isInLobby": true,
                "info": {"identity": {"application": {"id": "bot", "displayName": "Recorder"}}}}]}]});
        let event = calls(value.to_string().as_bytes()).unwrap().remove(0);
        assert_eq!(event.participants[0].in_lobby, Some(true));
        assert_eq!(event.participants[0].user.as_deref(), Some("bot"));
        assert_eq!(event.about.call.as_deref(), Some("c1"));
        assert!(event.tells(News::LobbyEntered));
    }

    #[test]
    fn a_failed_prompt_is_a_failed_announcement() {
        let event =
            one(&json!({"@odata.type": "#microsoft.graph.playPromptOperation", "status": "failed",
            "clientContext": "plan-7", "resultInfo": {"code": 500, "subcode": 8508}}));
        assert!(event.says(Signal::AnnouncementFailed));
        assert_eq!(event.about.reference.as_deref(), Some("plan-7"));
    }
}
