//! Zoom: one account with users, meetings, cloud recordings and telephones.
//!
//! A test moves it: [`Zoom::begin`], [`Zoom::join`], [`Zoom::record`], [`Zoom::end`], [`Zoom::finish`]; each sends the
//! webhooks Zoom sends and changes what REST answers. Payloads have the form of the documented examples with what makes them
//! hard to read: ids that are numbers here and strings there, runs whose uuid begins with `/` or holds `//` (escape it once
//! only, and there is nothing), an open end that is null, files without id, a title with letters escaped and not, one
//! completed recording told twice with different tokens ([`Zoom::tell_twice`]).
//!
//! Where the reference is silent this is a guess: what is answered when the recording of a meeting that does not run is to
//! be steered (400 with code 300), and when `auto_recording` is locked (a success that changes nothing). Webhooks about
//! telephones other than those of rejected calls and stopped or deleted recordings have their documented names, and fields
//! by analogy.

mod events;
mod files;
mod oauth;
mod phone;
mod rest;
mod script;
mod sign;
mod state;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub use script::{Control, Person};
pub use sign::{Signature, manner};

use crate::{Attempt, Clock, Fault, Faults, Log, Manner, Notice, Outbox, Reply, Sender, Server};
use state::State;

/// What the account and its application are called.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account's id.
    pub account: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// What webhooks are signed with.
    pub webhook_secret: String,
    /// What time it is.
    pub clock: Clock,
    /// Where ids and tokens come from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: "VjZoEAcmeT5y-HlWxkV-tVA".into(),
            client_id: "acme-client".into(),
            client_secret: "acme-client-secret".into(),
            webhook_secret: "acme-webhook-secret".into(),
            clock: Clock::system(),
            seed: 1,
        }
    }
}

/// Zoom on a loopback port. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Zoom {
    server: Arc<Server>,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    state: Mutex<State>,
    outbox: Outbox,
    /// What links to files begin with.
    url: OnceLock<String>,
}

impl Zoom {
    /// An account with nobody in it.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// An account of one's own choice with nobody in it.
    pub async fn start_with(options: Options) -> Self {
        let state = Mutex::new(State::new(options.seed));
        let inner = Arc::new(Inner { options, state, outbox: Outbox::new(), url: OnceLock::new() });
        let server = Server::start(rest::routes(Arc::clone(&inner))).await;
        inner.url.get_or_init(|| server.url(""));
        Self { server: Arc::new(server), inner }
    }

