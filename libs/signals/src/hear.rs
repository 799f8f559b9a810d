//! What a session hears of an event.

use chrono::{DateTime, Utc};
use decision::session::{Heard, Means, Says, Signal};

use crate::{Event, Kind, News, Participant, Provider};

impl Event {
    /// What a session that records by these means hears of it, in the order in which it is to be told. `ours` tells the
    /// session's own recorder among the participants; `received` stands in for a time the provider does not give.
    ///
    /// Beside [`Event::signals`] these are: news of participants, where the participant is the recorder; a host who
    /// came; a recording that was started by hand; and each code nobody has mapped, as [`Signal::Unreadable`]. News of
    /// accounts, subscriptions and changed conferences are in [`Event::news`]: they concern more than one session, or
    /// need what only a calendar or a setting knows.
    ///
    /// What a conference tells of its own recordings is no news to a session in which a bot records.
    ///
    /// [`Heard::run`] is left open: only whoever sent the recorder knows its attempt.
    #[must_use]
    pub fn heard(
        &self,
        means: Means,
        received: DateTime<Utc>,
        ours: impl Fn(&Participant) -> bool,
    ) -> Vec<Heard> {
        let at = self.at.unwrap_or(received);
        let by_hand = self.recordings.iter().any(|one| one.by_hand == Some(true));
        let mut said: Vec<Signal> = Vec::new();
        for meaning in &self.meanings {
            said.extend(meaning.signal());
            if let Some(news) = meaning.news() {
                said.extend(self.of_participants(news, &ours));
            }
        }
        if by_hand && means == Means::Dialer {
            said.insert(0, Signal::ManualStart);
        }
        let foreign = means.joins() && self.is_of_conference();
        said.retain(|signal| !(foreign && is_of_recording(*signal)));

        let sequence = self.sequence.unwrap_or_default().clamp(0, u32::MAX.into());
        let heard = |signal| Heard {
            sequence: u32::try_from(sequence).unwrap_or_default(),
            ..Heard::new(signal, at)
        };
        // An event of an unknown name is news nobody has asked for; any other unknown code is of the call.
        let unread = self.unknown().filter(|one| one.kind() != Kind::Event);
        let unread =
            unread.map(|one| Heard { raw: Some(one.raw(at)), ..heard(Signal::Unreadable) });
        unread.chain(explained(said).into_iter().map(heard)).collect()
    }

    /// Whether it comes from a conference itself rather than from a recorder in it, or from telephony: its recordings
    /// are then the provider's own.
    #[must_use]
    pub const fn is_of_conference(&self) -> bool {
        match self.provider {
            Provider::Zoom | Provider::Webex | Provider::GoogleMeet => true,
            // Calls of Graph are those of our own bot.
            Provider::Teams => self.about.call.is_none(),
            Provider::ZoomPhone
            | Provider::Twilio
            | Provider::RingCentral
            | Provider::Aircall
            | Provider::Vonage
            | Provider::Telnyx
            | Provider::Dialer
            | Provider::Sip
            | Provider::Recall
            | Provider::Attendee => false,
        }
    }

    /// The signals news of participants come to.
    fn of_participants(
        &self,
        news: News,
        ours: &impl Fn(&Participant) -> bool,
    ) -> impl Iterator<Item = Signal> {
        let concerned = |one: &&Participant| self.participants.len() == 1 || is_of(news, one);
        let mut recorder = false;
        let mut host = false;
        for one in self.participants.iter().filter(concerned) {
            if ours(one) {
                recorder = true;
            } else {
                host |= self.comes_as_host(news, one);
            }
        }
        let of_recorder = news.comes_to().filter(|_| recorder && news.is_of_participant());
        of_recorder.into_iter().chain(host.then_some(Signal::HostJoined))
    }

    fn comes_as_host(&self, news: News, one: &Participant) -> bool {
        let known = one.user.is_some() && one.user == self.about.host;
        let named =
            |name: &str| one.state.as_deref().is_some_and(|is| is.eq_ignore_ascii_case(name));
        (news == News::ParticipantJoined && (one.host == Some(true) || known))
            || (news == News::RoleChanged && named("host"))
    }
}

impl News {
    /// Whether it comes to a signal if the participant is a recorder.
    const fn is_of_participant(self) -> bool {
        matches!(self.topic(), crate::Topic::Participant)
    }
}

