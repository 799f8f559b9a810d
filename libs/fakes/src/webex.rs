//! Webex: an organisation with meetings, webhooks signed with HMAC-SHA1, recordings behind links that expire.
//!
//! A test moves it: [`Webex::begin`], [`Webex::join`], [`Webex::end`], [`Webex::record`]. Documented: the envelope of a
//! webhook, its signature, that a webhook without a secret is not signed, states of meetings and participants, the redirect
//! of `POST /meetings/join` unless it is told otherwise, direct links for three hours, pages by `Link`. A guess: how often
//! Webex tries (here three times at short intervals), after how many failures a webhook is set inactive (here the first
//! that is given up, told by the test through [`Webex::give_up`]), and the words of refusals.

mod rest;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Clock, Faults, Log, Manner, Notice, Outbox, Random, Sender, Server, Sign, media, sign,
};

/// The token it lets in.
const TOKEN: &str = "webex-token";
/// The application that may fetch it, and with what.
const CLIENT: &str = "webex-client";
const CLIENT_SECRET: &str = "webex-client-secret";
const GRANT: &str = "webex-grant";
/// How long direct links hold.
const LINKS: TimeDelta = TimeDelta::hours(3);

/// Webex on a loopback port. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Webex {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    state: Mutex<State>,
    url: OnceLock<String>,
}

#[derive(Debug)]
struct State {
    random: Random,
    page: usize,
    hooks: Vec<Hook>,
    meetings: Vec<Meeting>,
    recordings: Vec<Recording>,
}

#[derive(Debug, Clone)]
struct Hook {
    id: String,
    /// How it was made.
    wanted: Value,
    active: bool,
    outbox: Outbox,
}

#[derive(Debug)]
struct Meeting {
    id: String,
    link: String,
    password: Option<String>,
    /// What it is told with beside what it always has.
    more: Value,
    state: &'static str,
    start: DateTime<Utc>,
    /// The run: its id.
    run: Option<String>,
    people: Vec<Value>,
}

#[derive(Debug)]
struct Recording {
    id: String,
    run: String,
    meeting: String,
    at: DateTime<Utc>,
    file: Bytes,
    /// Whether the host lets it be fetched.
    open: bool,
}

/// `X-Spark-Signature`: HMAC-SHA1 in hex, where the webhook has a secret.
#[derive(Debug, Clone)]
pub struct Signature(Option<Vec<u8>>);

impl Signature {
    /// With a webhook's secret, or without one.
    #[must_use]
    pub fn new(secret: Option<&str>) -> Self {
        Self(secret.map(|secret| secret.as_bytes().to_vec()))
    }
}

impl Sign for Signature {
    fn headers(&self, _: &Url, body: &[u8], _: DateTime<Utc>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(secret) = &self.0 {
            let code = sign::sha1_hex(secret, body);
            let value = HeaderValue::from_str(&code).expect("the value of a header");
            headers.insert("x-spark-signature", value);
        }
        headers
    }
}

/// Webex's manner as it is played; the real one is not documented.
#[must_use]
pub fn manner() -> Manner {
    Manner {
        timeout: Duration::from_secs(10),
        waits: vec![Duration::from_secs(1), Duration::from_secs(5)],
        content: |status| (200..300).contains(&status),
        retries: |status| !(200..300).contains(&status),
        signs_anew: false,
    }
}

impl Webex {
    /// An organisation without meetings.
    pub async fn start(clock: Clock) -> Self {
        let (random, page) = (Random::new(5), 10);
        let (hooks, meetings, recordings) = (Vec::new(), Vec::new(), Vec::new());
        let state = Mutex::new(State { random, page, hooks, meetings, recordings });
        let inner = Arc::new(Inner { clock, state, url: OnceLock::new() });
        let server = Arc::new(Server::start(rest::routes(Arc::clone(&inner))).await);
        inner.url.get_or_init(|| server.url(""));
        Self { server, inner }
    }

