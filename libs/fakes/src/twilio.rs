//! Twilio: calls that ring, are answered or not, and are recorded; callbacks signed as Twilio signs.
//!
//! A test moves it: [`Twilio::dial`], [`Twilio::walk`], [`Twilio::record`], [`Twilio::finish_recording`]. Documented: the
//! states of a call and of a recording, the fields of callbacks with `SequenceNumber`, times in the form of RFC 2822, the
//! signature over the URL and the sorted form or over the URL with the hash of the body, paths, pages, error codes, media
//! that wants the account's credentials. A guess: which state can follow which, that recording callbacks are not counted,
//! that media of a recording that is not finished answers
//! 404, and that a recording that was stopped is `processing`.
//!
//! Callbacks overtake one another at Twilio: hold the [`Outbox`] and release it in another order.

mod callbacks;
mod rest;
mod sign;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::{Value, json};
use url::Url;

pub use sign::{Signature, manner};

use crate::{Attempt, Clock, Faults, Log, Notice, Outbox, Random, Sender, Server, Sign, Signed};

/// What the account is called.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account's id.
    pub account: String,
    /// The auth token: it lets in, and it signs.
    pub token: String,
    /// What time it is.
    pub clock: Clock,
    /// Where ids come from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: "AC0123456789abcdef0123456789abcdef".into(),
            token: "acme-auth-token".into(),
            clock: Clock::system(),
            seed: 2,
        }
    }
}

/// Twilio on a loopback port. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Twilio {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    state: Mutex<State>,
    outbox: Outbox,
}

#[derive(Debug)]
struct State {
    random: Random,
    calls: BTreeMap<String, PhoneCall>,
    recordings: Vec<Recording>,
    /// Which kinds of numbers may be called, by country.
    dialing: BTreeMap<String, [bool; 3]>,
    page: usize,
}

#[derive(Debug, Clone)]
struct PhoneCall {
    sid: String,
    parent: Option<String>,
    from: String,
    to: String,
    status: &'static str,
    told: u32,
    made: DateTime<Utc>,
    answered: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    answered_by: Option<String>,
}

#[derive(Debug, Clone)]
struct Recording {
    sid: String,
    call: String,
    source: String,
    status: &'static str,
    made: DateTime<Utc>,
    seconds: i64,
    error: Option<u32>,
    file: Option<Bytes>,
}

impl Twilio {
    /// An account without calls.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// An account of one's own choice without calls.
    pub async fn start_with(options: Options) -> Self {
        let state = Mutex::new(State {
            random: Random::new(options.seed),
            calls: BTreeMap::new(),
            recordings: Vec::new(),
            dialing: BTreeMap::from([("US".to_owned(), [true, false, false])]),
            page: 50,
        });
        let inner = Arc::new(Inner { options, state, outbox: Outbox::new() });
        let server = Arc::new(Server::start(rest::routes(Arc::clone(&inner))).await);
        Self { server, inner }
    }

    /// What the paths of both of its APIs begin with.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// What it is called.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
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

    /// Its callbacks on their way.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    /// Sends callbacks to an address from now on.
    pub fn subscribe(&self, target: &str) -> Sender {
        let sender = self.sender(target);
        self.inner.outbox.subscribe(sender.clone());
        sender
    }

    /// Sends once, signed, a body of JSON, as some products of Twilio do: its hash is added to the address.
    pub async fn post_json(&self, target: &str, body: &Value) -> Attempt {
        let notice = Notice::json("json", body);
        let target = sign::hashed(target, &notice.body);
        let sender = self.sender(&target);
        sender.post(&sender.sign(&notice)).await
    }

    /// The headers Twilio would send with a body of JSON, and the address it would call.
    #[must_use]
    pub fn signed_json(&self, target: &str, body: &Value) -> (String, Signed) {
        let notice = Notice::json("json", body);
        let target = sign::hashed(target, &notice.body);
        let signed = self.sender(&target).sign(&notice);
        (target, signed)
    }

    /// The signature of an address and a body of this kind, for tests with vectors.
    #[must_use]
    pub fn signature(&self, url: &Url, body: &[u8]) -> HeaderMap {
        Signature::new(&self.inner.options.token).headers(url, body, self.inner.now())
    }

    /// How many recordings stand on a page, at most.
    pub fn page(&self, recordings: usize) {
        self.inner.state().page = recordings.max(1);
    }

