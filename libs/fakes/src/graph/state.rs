//! What a tenant holds.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::{Outbox, Random};

#[derive(Debug)]
pub(super) struct State {
    pub(super) random: Random,
    pub(super) page: usize,
    /// Tokens, and until when they are good.
    pub(super) tokens: BTreeMap<String, DateTime<Utc>>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) meetings: Vec<Meeting>,
    /// Users: ids and addresses.
    pub(super) users: Vec<(String, String)>,
    /// The record of each meeting's call: its id, and how often it was written.
    pub(super) records: BTreeMap<String, (String, i64)>,
    /// What is to be told, by address; and whether it is encrypted.
    pub(super) waiting: BTreeMap<String, Vec<(Value, bool)>>,
    pub(super) outboxes: BTreeMap<String, Outbox>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            random: Random::new(0),
            page: 20,
            tokens: BTreeMap::new(),
            subscriptions: Vec::new(),
            meetings: Vec::new(),
            users: Vec::new(),
            records: BTreeMap::new(),
            waiting: BTreeMap::new(),
            outboxes: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) resource: String,
    pub(super) changes: String,
    pub(super) url: String,
    pub(super) lifecycle_url: Option<String>,
    pub(super) client_state: Option<String>,
    pub(super) expires: DateTime<Utc>,
    /// Our name of the certificate, and its public key.
    pub(super) certificate: Option<(String, Vec<u8>)>,
    /// It wants to be confirmed, and tells nothing until it is.
    pub(super) asleep: bool,
}

#[derive(Debug)]
pub(super) struct Meeting {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) join_url: String,
    pub(super) start: DateTime<Utc>,
    pub(super) recordings: Vec<(String, DateTime<Utc>, Bytes)>,
}

impl State {
    /// Forgets subscriptions that are over.
    pub(super) fn prune(&mut self, now: DateTime<Utc>) {
        self.subscriptions.retain(|one| one.expires > now);
    }

    pub(super) fn meeting(&self, id: &str) -> Option<&Meeting> {
        self.meetings.iter().find(|one| one.id == id)
    }

    pub(super) fn meeting_mut(&mut self, id: &str) -> Option<&mut Meeting> {
        self.meetings.iter_mut().find(|one| one.id == id)
    }

    pub(super) fn uuid(&mut self) -> String {
        let hex = HEXLOWER.encode(&self.random.bytes(16));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