    /// What the paths of the API begin with.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.server.url("/v1")
    }

    /// The token it lets in.
    #[must_use]
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// The id and the secret of the application that may fetch the token, and the grant it does so with.
    #[must_use]
    pub fn grant(&self) -> (&'static str, &'static str, &'static str) {
        (CLIENT, CLIENT_SECRET, GRANT)
    }

    /// All webhooks there are, as they are shown.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Value> {
        self.inner.state().hooks.iter().map(rest::shown).collect()
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// What it was asked.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.server.log()
    }

    /// How many things stand on a page, at most.
    pub fn page(&self, things: usize) {
        self.inner.state().page = things.max(1);
    }

    /// What goes through a webhook, on its way.
    ///
    /// # Panics
    /// There is no such webhook.
    #[must_use]
    pub fn outbox(&self, hook: &str) -> Outbox {
        let state = self.inner.state();
        state.hooks.iter().find(|one| one.id == hook).expect("a webhook").outbox.clone()
    }

    /// A webhook is set inactive, as after too many failures: it tells nothing until somebody sets it active again.
    ///
    /// # Panics
    /// There is no such webhook.
    pub fn give_up(&self, hook: &str) {
        let mut state = self.inner.state();
        state.hooks.iter_mut().find(|one| one.id == hook).expect("a webhook").active = false;
    }

    /// Waits until nothing is on its way.
    pub async fn settled(&self) {
        let all: Vec<Outbox> =
            self.inner.state().hooks.iter().map(|one| one.outbox.clone()).collect();
        for one in all {
            one.settled().await;
        }
    }

    /// There is a meeting; `more` is what its fields hold besides. Its id is returned.
    pub fn add_meeting(&self, link: &str, password: Option<&str>, more: Value) -> String {
        let id = {
            let mut state = self.inner.state();
            let id = data_encoding::HEXLOWER.encode(&state.random.bytes(16));
            state.meetings.push(Meeting {
                id: id.clone(),
                link: link.to_owned(),
                password: password.map(str::to_owned),
                more,
                state: "scheduled",
                start: self.inner.now(),
                run: None,
                people: Vec::new(),
            });
            id
        };
        self.inner.tell_meeting(&id, "created");
        id
    }

    /// A meeting has another state: `ready`, `lobby`, `missed`, `expired`.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn set_state(&self, meeting: &str, state: &'static str) {
        self.inner.state().meeting_mut(meeting).expect("a meeting").state = state;
        self.inner.tell_meeting(meeting, "updated");
    }

    /// A meeting begins. The id of the run is returned.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn begin(&self, meeting: &str) -> String {
        let run = {
            let mut state = self.inner.state();
            let run = format!("{meeting}_I_{}", state.random.number() % 1_000_000_000_000);
            let one = state.meeting_mut(meeting).expect("a meeting");
            (one.run, one.state) = (Some(run.clone()), "inProgress");
            one.people.clear();
            run
        };
        self.inner.tell_meeting(meeting, "started");
        run
    }

    /// A meeting ends.
    ///
    /// # Panics
    /// There is no such meeting.
    pub fn end(&self, meeting: &str) {
        self.inner.state().meeting_mut(meeting).expect("a meeting").state = "ended";
        self.inner.tell_meeting(meeting, "ended");
    }

    /// Somebody comes into a meeting that runs, or only into its lobby.
    ///
    /// # Panics
    /// The meeting does not run.
    pub fn join(&self, meeting: &str, email: &str, host: bool, lobby: bool) {
        let data = {
            let mut state = self.inner.state();
            let one = state.meeting_mut(meeting).expect("a meeting");
            let run = one.run.clone().expect("a run");
            let data = json!({"id": format!("{run}_{email}"), "orgId": "org-1", "email": email,
                "displayName": "Ada Example", "host": host, "meetingId": run,
                "state": if lobby { "lobby" } else { "joined" }, "joinedTime": stamp(self.inner.now())});
            one.people.retain(|person| person["id"] != data["id"]);
            one.people.push(data.clone());
            data
        };
        self.inner.tell("meetingParticipants", "joined", &data);
    }

    /// Somebody leaves.
    ///
    /// # Panics
    /// Nobody of that address is there.
    pub fn leave(&self, meeting: &str, email: &str) {
        let data = {
            let mut state = self.inner.state();
            let one = state.meeting_mut(meeting).expect("a meeting");
            let person = one.people.iter_mut().find(|one| one["email"] == email);
            let person = person.expect("somebody");
            person["state"] = json!("end");
            person["leftTime"] = json!(stamp(self.inner.now()));
            person.clone()
        };
        self.inner.tell("meetingParticipants", "left", &data);
    }

    /// A recording of a meeting's last run is ready; the host lets it be fetched, or does not. Its id is returned.
    ///
    /// # Panics
    /// The meeting never ran.
    pub fn record(&self, meeting: &str, file: Bytes, open: bool) -> String {
        let (id, data) = {
            let mut state = self.inner.state();
            let id = data_encoding::HEXLOWER.encode(&state.random.bytes(16));
            let run = state.meeting_mut(meeting).and_then(|one| one.run.clone()).expect("a run");
            let (at, meeting) = (self.inner.now(), meeting.to_owned());
            let one = Recording { id: id.clone(), run, meeting, at, file, open };
            let data = one.shown(None);
            state.recordings.push(one);
            (id, data)
        };
        self.inner.tell("recordings", "created", &data);
        id
    }
}