    /// Lets the account call ordinary, special and notorious numbers of a country, or not.
    pub fn permit(&self, country: &str, ordinary: bool, special: bool, notorious: bool) {
        let kinds = [ordinary, special, notorious];
        self.inner.state().dialing.insert(country.to_owned(), kinds);
    }

    /// Places a call: it is queued, of which no callback tells. Its id is returned.
    #[must_use]
    pub fn dial(&self, from: &str, to: &str) -> String {
        self.inner.dial(from, to, None)
    }

    /// Places a call for another one: the leg of whoever is called.
    #[must_use]
    pub fn dial_for(&self, parent: &str, from: &str, to: &str) -> String {
        self.inner.dial(from, to, Some(parent))
    }

    /// Something becomes of a call: `initiated`, `ringing`, `in-progress`, and how it ends.
    ///
    /// # Panics
    /// There is no such call, or that cannot follow.
    pub fn happen(&self, call: &str, status: &str) {
        self.happen_with(call, status, &[]);
    }

    /// The same, with what its callback says besides: `SipResponseCode`, `ErrorCode`, `AnsweredBy`.
    ///
    /// # Panics
    /// There is no such call, or that cannot follow.
    pub fn happen_with(&self, call: &str, status: &str, more: &[(&str, &str)]) {
        self.inner.happen(call, status, more);
    }

    /// One thing after another becomes of a call.
    ///
    /// # Panics
    /// There is no such call, or one of them cannot follow.
    pub fn walk(&self, call: &str, statuses: &[&str]) {
        for status in statuses {
            self.happen(call, status);
        }
    }

    /// A call is recorded from now on; `DialVerb` by its plan, `StartCallRecordingAPI` since somebody asked. The id of the
    /// recording is returned.
    ///
    /// # Panics
    /// There is no such call.
    #[must_use]
    pub fn record(&self, call: &str, source: &str) -> String {
        self.inner.record(call, source)
    }

    /// A recording is ready, so many seconds of a tone or of silence.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn finish_recording(&self, recording: &str, seconds: u32, silent: bool) {
        let file = crate::wav(seconds, silent);
        self.inner.close(recording, "completed", i64::from(seconds), None, Some(file));
    }

    /// There was nothing to record.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn absent(&self, recording: &str) {
        self.inner.close(recording, "absent", 0, None, None);
    }

    /// A recording failed, with an error of Twilio's.
    ///
    /// # Panics
    /// There is no such recording.
    pub fn fail_recording(&self, recording: &str, error: u32) {
        self.inner.close(recording, "failed", -1, Some(error), None);
    }

    /// The state a recording is in, in Twilio's word; none where it was deleted.
    #[must_use]
    pub fn recording_status(&self, recording: &str) -> Option<&'static str> {
        let state = self.inner.state();
        state.recordings.iter().find(|one| one.sid == recording).map(|one| one.status)
    }

    /// The ids of the recordings that are there.
    #[must_use]
    pub fn recordings(&self) -> Vec<String> {
        self.inner.state().recordings.iter().map(|one| one.sid.clone()).collect()
    }

    fn sender(&self, target: &str) -> Sender {
        let sign = Arc::new(Signature::new(&self.inner.options.token));
        Sender::new(target, sign, manner(), self.inner.options.clock.clone())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }
}

/// An id of Twilio's: two letters and 32 digits of hex.
fn sid(kind: &str, random: &mut Random) -> String {
    format!("{kind}{}", data_encoding::HEXLOWER.encode(&random.bytes(16)))
}

/// An instant as Twilio writes it.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc2822()
}

/// How the API shows a recording.
fn shown(inner: &Inner, one: &Recording) -> Value {
    let (account, sid) = (&inner.options.account, &one.sid);
    json!({
        "account_sid": account, "api_version": "2010-04-01", "call_sid": one.call, "conference_sid": null,
        "channels": 1, "date_created": time(one.made), "date_updated": time(one.made), "start_time": time(one.made),
        "price": null, "price_unit": "USD", "duration": one.seconds.to_string(), "sid": sid, "source": one.source,
        "status": one.status, "error_code": one.error, "encryption_details": null,
        "uri": format!("/2010-04-01/Accounts/{account}/Recordings/{sid}.json"),
        "media_url": format!("http://api.twilio.example/2010-04-01/Accounts/{account}/Recordings/{sid}"),
    })
}
