//! What holds for every input: no panic, the same answer twice, and no belief without a secret.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use decision::session::{Means, Says};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use signals::graph::{self, Batch};
use signals::verify::{jwt, standard};
use signals::{
    Event, Kind, Provider, Secret, Signal, Tolerance, aircall, attendee, dialer, meet, recall,
    redact, ringcentral, sip, table, telnyx, twilio, vonage, webex, zoom,
};

/// Names that readers look for, so that made-up payloads reach into them.
const NAMES: [&str; 72] = [
    "event",
    "event_ts",
    "payload",
    "object",
    "old_object",
    "participant",
    "recording_files",
    "recording_file",
    "meetings",
    "recording_file_ids",
    "id",
    "uuid",
    "account_id",
    "leave_reason",
    "call_logs",
    "recordings",
    "value",
    "subscriptionId",
    "changeType",
    "lifecycleEvent",
    "resource",
    "resourceData",
    "resourceUrl",
    "encryptedContent",
    "data",
    "dataKey",
    "dataSignature",
    "resultInfo",
    "code",
    "subcode",
    "state",
    "status",
    "participants",
    "info",
    "identity",
    "user",
    "isInLobby",
    "eventType",
    "eventDateTime",
    "activeParticipants@joined",
    "activeParticipants@exited",
    "@odata.type",
    "orgId",
    "body",
    "parties",
    "missedCall",
    "sequence",
    "timestamp",
    "token",
    "direction",
    "recording",
    "bot",
    "bot_id",
    "sub_code",
    "updated_at",
    "trigger",
    "new_state",
    "event_type",
    "event_sub_type",
    "event_metadata",
    "bot_removed_by",
    "call",
    "sip",
    "outcome",
    "reason",
    "event_type",
    "hangup_cause",
    "sip_hangup_cause",
    "message",
    "attributes",
    "ce-type",
    "conversation_uuid",
];

/// Words that readers look for.
const WORDS: [&str; 20] = [
    "meeting.started",
    "phone.recording_started",
    "recording.completed",
    "meetings",
    "recordings",
    "ended",
    "Disconnected",
    "call.hangup",
    "bot.fatal",
    "bot.state_change",
    "2026-01-01T10:00:00Z",
    "0001-01-01T00:00:00Z",
    "486",
    "%2F%252F",
    "Ada left.<br>Reason: x",
    "Q.850;cause=17",
    "google.workspace.meet.x",
    "eyJ9",
    "",
    "é",
];

fn payload() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word,
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Everything that can be read out of some bytes, by every reader.
fn read(bytes: &[u8]) -> Vec<Event> {
    let mut events: Vec<Event> = [
        zoom::read(bytes).ok(),
        webex::read(bytes).ok(),
        twilio::read(bytes).ok(),
        recall::read(bytes).ok(),
        attendee::read(bytes).ok(),
        aircall::read(bytes).ok(),
        vonage::read(bytes).ok(),
        telnyx::read(bytes).ok(),
        dialer::read(bytes).ok(),
        meet::read(bytes).ok(),
        graph::meeting(bytes).ok(),
    ]
    .into_iter()
    .flatten()
    .collect();
    events.extend(ringcentral::read(bytes).unwrap_or_default());
    events.extend(graph::calls(bytes).unwrap_or_default());
    let batch = Batch::read(bytes).map(|batch| batch.notifications).unwrap_or_default();
    for notification in batch.into_iter().flatten() {
        events.extend(notification.event(None));
        events.extend(notification.event(Some(bytes)));
    }
    let _ = redact::secrets(bytes);
    events
}

/// What a session hears of an event has one reason for an end at most, tells nothing twice, and is what the event says
/// where nobody in it is ours.
fn heard(event: &Event) -> Result<(), TestCaseError> {
    let received = DateTime::UNIX_EPOCH;
    for means in Means::ALL {
        let all = event.heard(means, received, |_| true);
        prop_assert!(all.iter().all(|one| one.at == event.at.unwrap_or(received)));
        let ends = |says: Says| matches!(says, Says::Fault(_) | Says::DialFault | Says::Overtaken);
        prop_assert!(all.iter().filter(|one| ends(one.signal.says())).count() <= 1);
        let read = all.iter().filter(|one| one.raw.is_none());
        let unique: BTreeSet<Signal> = read.clone().map(|one| one.signal).collect();
        prop_assert_eq!(read.count(), unique.len());
    }
    let others = event.heard(Means::Cloud, received, |_| false);
    let said = others.iter().map(|one| one.signal);
    let said: Vec<Signal> =
        said.filter(|one| ![Signal::Unreadable, Signal::HostJoined].contains(one)).collect();
    let mut expected = event.signals();
    expected.retain(|one| *one != Signal::Unreadable);
    prop_assert_eq!(said, expected);
    Ok(())
}

