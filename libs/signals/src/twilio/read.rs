//! Twilio's callbacks.

use std::collections::BTreeMap;

use crate::event::Direction;
use crate::key::Maker;
use crate::read::Error;
use crate::{
    About, Event, Kind, MAX_BODY, Meaning, Participant, Private, Provider, Recording, sip, time,
};

/// Reads the form of a status or recording callback.
///
/// # Errors
/// It is too large, or names neither a call nor a recording.
pub fn read(body: &[u8]) -> Result<Event, Error> {
    if body.len() > MAX_BODY {
        return Err(Error::TooLarge(body.len()));
    }
    let pairs = url::form_urlencoded::parse(body);
    // Of a name that stands twice, the last value counts.
    event(&pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

/// Reads the parameters of a callback that came in another way, as in the query of a GET.
///
/// Callbacks overtake one another; `SequenceNumber` counts those of one call. A call placed for another one carries
/// `ParentCallSid`. The most telling of what a failed call comes with is put first: an error of Twilio's own, then the
/// response of SIP, then the status.
///
/// # Errors
/// They name neither a call nor a recording.
pub fn event(form: &BTreeMap<String, String>) -> Result<Event, Error> {
    let field = |name: &str| form.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let int = |name: &str| field(name).and_then(|text| text.parse::<i64>().ok());
    let call = field("CallSid");
    let recording_sid = field("RecordingSid");
    if call.is_none() && recording_sid.is_none() {
        return Err(Error::Missing("CallSid"));
    }
    let status = field("CallStatus");
    let recording = recording_sid.map(|sid| recording(sid, &field, &int));
    let name = match (field("RecordingStatus"), status) {
        (Some(status), _) if recording.is_some() => format!("recording.{status}"),
        (_, Some(status)) => format!("call.{status}"),
        (_, None) => "call".to_owned(),
    };
    let about = About {
        call: call.map(str::to_owned),
        session: field("ParentCallSid").or(call).map(str::to_owned),
        leg: call.map(str::to_owned),
        conference: field("ConferenceSid").map(str::to_owned),
        direction: field("Direction").and_then(Direction::from_name),
        from: field("From").or_else(|| field("Caller")).map(Private::new),
        to: field("To").or_else(|| field("Called")).map(Private::new),
        seconds: int("CallDuration").or_else(|| int("Duration")),
        ..About::default()
    };
    let participants = ["From", "To"]
        .into_iter()
        .filter_map(|role| {
            Some(Participant {
                id: Some(role.to_ascii_lowercase()),
                phone: Some(Private::new(field(role)?)),
                ..Participant::default()
            })
        })
        .collect();
    let at = field("Timestamp")
        .or_else(|| field("RecordingStartTime").filter(|_| status.is_none()))
        .and_then(time::text);
    let sequence = int("SequenceNumber");
    let key = Maker::new(Provider::Twilio, &name)
        .maybe(field("AccountSid"))
        .maybe(call)
        .maybe(recording_sid)
        .maybe(field("RecordingStatus"))
        .number(sequence)
        // Without a number, the time tells one callback of a call from the next.
        .number(at.filter(|_| sequence.is_none()).map(|at| at.timestamp_millis()))
        .done();
    Ok(Event {
        account: field("AccountSid").map(str::to_owned),
        at,
        sequence,
        about,
        participants,
        recordings: recording.into_iter().collect(),
        meanings: meanings(&field),
        ..Event::new(Provider::Twilio, name, key)
    })
}

/// The recording a callback is about.
fn recording<'a>(
    sid: &str,
    field: &impl Fn(&str) -> Option<&'a str>,
    int: &impl Fn(&str) -> Option<i64>,
) -> Recording {
    Recording {
        id: Some(sid.to_owned()),
        of: field("CallSid").map(str::to_owned),
        content: field("RecordingSource").map(str::to_owned),
        // Started through the API, so by whoever pressed a button, and not by the plan of the call.
        by_hand: field("RecordingSource").map(|source| source.starts_with("Start")),
        format: None,
        state: field("RecordingStatus").map(str::to_owned),
        started: field("RecordingStartTime").and_then(time::text),
        ended: None,
        bytes: None,
        seconds: int("RecordingDuration").filter(|seconds| *seconds >= 0),
        url: field("RecordingUrl").map(Private::new),
    }
}

/// The raw codes of a callback, the most telling one first.
fn meanings<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> Vec<Meaning> {
    let of = |kind: Kind, code: &str| Meaning::of(Provider::Twilio, kind, code, None);
    let mut found = Vec::new();
    let status = field("CallStatus");
    for error in ["ErrorCode", "RecordingErrorCode"] {
        // `0` says that there is none.
        if let Some(code) = field(error).filter(|code| *code != "0") {
            found.push(of(Kind::Rest, code));
        }
    }
    // Whether a call was answered is told by its status; a SIP response of 200 says nothing more.
    if let Some(code) = field("SipResponseCode").filter(|_| status != Some("completed"))
        && let Some(meaning) = sip::meaning(code, field("SipReason"), None)
    {
        found.push(meaning);
    }
    if let Some(who) = field("AnsweredBy") {
        found.push(of(Kind::AnsweredBy, who));
    }
    if let Some(status) = field("RecordingStatus") {
        found.push(of(Kind::Recording, status));
    }
    if let Some(status) = status {
        found.push(of(Kind::State, status));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{News, Signal};

    fn first(body: &str) -> Option<Signal> {
        read(body.as_bytes()).unwrap().signals().first().copied()
    }

    #[test]
    fn a_status_callback_is_read() {
        let body = "AccountSid=AC1&CallSid=CA2&ParentCallSid=CA1&CallStatus=completed&CallDuration=42&SequenceNumber=3\
            &Timestamp=Tue%2C+06+Jan+2026+10%3A00%3A00+%2B0000&From=%2B15550100&To=%2B15550101&Direction=outbound-dial\
            &SipResponseCode=200&AnsweredBy=human";
        let event = read(body.as_bytes()).unwrap();
        assert_eq!(event.name, "call.completed");
        assert_eq!(event.account.as_deref(), Some("AC1"));
        assert_eq!(event.about.call.as_deref(), Some("CA2"));
        assert_eq!(event.about.session.as_deref(), Some("CA1"));
        assert_eq!(event.about.direction, Some(Direction::Outbound));
        assert_eq!(event.about.seconds, Some(42));
        assert_eq!(event.sequence, Some(3));
        assert_eq!(event.at.unwrap().to_rfc3339(), "2026-01-06T10:00:00+00:00");
        assert_eq!(event.about.to.as_ref().unwrap().expose(), "+15550101");
        assert_eq!(event.signals(), [Signal::Answered, Signal::CallEnded]);
    }

    #[test]
    fn the_response_of_sip_says_more_than_failed() {
        assert_eq!(
            first("CallSid=CA1&CallStatus=failed&SipResponseCode=404"),
            Some(Signal::NumberInvalid)
        );
        assert_eq!(
            first("CallSid=CA1&CallStatus=failed&SipResponseCode=503"),
            Some(Signal::DestinationUnavailable)
        );
        assert_eq!(
            first("CallSid=CA1&CallStatus=failed&SipResponseCode=608"),
            Some(Signal::CarrierBlocked)
        );
        assert_eq!(
            first("CallSid=CA1&CallStatus=no-answer&SipResponseCode=487"),
            Some(Signal::CallUnanswered)
        );
    }

    #[test]
    fn an_error_of_twilio_says_most() {
        let body = "CallSid=CA1&CallStatus=failed&SipResponseCode=403&ErrorCode=13225";
        assert_eq!(first(body), Some(Signal::NumberHighRisk));
        assert_eq!(first("CallSid=CA1&CallStatus=busy&ErrorCode=0"), Some(Signal::LineBusy));
    }

    #[test]
    fn callbacks_of_one_call_are_told_apart_by_their_number() {
        let key = |number: &str| {
            let body = format!("CallSid=CA1&CallStatus=completed&SequenceNumber={number}");
            read(body.as_bytes()).unwrap().key
        };
        assert_eq!(key("2"), key("2"));
        assert_ne!(key("2"), key("3"));
    }

    #[test]
    fn a_recording_callback_is_read() {
        let body = "AccountSid=AC1&CallSid=CA1&RecordingSid=RE1&RecordingStatus=completed&RecordingDuration=61\
            &RecordingUrl=https%3A%2F%2Fapi.twilio.example%2FRE1&RecordingSource=StartCallRecordingAPI";
        let event = read(body.as_bytes()).unwrap();
        assert_eq!(event.name, "recording.completed");
        assert_eq!(event.recordings[0].seconds, Some(61));
        assert_eq!(event.recordings[0].by_hand, Some(true));
        assert!(event.says(Signal::FilesReady));
        let absent = read(b"CallSid=CA1&RecordingSid=RE1&RecordingStatus=absent").unwrap();
        assert!(absent.says(Signal::DialerImportFailed));
        assert_ne!(absent.key, event.key);
    }

    #[test]
    fn a_machine_is_told_from_a_person() {
        let body = "CallSid=CA1&CallStatus=in-progress&AnsweredBy=machine_end_beep";
        let event = read(body.as_bytes()).unwrap();
        assert!(event.tells(News::MachineAnswered) && event.says(Signal::Answered));
    }

    #[test]
    fn what_names_no_call_is_refused() {
        assert_eq!(read(b"a=b"), Err(Error::Missing("CallSid")));
        assert_eq!(read(b""), Err(Error::Missing("CallSid")));
    }
}