/// Whether news are of this participant among several.
fn is_of(news: News, one: &Participant) -> bool {
    let state = one.state.as_deref().unwrap_or_default();
    (news == News::LobbyEntered && one.in_lobby == Some(true))
        || (news == News::ParticipantJoined && state == "joined")
        || (news == News::ParticipantLeft && state == "exited")
}

/// Whether a signal is about the recording rather than the conference.
const fn is_of_recording(signal: Signal) -> bool {
    matches!(
        signal,
        Signal::RecordingStarted
            | Signal::RecordingPaused
            | Signal::RecordingResumed
            | Signal::RecordingStopped
    ) || matches!(signal.says(), Says::Files | Says::FileFault)
}

/// Those of the signals of one event that hold, each once. They come with the most telling one first, and what comes
/// first explains what follows: one event has one reason for an end, and after it neither progress nor the end of the
/// conference is news.
pub(crate) fn explained(signals: impl IntoIterator<Item = Signal>) -> Vec<Signal> {
    let mut kept: Vec<Signal> = Vec::new();
    for signal in signals {
        let has = |one: Signal| kept.contains(&one);
        let ended = kept
            .iter()
            .any(|one| matches!(one.says(), Says::Fault(_) | Says::DialFault | Says::Overtaken));
        let lost = kept.iter().any(|one| one.says() == Says::FileFault);
        let explained = match signal.says() {
            Says::Fault(_) | Says::DialFault | Says::Overtaken => ended,
            Says::FileFault => lost,
            Says::Progress if ended => true,
            Says::Progress => {
                let inside = matches!(signal, Signal::InCall | Signal::Admitted);
                (inside && has(Signal::InLobby))
                    || (signal == Signal::PermissionDenied && has(Signal::PermissionUnanswered))
            }
            Says::Meeting => ended && signal == Signal::MeetingEnded,
            Says::People | Says::Forbids | Says::Act | Says::Dial | Says::Files | Says::Note => {
                false
            }
        };
        if !explained && !kept.contains(&signal) {
            kept.push(signal);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{aircall, attendee, graph, recall, twilio, zoom};
    use serde_json::{Value, json};

    const RECEIVED: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn of_zoom(name: &str, object: &Value) -> Event {
        let value = json!({"event": name, "event_ts": 1_767_261_600_000_i64,
            "payload": {"account_id": "acc", "object": object}});
        zoom::read(value.to_string().as_bytes()).unwrap()
    }

    fn of_recall(state: &str, reason: Option<&str>) -> Event {
        let value = json!({"event": format!("bot.{state}"), "data": {"bot": {"id": "b1"}, "data":
            {"code": state, "sub_code": reason, "updated_at": "2026-01-01T10:00:00Z"}}});
        recall::read(value.to_string().as_bytes()).unwrap()
    }

    fn hears(event: &Event, means: Means) -> Vec<Signal> {
        let ours = |one: &Participant| one.reference.as_deref() == Some("ours");
        event.heard(means, RECEIVED, ours).into_iter().map(|heard| heard.signal).collect()
    }

    fn participant(event: &str, more: &[(&str, Value)]) -> Event {
        let mut one = json!({"participant_uuid": "p", "user_name": "Ada"});
        for (name, value) in more {
            one[*name] = value.clone();
        }
        let object = json!({"id": "1", "uuid": "u", "host_id": "h", "participant": one});
        of_zoom(event, &object)
    }

    #[test]
    fn what_befalls_our_recorder_is_heard_and_what_befalls_others_is_not() {
        let ours = ("customer_key", json!("ours"));
        let reason = ("leave_reason", json!("Ada left the meeting.<br>Reason: Removed by host."));
        for (event, signal) in [
            ("meeting.participant_joined_waiting_room", Signal::InLobby),
            ("meeting.participant_admitted", Signal::Admitted),
            ("meeting.participant_joined", Signal::InCall),
            ("meeting.participant_left", Signal::Left),
        ] {
            let own = participant(event, std::slice::from_ref(&ours));
            assert_eq!(hears(&own, Means::Bot), [signal], "{event}");
            assert_eq!(hears(&participant(event, &[]), Means::Bot), [], "{event}");
        }
        let other = participant("meeting.participant_left", std::slice::from_ref(&reason));
        assert_eq!(hears(&other, Means::Bot), []);
        let own = participant("meeting.participant_left", &[reason, ours]);
        assert_eq!(hears(&own, Means::Bot), [Signal::Removed]);
    }

    #[test]
    fn everybody_leaves_a_meeting_that_ended() {
        let reason = "Ada left the meeting.<br>Reason: Host ended the meeting.";
        let left = participant("meeting.participant_left", &[("leave_reason", json!(reason))]);
        assert_eq!(left.signals(), [Signal::MeetingEnded]);
        assert_eq!(hears(&left, Means::Cloud), [Signal::MeetingEnded]);
    }

    #[test]
    fn a_host_is_noticed() {
        let host = participant("meeting.participant_joined", &[("id", json!("h"))]);
        assert_eq!(hears(&host, Means::LocalBot), [Signal::HostJoined]);
        let guest = participant("meeting.participant_joined", &[("id", json!("g"))]);
        assert_eq!(hears(&guest, Means::LocalBot), []);
        let promoted =
            |role| participant("meeting.participant_role_changed", &[("new_role", json!(role))]);
        assert_eq!(hears(&promoted("host"), Means::LocalBot), [Signal::HostJoined]);
        assert_eq!(hears(&promoted("attendee"), Means::LocalBot), []);
    }

    #[test]
    fn a_roster_is_searched_for_our_recorder() {
        let one = |id: &str, lobby: bool| json!({"id": id, "isInLobby": lobby, "info": {"identity": {"application": {"id": id}}}});
        let roster = |ada: bool, bot: bool| {
            let value = json!({"value": [{"changeType": "updated",
                "resource": "/app/calls/c1/participants", "resourceData": [one("ada", ada), one("bot", bot)]}]});
            let events = graph::calls(value.to_string().as_bytes()).unwrap();
            let heard =
                events[0].heard(Means::Bot, RECEIVED, |one| one.id.as_deref() == Some("bot"));
            heard.into_iter().map(|heard| heard.signal).collect::<Vec<_>>()
        };
        assert_eq!(roster(false, true), [Signal::InLobby]);
        assert_eq!(roster(true, false), []);
    }

    #[test]
    fn the_reason_of_an_end_stands_for_the_end() {
        let left = |reason| hears(&of_recall("call_ended", reason), Means::Bot);
        assert_eq!(left(None), [Signal::Left]);
        assert_eq!(left(Some("bot_kicked_from_call")), [Signal::Removed]);
        // What may pass is not made final by the state beside it.
        assert_eq!(left(Some("microsoft_teams_call_dropped")), [Signal::ConnectionFailed]);
        // What is no end by itself leaves the end standing.
        assert_eq!(left(Some("bot_received_leave_call")), [Signal::OwnStop, Signal::Left]);
        assert_eq!(left(Some("call_ended_by_host")), [Signal::MeetingEnded, Signal::Left]);
        let failed = |reason| hears(&of_recall("fatal", reason), Means::Bot);
        assert_eq!(failed(None), [Signal::FailedUnexplained]);
        assert_eq!(failed(Some("meeting_locked")), [Signal::Locked]);
    }

    #[test]
    fn a_refusal_is_what_its_reason_says() {
        let refused =
            |reason| hears(&of_recall("recording_permission_denied", reason), Means::LocalBot);
        assert_eq!(refused(None), [Signal::PermissionDenied]);
        assert_eq!(
            refused(Some("zoom_local_recording_request_denied_by_host")),
            [Signal::PermissionDenied]
        );
        // Denied or timed out: the session's own timer tells.
        assert_eq!(refused(Some("zoom_local_recording_denied")), [Signal::PermissionUnanswered]);
        assert_eq!(refused(Some("zoom_local_recording_disabled")), [Signal::LocalRecordingOff]);
    }

    #[test]
    fn who_waits_in_the_lobby_of_a_call_is_not_in_it() {
        assert_eq!(explained([Signal::InLobby, Signal::InCall]), [Signal::InLobby]);
        assert_eq!(explained([Signal::Answered, Signal::CallEnded]).len(), 2);
        assert_eq!(explained([Signal::FilesReady, Signal::FilesReady]), [Signal::FilesReady]);
    }

    #[test]
    fn a_bot_that_was_removed_did_not_see_the_meeting_end() {
        let value = json!({"trigger": "bot.state_change", "bot_id": "b", "data": {"new_state": "post_processing",
            "event_type": "meeting_ended", "event_metadata": {"bot_removed_by": {"uuid": "x"}},
            "created_at": "2026-01-01T10:00:00Z"}});
        let event = attendee::read(value.to_string().as_bytes()).unwrap();
        assert_eq!(hears(&event, Means::Bot), [Signal::Removed, Signal::FilesProcessing]);
    }

    #[test]
    fn a_code_nobody_knows_is_heard_as_such() {
        let event = of_recall("fatal", Some("eaten_by_dog"));
        let heard = event.heard(Means::Bot, RECEIVED, |_| false);
        assert_eq!(
            heard.iter().map(|heard| heard.signal).collect::<Vec<_>>(),
            [Signal::Unreadable, Signal::FailedUnexplained]
        );
        let raw = heard[0].raw.as_ref().unwrap();
        assert_eq!(
            (raw.provider.as_str(), raw.raw_code.as_str()),
            ("recall", "reason:eaten_by_dog")
        );
        assert_eq!(raw.observed_at, heard[0].at);
        let news = of_zoom("meeting.abducted", &json!({}));
        assert_eq!(hears(&news, Means::Bot), []);
        assert_eq!(news.unknown().count(), 1);
    }

    #[test]
    fn a_recording_of_the_provider_is_no_news_to_a_bot() {
        let object = json!({"id": "1", "uuid": "u", "recording_files": [{"id": "f"}]});
        for (event, signal) in [
            ("recording.started", Signal::RecordingStarted),
            ("recording.completed", Signal::FilesReady),
            ("recording.trashed", Signal::FilesDeleted),
        ] {
            let event = of_zoom(event, &object);
            assert_eq!(hears(&event, Means::Cloud), [signal]);
            assert_eq!(hears(&event, Means::LocalBot), []);
        }
        assert_eq!(
            hears(&of_recall("in_call_recording", None), Means::Bot),
            [Signal::RecordingStarted]
        );
    }

    #[test]
    fn a_pressed_button_is_a_manual_start() {
        let form = |source: &str| {
            format!("CallSid=C&RecordingSid=R&RecordingStatus=in-progress&RecordingSource={source}")
        };
        let hears =
            |source: &str| hears(&twilio::read(form(source).as_bytes()).unwrap(), Means::Dialer);
        assert_eq!(hears("StartCallRecordingAPI"), [Signal::ManualStart, Signal::RecordingStarted]);
        assert_eq!(hears("RecordVerb"), [Signal::RecordingStarted]);
    }

    #[test]
    fn what_is_most_telling_decides_why_a_call_was_not_connected() {
        let heard = |body: &str| hears(&twilio::read(body.as_bytes()).unwrap(), Means::Dialer);
        assert_eq!(
            heard("CallSid=C&CallStatus=failed&SipResponseCode=404"),
            [Signal::NumberInvalid]
        );
        assert_eq!(heard("CallSid=C&CallStatus=failed"), [Signal::DestinationUnavailable]);
        assert_eq!(
            heard("CallSid=C&CallStatus=no-answer&SipResponseCode=603"),
            [Signal::CallDeclined]
        );
        assert_eq!(heard("CallSid=C&CallStatus=completed"), [Signal::CallEnded]);
    }

    #[test]
    fn times_and_numbers_go_along() {
        let body = "CallSid=C&CallStatus=ringing&SequenceNumber=7&Timestamp=Thu%2C+01+Jan+2026+10%3A00%3A00+%2B0000";
        let heard =
            &twilio::read(body.as_bytes()).unwrap().heard(Means::Dialer, RECEIVED, |_| false)[0];
        assert_eq!((heard.sequence, heard.at.timestamp()), (7, 1_767_261_600));
        let body = json!({"event": "call.created", "data": {"id": 1}}).to_string();
        let heard =
            &aircall::read(body.as_bytes()).unwrap().heard(Means::Dialer, RECEIVED, |_| false)[0];
        assert_eq!((heard.sequence, heard.at), (0, RECEIVED));
    }
}
