//! What becomes of calls and recordings, and the callbacks that tell.

use bytes::Bytes;

use super::{Inner, PhoneCall, Recording, sid, time};
use crate::Notice;

/// Statuses of a call, and which can follow.
const WAYS: [(&str, &[&str]); 9] = [
    ("queued", &["initiated", "failed", "canceled"]),
    ("initiated", &["ringing", "in-progress", "busy", "failed", "no-answer", "canceled"]),
    ("ringing", &["in-progress", "busy", "failed", "no-answer", "canceled"]),
    ("in-progress", &["completed", "failed"]),
    ("completed", &[]),
    ("busy", &[]),
    ("failed", &[]),
    ("no-answer", &[]),
    ("canceled", &[]),
];

impl Inner {
    pub(super) fn dial(&self, from: &str, to: &str, parent: Option<&str>) -> String {
        let made = self.now();
        let mut state = self.state();
        let sid = sid("CA", &mut state.random);
        let call = PhoneCall {
            sid: sid.clone(),
            parent: parent.map(str::to_owned),
            from: from.to_owned(),
            to: to.to_owned(),
            status: "queued",
            told: 0,
            made,
            answered: None,
            ended: None,
            answered_by: None,
        };
        state.calls.insert(sid.clone(), call);
        sid
    }

    pub(super) fn happen(&self, id: &str, status: &str, more: &[(&str, &str)]) {
        let now = self.now();
        let mut state = self.state();
        let call = state.calls.get_mut(id).expect("a call");
        let way = WAYS.iter().find(|(from, _)| *from == call.status);
        let next = way.and_then(|(_, next)| next.iter().find(|one| **one == status));
        call.status = next.unwrap_or_else(|| panic!("`{status}` cannot follow `{}`", call.status));
        if status == "in-progress" {
            call.answered = Some(now);
        }
        let over = WAYS.iter().any(|(from, next)| *from == status && next.is_empty());
        if over {
            call.ended = Some(now);
        }
        if let Some((_, who)) = more.iter().find(|(key, _)| *key == "AnsweredBy") {
            call.answered_by = Some((*who).to_owned());
        }
        let mut pairs = self.about(call);
        pairs.extend([
            ("CallStatus", status.to_owned()),
            ("CallbackSource", "call-progress-events".to_owned()),
            ("Timestamp", time(now)),
            ("SequenceNumber", call.told.to_string()),
        ]);
        call.told += 1;
        if over {
            let seconds = call.answered.map_or(0, |at| (now - at).num_seconds());
            pairs.push(("CallDuration", seconds.to_string()));
            pairs.push(("Duration", ((seconds + 59) / 60).to_string()));
        }
        self.tell(&format!("call.{status}"), &pairs, more);
    }

    pub(super) fn record(&self, call: &str, source: &str) -> String {
        let made = self.now();
        let sid = {
            let mut state = self.state();
            assert!(state.calls.contains_key(call), "a call");
            let sid = sid("RE", &mut state.random);
            state.recordings.push(Recording {
                sid: sid.clone(),
                call: call.to_owned(),
                source: source.to_owned(),
                status: "in-progress",
                made,
                seconds: -1,
                error: None,
                file: None,
            });
            sid
        };
        self.tell_recording(&sid);
        sid
    }

    pub(super) fn close(
        &self,
        id: &str,
        status: &'static str,
        seconds: i64,
        error: Option<u32>,
        file: Option<Bytes>,
    ) {
        {
            let mut state = self.state();
            let one = state.recordings.iter_mut().find(|one| one.sid == id);
            let one = one.expect("a recording");
            (one.status, one.seconds, one.error, one.file) = (status, seconds, error, file);
        }
        self.tell_recording(id);
    }

    fn tell_recording(&self, id: &str) {
        let state = self.state();
        let one = state.recordings.iter().find(|one| one.sid == id).expect("a recording");
        let account = &self.options.account;
        let url =
            format!("https://api.twilio.example/2010-04-01/Accounts/{account}/Recordings/{id}");
        let mut pairs = vec![
            ("AccountSid", account.clone()),
            ("CallSid", one.call.clone()),
            ("RecordingSid", id.to_owned()),
            ("RecordingStatus", one.status.to_owned()),
            ("RecordingSource", one.source.clone()),
            ("RecordingChannels", "1".to_owned()),
            ("RecordingTrack", "both".to_owned()),
            ("RecordingStartTime", time(one.made)),
            ("ErrorCode", one.error.unwrap_or_default().to_string()),
        ];
        if one.status == "completed" {
            pairs.push(("RecordingUrl", url));
            pairs.push(("RecordingDuration", one.seconds.to_string()));
        }
        self.tell(&format!("recording.{}", one.status), &pairs, &[]);
    }

    /// Fields all callbacks of a call have.
    fn about(&self, call: &PhoneCall) -> Vec<(&'static str, String)> {
        let direction = if call.parent.is_some() { "outbound-dial" } else { "outbound-api" };
        let mut pairs = vec![
            ("AccountSid", self.options.account.clone()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("CallSid", call.sid.clone()),
            ("Direction", direction.to_owned()),
            ("From", call.from.clone()),
            ("To", call.to.clone()),
            ("Caller", call.from.clone()),
            ("Called", call.to.clone()),
        ];
        pairs.extend(call.parent.clone().map(|parent| ("ParentCallSid", parent)));
        pairs
    }

    fn tell(&self, name: &str, pairs: &[(&str, String)], more: &[(&str, &str)]) {
        let all = pairs.iter().map(|(key, value)| (*key, value.as_str()));
        let all: Vec<(&str, &str)> = all.chain(more.iter().copied()).collect();
        self.outbox.send(Notice::form(name, &all));
    }
}
