//! What providers send, as they write it.

use chrono::TimeDelta;
use serde_json::json;

use crate::world::{SECRET, now};

pub(crate) const PROVIDERS: [&str; 11] = [
    "zoom",
    "teams",
    "webex",
    "twilio",
    "ringcentral",
    "aircall",
    "vonage",
    "telnyx",
    "dialer",
    "recall",
    "attendee",
];

/// A body of each provider, with `{n}` where ids go.
pub(crate) fn body(provider: &str, n: &str) -> String {
    let millis = now().timestamp_millis();
    match provider {
        "zoom" => zoom("meeting.started", n, "u1", 0, json!({})),
        "teams" => json!({ "value": [{
            "subscriptionId": "s1", "clientState": SECRET, "changeType": "created", "tenantId": "A1",
            "resource": format!("communications/callRecords/{n}"), "resourceData": { "id": n },
        }] })
        .to_string(),
        "webex" => json!({
            "id": "hook", "resource": "meetings", "event": "started", "orgId": "A1",
            "data": { "id": n, "state": "inProgress" },
        })
        .to_string(),
        "twilio" => format!("CallSid=CA{n}&CallStatus=ringing&Direction=inbound&SequenceNumber=1"),
        "ringcentral" => json!({
            "uuid": n, "event": "/restapi/v1.0/account/A1/telephony/sessions",
            "timestamp": "2026-11-22T10:00:00.000Z", "subscriptionId": "s", "ownerId": "A1",
            "body": { "sequence": 1, "sessionId": n, "telephonySessionId": n, "parties": [{
                "id": "p-1", "direction": "Inbound", "from": { "phoneNumber": "+15550100" },
                "to": { "phoneNumber": "+15550101" }, "status": { "code": "Proceeding" },
            }] },
        })
        .to_string(),
        "aircall" => json!({
            "event": "call.created", "resource": "call", "timestamp": millis / 1000, "token": SECRET,
            "data": { "id": n, "direction": "inbound", "raw_digits": "+15550100" },
        })
        .to_string(),
        "vonage" => json!({
            "uuid": n, "conversation_uuid": format!("CON-{n}"), "status": "ringing",
            "direction": "outbound", "timestamp": "2026-11-22T10:00:00.000Z",
            "from": "15550100", "to": "15550101",
        })
        .to_string(),
        "telnyx" => json!({ "data": {
            "event_type": "call.initiated", "id": n, "occurred_at": "2026-11-22T10:00:00.000Z",
            "payload": { "call_session_id": n, "call_leg_id": n, "direction": "incoming",
                "from": "+15550100", "to": "+15550101", "state": "parked" },
        } })
        .to_string(),
        "dialer" => dialer("call.ringing", n),
        "recall" => json!({ "event": "bot.in_waiting_room", "data": {
            "bot": { "id": n, "metadata": {} },
            "data": { "code": "in_waiting_room", "sub_code": null, "updated_at": "2026-11-22T10:00:00Z" },
        } })
        .to_string(),
        "attendee" => {
            format!(
                r#"{{"bot_id":"{n}","data":{{"created_at":"2026-11-22T10:00:00Z","event_type":"joined_meeting","new_state":"joined_not_recording"}},"idempotency_key":"{n}","trigger":"bot.state_change"}}"#
            )
        }
        _ => unreachable!(),
    }
}

/// An event of a meeting of Zoom, so many minutes after its start.
pub(crate) fn zoom(
    event: &str,
    meeting: &str,
    uuid: &str,
    minutes: i64,
    more: serde_json::Value,
) -> String {
    let at = now() + TimeDelta::minutes(minutes);
    let mut object = json!({ "id": meeting, "uuid": uuid, "host_id": "host-1", "type": 2 });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let payload = json!({ "account_id": "A1", "object": object });
    json!({ "event": event, "event_ts": at.timestamp_millis(), "payload": payload }).to_string()
}

pub(crate) fn dialer(event: &str, call: &str) -> String {
    json!({
        "id": format!("{call}-{event}"), "event": event, "at": "2026-11-22T10:00:00Z", "account": "A1",
        "call": { "id": call, "direction": "outbound", "from": "+15550100", "to": "+15550101", "user": "ada" },
    })
    .to_string()
}