    /// What the paths of the API begin with.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.server.url("/v2")
    }

    /// Where tokens come from.
    #[must_use]
    pub fn oauth_url(&self) -> String {
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

    /// Its webhooks on their way.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    /// Sends webhooks to an address from now on, with Zoom's retries in thousandths of their time.
    pub fn subscribe(&self, target: &str) -> Sender {
        self.subscribe_as(target, manner().faster(10_000))
    }

    /// Sends webhooks to an address from now on, in a manner of one's own choice.
    pub fn subscribe_as(&self, target: &str, manner: Manner) -> Sender {
        let sign = Arc::new(Signature::new(&self.inner.options.webhook_secret));
        let sender = Sender::new(target, sign, manner, self.inner.options.clock.clone());
        self.inner.outbox.subscribe(sender.clone());
        sender
    }

    /// Asks an address whether it is ours, as Zoom does when somebody subscribes and every 72 hours from then on; whether
    /// it answered as it should.
    pub async fn validate(&self, sender: &Sender) -> bool {
        let plain = self.inner.state().random.text(22);
        let body = json!({"payload": {"plainToken": plain}, "event_ts": self.inner.millis(),
            "event": "endpoint.url_validation"});
        let signed = sender.sign(&Notice::json("endpoint.url_validation", &body));
        let (attempt, answer) = sender.ask(&signed).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let secret = self.inner.options.webhook_secret.as_bytes();
        attempt == Attempt::Status(200)
            && answer["plainToken"] == plain
            && answer["encryptedToken"] == crate::sign::sha256_hex(secret, plain.as_bytes())
    }

    /// All tokens lapse at once.
    pub fn expire_tokens(&self) {
        self.inner.state().tokens.clear();
    }

    /// How many tokens were fetched.
    #[must_use]
    pub fn minted(&self) -> u32 {
        self.inner.state().minted
    }

    /// From now on a new token ends the one before, as was seen.
    pub fn one_token_at_a_time(&self) {
        self.inner.state().one_token = true;
    }

    /// From now on what was recorded is ready so long after a meeting ended, by itself.
    pub fn files_after(&self, time: Duration) {
        self.inner.state().files_after = Some(time);
    }

    /// From now on a completed recording is told twice at once, with different tokens and links.
    pub fn tell_twice(&self) {
        self.inner.state().tell_twice = true;
    }

    /// What files of this kind (`MP4`, `M4A`) hold from now on.
    pub fn set_media(&self, kind: &str, bytes: impl Into<bytes::Bytes>) {
        self.inner.state().media.insert(kind.to_owned(), bytes.into());
    }

    /// Sends a webhook of one's own making: what follows `payload`, the account excepted, which is added.
    pub fn say(&self, event: &str, mut payload: Value) {
        payload["account_id"] = json!(self.inner.options.account);
        self.inner.outbox.send(events::notice(event, self.inner.millis(), payload, None));
    }

    /// An administrator removes our application: a webhook of another form, and every token is refused.
    pub fn deauthorize(&self) {
        let mut state = self.inner.state();
        state.tokens.clear();
        state.deauthorized = true;
        drop(state);
        self.inner.outbox.send(events::deauthorized(&self.inner.options, self.inner.now()));
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }

    fn millis(&self) -> i64 {
        self.now().timestamp_millis()
    }

    /// Sends a webhook in the usual envelope.
    fn tell(&self, event: &str, object: Value) {
        let payload = json!({"account_id": self.options.account, "object": object});
        self.outbox.send(events::notice(event, self.millis(), payload, None));
    }

    /// The same, of something a person did who is named beside it.
    fn tell_of(&self, event: &str, more: Value, object: Value) {
        let mut payload = json!({"account_id": self.options.account,
            "operator": "admin@acme.example", "operator_id": "z8yCxAdminHGfp8uQ", "object": object});
        state::merge(&mut payload, &more);
        self.outbox.send(events::notice(event, self.millis(), payload, None));
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url.get().map_or("", String::as_str))
    }
}

/// 429, since there were too many calls in a second.
#[must_use]
pub fn busy_second() -> Fault {
    let message =
        "You have reached the maximum per-second rate limit for this API. Try again later.";
    let reply = rest::error(429, 429, message)
        .header("X-RateLimit-Category", "Light")
        .header("X-RateLimit-Type", "Per-second-limit")
        .header("X-RateLimit-Limit", "30")
        .header("X-RateLimit-Remaining", "0")
        .header("Retry-After", "1");
    Fault::Answer(reply)
}

/// 429, since there were too many calls in a day: until when is said as a date.
#[must_use]
pub fn busy_day(until: DateTime<Utc>) -> Fault {
    let reply =
        rest::error(429, 429, "You have reached the maximum daily rate limit for this API.")
            .header("X-RateLimit-Category", "Heavy")
            .header("X-RateLimit-Type", "Daily-limit")
            .header("X-RateLimit-Limit", "30000")
            .header("X-RateLimit-Remaining", "0")
            .header("Retry-After", &state::time(until));
    Fault::Answer(reply)
}

/// Our application lacks a scope.
#[must_use]
pub fn missing_scope(scope: &str) -> Fault {
    Fault::Answer(missing_scope_reply(scope))
}

fn missing_scope_reply(scope: &str) -> Reply {
    let message = format!("Invalid access token, does not contain scopes:[{scope}].");
    rest::error(400, 4711, &message)
}

/// What was asked needs a plan the account does not pay for.
#[must_use]
pub fn not_in_plan() -> Fault {
    Fault::Answer(rest::error(400, 200, "Only available for Paid account."))
}
