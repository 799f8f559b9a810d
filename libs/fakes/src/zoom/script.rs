//! What happens in meetings.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::state::{Recording, Run, time};
use super::{Inner, Zoom};

/// Somebody in a meeting.
#[derive(Debug, Clone)]
pub struct Person {
    /// How the person is called.
    pub name: String,
    /// The user, if it is one of the account; a guest's is empty.
    pub user: String,
    /// The address, if Zoom knows it.
    pub email: String,
    /// Tells one participant from another, in this run.
    pub key: String,
}

impl Person {
    /// Somebody of whom Zoom knows nothing but a name.
    #[must_use]
    pub fn guest(name: &str) -> Self {
        let key = name.bytes().map(|byte| format!("{byte:02X}")).collect();
        Self { name: name.to_owned(), user: String::new(), email: String::new(), key }
    }

    /// A user of the account.
    #[must_use]
    pub fn user(id: &str, name: &str, email: &str) -> Self {
        Self { user: id.to_owned(), email: email.to_owned(), ..Self::guest(name) }
    }
}

/// What is done with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Begin.
    Start,
    /// End.
    Stop,
    /// Pause.
    Pause,
    /// Go on.
    Resume,
}

impl Zoom {
    /// A meeting begins; the uuid of the run is returned. If it is armed, and its owner may, it is recorded from now on.
    ///
    /// # Panics
    /// There is no such meeting, or it runs already.
    pub fn begin(&self, meeting: u64) -> String {
        let now = self.inner.now();
        let (uuid, object, armed) = {
            let mut state = self.inner.state();
            assert!(state.live(meeting).is_none(), "a meeting that runs already");
            let uuid = state.uuid();
            let number = state.runs.len();
            let record = state.meetings.get_mut(&meeting).expect("a meeting");
            record["uuid"] = json!(uuid);
            record["status"] = json!("started");
            let mut object = about(record, &uuid, now);
            let armed = record["settings"]["auto_recording"] == "cloud";
            let host = record["host_id"].as_str().unwrap_or_default().to_owned();
            let may = state.users.get(&host).is_some_and(|user| {
                user.user["type"] == 2 && user.settings["recording"]["cloud_recording"] == true
            });
            state.runs.push(Run {
                uuid: uuid.clone(),
                meeting,
                started: now,
                ended: None,
                recording: Recording::Off,
                pieces: Vec::new(),
                files: Vec::new(),
                ready: false,
                removed: false,
            });
            // The number is a number in the reference and a string in what was captured.
            if number % 2 == 1 {
                object["id"] = json!(meeting.to_string());
            }
            (uuid, object, armed && may)
        };
        self.inner.tell("meeting.started", object);
        if armed {
            self.record(meeting, Control::Start);
        }
        uuid
    }

    /// Somebody comes in.
    pub fn join(&self, meeting: u64, person: &Person) {
        self.inner.participant("meeting.participant_joined", meeting, person, "join_time", None);
    }

    /// Somebody leaves, for a reason in Zoom's words: `Host ended the meeting.`
    pub fn leave(&self, meeting: u64, person: &Person, reason: &str) {
        let reason = format!("{} left the meeting.<br>Reason: {reason}", person.name);
        let event = "meeting.participant_left";
        self.inner.participant(event, meeting, person, "leave_time", Some(&reason));
    }

    /// Somebody waits in the lobby.
    pub fn wait(&self, meeting: u64, person: &Person) {
        let event = "meeting.participant_joined_waiting_room";
        self.inner.participant(event, meeting, person, "date_time", None);
    }

    /// Somebody is let in from the lobby.
    pub fn admit(&self, meeting: u64, person: &Person) {
        for event in ["meeting.participant_admitted", "meeting.participant_left_waiting_room"] {
            self.inner.participant(event, meeting, person, "date_time", None);
        }
        self.join(meeting, person);
    }

    /// Somebody waits for the host before the meeting begins.
    pub fn wait_for_host(&self, meeting: u64, person: &Person) {
        let event = "meeting.participant_jbh_waiting";
        self.inner.participant(event, meeting, person, "date_time", None);
    }

