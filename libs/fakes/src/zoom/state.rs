//! What an account of Zoom holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::Random;

/// Everything in it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) random: Random,
    /// Access tokens, and until when they are good.
    pub(super) tokens: BTreeMap<String, DateTime<Utc>>,
    pub(super) minted: u32,
    pub(super) one_token: bool,
    pub(super) deauthorized: bool,
    pub(super) files_after: Option<Duration>,
    pub(super) tell_twice: bool,
    pub(super) media: BTreeMap<String, Bytes>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) account_locks: Value,
    pub(super) group_locks: BTreeMap<String, Value>,
    pub(super) meetings: BTreeMap<u64, Value>,
    /// All runs of all meetings, in the order in which they began.
    pub(super) runs: Vec<Run>,
    pub(super) calls: BTreeMap<String, Value>,
    pub(super) call_recordings: Vec<Value>,
    /// What links to files lead to.
    pub(super) files: BTreeMap<String, Bytes>,
    /// What opens them besides access tokens.
    pub(super) file_tokens: BTreeSet<String>,
}

/// A user.
#[derive(Debug)]
pub(super) struct User {
    pub(super) user: Value,
    pub(super) settings: Value,
    /// For whom the user schedules.
    pub(super) schedulers: Vec<String>,
    /// Who schedules for the user.
    pub(super) assistants: Vec<String>,
    /// Calls that changed meetings of the user, by day.
    pub(super) updates: BTreeMap<NaiveDate, u32>,
}

/// One run of a meeting.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) uuid: String,
    pub(super) meeting: u64,
    pub(super) started: DateTime<Utc>,
    pub(super) ended: Option<DateTime<Utc>>,
    pub(super) recording: Recording,
    /// From when to when was recorded.
    pub(super) pieces: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    pub(super) files: Vec<Value>,
    /// Zoom has finished with them.
    pub(super) ready: bool,
    /// In the bin, or gone.
    pub(super) removed: bool,
}

/// Whether a run is being recorded, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    Off,
    Running(DateTime<Utc>),
    Paused(DateTime<Utc>),
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            tokens: BTreeMap::new(),
            minted: 0,
            one_token: false,
            deauthorized: false,
            files_after: None,
            tell_twice: false,
            media: BTreeMap::new(),
            users: BTreeMap::new(),
            account_locks: locks(),
            group_locks: BTreeMap::new(),
            meetings: BTreeMap::new(),
            runs: Vec::new(),
            calls: BTreeMap::new(),
            call_recordings: Vec::new(),
            files: BTreeMap::new(),
            file_tokens: BTreeSet::new(),
        }
    }

    /// A user by id or address.
    pub(super) fn user(&self, id: &str) -> Option<(&String, &User)> {
        self.users.iter().find(|(own, user)| *own == id || user.user["email"] == id)
    }

    /// The run of a meeting that is going on.
    pub(super) fn live(&mut self, meeting: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.meeting == meeting && run.ended.is_none())
    }

    /// The uuid of the next run: 16 bytes in base64. Every second begins with a `/`, every third holds `//`.
    pub(super) fn uuid(&mut self) -> String {
        let mut bytes = self.random.bytes(16);
        let count = self.runs.len();
        if count % 2 == 1 {
            bytes[0] = 0xFF;
        } else {
            bytes[0] &= 0x7F;
        }
        if count % 3 == 2 {
            bytes[3..6].fill(0xFF);
        }
        BASE64.encode(&bytes)
    }
}

/// Nothing is locked.
pub(super) fn locks() -> Value {
    json!({"recording": {"cloud_recording": false, "local_recording": false, "auto_recording": false}})
}

/// RFC 7396.
pub(super) fn merge(value: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, inner) in patch {
        if inner.is_null() {
            value.as_object_mut().expect("an object").remove(key);
        } else {
            merge(&mut value[key], inner);
        }
    }
}

/// What a value held where a patch changes it.
pub(super) fn before(value: &Value, patch: &Value) -> Value {
    match patch.as_object() {
        Some(patch) => {
            patch.iter().map(|(key, inner)| (key.clone(), before(&value[key], inner))).collect()
        }
        None => value.clone(),
    }
}

/// A time as Zoom writes it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