/// Requests with one header from every provider.
fn headers(value: &[u8]) -> HeaderMap {
    let names = [
        "x-zm-signature",
        "x-zm-request-timestamp",
        "x-spark-signature",
        "x-twilio-signature",
        "x-webhook-signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "verification-token",
        "authorization",
        "telnyx-signature-ed25519",
        "telnyx-timestamp",
        "x-callsheet-signature",
        "x-callsheet-timestamp",
    ];
    let mut headers = HeaderMap::new();
    for name in names {
        let value = HeaderValue::from_bytes(value);
        headers.insert(
            HeaderName::from_static(name),
            value.unwrap_or_else(|_| HeaderValue::from_static("1767261600")),
        );
    }
    headers
}

/// How many of the providers believe a request.
fn believed(headers: &HeaderMap, body: &[u8], url: &str) -> usize {
    let secrets = [Secret::new("a secret nobody guesses").unwrap()];
    let keys = [telnyx::PublicKey::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap()];
    let wide = Tolerance { past: TimeDelta::days(90_000), future: TimeDelta::days(90_000) };
    let now: DateTime<Utc> = DateTime::from_timestamp(1_767_261_600, 0).unwrap();
    let jwks = jwt::Keys::default();
    [
        zoom::receive(headers, body, &secrets, wide, now).is_ok(),
        webex::verify(headers, body, &secrets).is_ok(),
        twilio::verify_form(headers, url, body, &secrets).is_ok(),
        twilio::verify_json(headers, url, body, &secrets).is_ok(),
        standard::verify(headers, body, &secrets, wide, now).is_ok(),
        attendee::verify(headers, body, &secrets).is_ok(),
        ringcentral::receive(headers, body, &secrets).is_ok(),
        aircall::verify(body, &secrets).is_ok(),
        vonage::verify(headers, body, &secrets, wide, now).is_ok(),
        telnyx::verify(headers, body, &keys, wide, now).is_ok(),
        dialer::verify(headers, body, &secrets, wide, now).is_ok(),
        meet::verify(headers, &jwks, &["a"], "b", now).is_ok(),
    ]
    .into_iter()
    .filter(|believed| *believed)
    .count()
}

/// The codes of one kind in the table of a provider.
fn codes(provider: Provider, kind: Kind) -> impl Iterator<Item = &'static str> {
    let rows = table::rows().iter();
    rows.filter(move |row| (row.provider, row.kind) == (provider, kind))
        .map(|row| row.code.as_str())
}

#[test]
fn whatever_stands_beside_a_state_is_heard_as_one_end() {
    for state in codes(Provider::Recall, Kind::State).filter(|state| !state.contains('.')) {
        for reason in codes(Provider::Recall, Kind::Reason) {
            let value = json!({"event": format!("bot.{state}"), "data": {"bot": {"id": "b"}, "data":
                {"code": state, "sub_code": reason}}});
            heard(&recall::read(value.to_string().as_bytes()).unwrap()).unwrap();
        }
    }
    for state in codes(Provider::Twilio, Kind::State) {
        for response in codes(Provider::Sip, Kind::Sip).map(|code| code.trim_end_matches('+')) {
            for error in codes(Provider::Twilio, Kind::Rest) {
                let body = format!(
                    "CallSid=C&CallStatus={state}&SipResponseCode={response}&ErrorCode={error}"
                );
                heard(&twilio::read(body.as_bytes()).unwrap()).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(read(&bytes), read(&bytes));
    }

    #[test]
    fn any_json_is_read_or_refused(value in payload()) {
        let bytes = value.to_string().into_bytes();
        let events = read(&bytes);
        prop_assert_eq!(&events, &read(&bytes));
        for event in events {
            prop_assert!(event.key.as_str().starts_with(event.provider.as_str()));
            for meaning in &event.meanings {
                prop_assert!(meaning.raw_code().chars().count() <= 200);
            }
            heard(&event)?;
        }
    }

    #[test]
    fn space_in_a_payload_makes_no_other_event(value in payload()) {
        let keys = |bytes: &[u8]| read(bytes).into_iter().map(|event| event.key).collect::<Vec<_>>();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(keys(&pretty), keys(value.to_string().as_bytes()));
    }

    #[test]
    fn nobody_is_believed_without_a_secret(
        value in proptest::collection::vec(any::<u8>(), 0..80),
        body in proptest::collection::vec(any::<u8>(), 0..80),
        url in any::<String>(),
    ) {
        prop_assert_eq!(believed(&headers(&value), &body, &url), 0);
    }

    #[test]
    fn any_reason_of_sip_is_read(code in any::<String>(), phrase in any::<String>(), reason in any::<String>()) {
        prop_assert_eq!(
            sip::meaning(&code, Some(&phrase), Some(&reason)),
            sip::meaning(&code, Some(&phrase), Some(&reason))
        );
        let _ = sip::reasons(&reason);
        let _ = graph::handshake(&reason);
    }
}