    /// Somebody does something with the recording; Zoom does not tell who. False if it cannot be done now.
    pub fn record(&self, meeting: u64, control: Control) -> bool {
        self.inner.record(meeting, control)
    }

    /// A meeting ends. What was recorded is ready after [`Zoom::files_after`], or when a test [says so](Zoom::finish).
    ///
    /// # Panics
    /// It does not run.
    pub fn end(&self, meeting: u64) {
        let now = self.inner.now();
        self.inner.record(meeting, Control::Stop);
        let (object, wait) = {
            let mut state = self.inner.state();
            let files_after = state.files_after;
            let run = state.live(meeting).expect("a meeting that runs");
            run.ended = Some(now);
            let (uuid, started) = (run.uuid.clone(), run.started);
            let recorded = !run.pieces.is_empty();
            let mut object = json!({"id": meeting.to_string(), "uuid": uuid});
            if let Some(record) = state.meetings.get_mut(&meeting) {
                record["status"] = json!("waiting");
                object = about(record, &uuid, started);
                object["id"] = json!(meeting.to_string());
            }
            object["end_time"] = json!(time(now));
            (object, files_after.filter(|_| recorded).map(|wait| (wait, uuid)))
        };
        self.inner.tell("meeting.ended", object);
        if let Some((wait, uuid)) = wait {
            let inner = Arc::downgrade(&self.inner);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                if let Some(inner) = inner.upgrade() {
                    inner.finish(&uuid);
                }
            });
        }
    }
}

impl Inner {
    fn participant(
        &self,
        event: &str,
        meeting: u64,
        person: &Person,
        when: &str,
        reason: Option<&str>,
    ) {
        let now = self.now();
        let mut object = {
            let mut state = self.state();
            let run = state.live(meeting).map(|run| (run.uuid.clone(), run.started));
            let record = state.meetings.get(&meeting).cloned().unwrap_or_default();
            let (uuid, started) = run
                .unwrap_or_else(|| (record["uuid"].as_str().unwrap_or_default().to_owned(), now));
            about(&record, &uuid, started)
        };
        object["id"] = json!(meeting.to_string());
        let mut participant = json!({
            "user_id": person.key, "participant_uuid": person.key, "user_name": person.name,
            "id": person.user, "participant_user_id": person.user, "email": person.email,
            "registrant_id": "", "customer_key": "", when: time(now),
        });
        if let Some(reason) = reason {
            participant["leave_reason"] = json!(reason);
        }
        object["participant"] = participant;
        self.tell(event, object);
    }

    /// Does something with the recording of a run, and tells of it; false if that cannot be done now.
    pub(super) fn record(&self, meeting: u64, control: Control) -> bool {
        let now = self.now();
        let told = {
            let mut state = self.state();
            let record = state.meetings.get(&meeting).cloned().unwrap_or_default();
            let Some(run) = state.live(meeting) else { return false };
            let (event, since) = match (control, run.recording) {
                (Control::Start, Recording::Off) => {
                    run.recording = Recording::Running(now);
                    ("recording.started", now)
                }
                (Control::Pause, Recording::Running(since)) => {
                    run.recording = Recording::Paused(since);
                    ("recording.paused", since)
                }
                (Control::Resume, Recording::Paused(since)) => {
                    run.recording = Recording::Running(since);
                    ("recording.resumed", since)
                }
                (Control::Stop, Recording::Running(since) | Recording::Paused(since)) => {
                    run.recording = Recording::Off;
                    run.pieces.push((since, now));
                    ("recording.stopped", since)
                }
                _ => return false,
            };
            let ends = matches!(control, Control::Stop | Control::Pause).then(|| time(now));
            let mut object = about(&record, &run.uuid, run.started);
            object["recording_file"] =
                json!({"recording_start": time(since), "recording_end": ends});
            (event, object)
        };
        self.tell(told.0, told.1);
        true
    }
}

/// What all webhooks about a run hold.
pub(super) fn about(meeting: &Value, uuid: &str, started: DateTime<Utc>) -> Value {
    json!({"id": meeting["id"], "uuid": uuid, "host_id": meeting["host_id"], "topic": meeting["topic"],
        "type": meeting["type"], "start_time": time(started), "timezone": meeting["timezone"],
        "duration": meeting["duration"]})
}