impl State {
    fn meeting_mut(&mut self, id: &str) -> Option<&mut Meeting> {
        self.meetings.iter_mut().find(|one| one.id == id)
    }
}

impl Meeting {
    fn shown(&self) -> Value {
        let mut value = json!({"id": self.run.as_ref().unwrap_or(&self.id), "meetingSeriesId": self.id,
            "meetingType": if self.run.is_some() { "meeting" } else { "meetingSeries" }, "state": self.state,
            "start": stamp(self.start), "end": stamp(self.start + TimeDelta::hours(1)), "webLink": self.link,
            "hostUserId": "host-1", "hostEmail": "ada@acme.example"});
        for (key, more) in self.more.as_object().into_iter().flatten() {
            value[key] = more.clone();
        }
        value
    }
}

impl Recording {
    /// How it is shown, with links that begin with this.
    fn shown(&self, links: Option<(&str, DateTime<Utc>)>) -> Value {
        let mut value = json!({"id": self.id, "meetingId": self.run, "meetingSeriesId": self.meeting,
            "timeRecorded": stamp(self.at), "createTime": stamp(self.at), "format": "MP4", "status": "available",
            "serviceType": "MeetingCenter", "durationSeconds": self.file.len() / 16_000, "sizeBytes": self.file.len(),
            "hostEmail": "ada@acme.example"});
        if let Some((base, until)) = links.filter(|_| self.open) {
            let link = media::link(base, &self.id, until);
            value["temporaryDirectDownloadLinks"] = json!({"recordingDownloadLink": link, "audioDownloadLink": link, "expiration": stamp(until)});
        }
        value
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn tell_meeting(&self, id: &str, event: &str) {
        let data = {
            let mut state = self.state();
            state.meeting_mut(id).expect("a meeting").shown()
        };
        self.tell("meetings", event, &data);
    }

    /// Tells all active webhooks that are for it.
    fn tell(&self, resource: &str, event: &str, data: &Value) {
        let state = self.state();
        for hook in state.hooks.iter().filter(|one| one.active) {
            let of = |key: &str| hook.wanted[key].as_str().unwrap_or_default();
            if of("resource") != resource || (of("event") != event && of("event") != "all") {
                continue;
            }
            let body = json!({"id": hook.id, "name": of("name"), "resource": resource, "event": event, "filter": null,
                "orgId": "org-1", "createdBy": "host-1", "appId": "app-1", "ownedBy": "creator", "status": "active",
                "created": "2020-01-01T00:00:00.000Z", "actorId": "host-1", "data": data});
            hook.outbox.send(Notice::json(&format!("{resource}.{event}"), &body));
        }
    }

    fn hook(&self, id: String, wanted: Value) -> Hook {
        let target = wanted["targetUrl"].as_str().unwrap_or_default();
        let sign = Arc::new(Signature::new(wanted["secret"].as_str()));
        let outbox = Outbox::new();
        outbox.subscribe(Sender::new(target, sign, manner().faster(100), self.clock.clone()));
        Hook { id, wanted, active: true, outbox }
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
